"""Refused changes on their way into the audit: few a minute, the others counted."""

from collections import Counter

from adminbot.accounts.registry import Registry
from adminbot.chat.incoming import REACTION, Incoming
from adminbot.dispatch.grammar import split
from adminbot.dispatch.rate_limit import RefusalLimit
from adminbot.errors import AdminbotError
from adminbot.store import BY_TAP, Entry, Kind
from adminbot.values.ids import is_localpart

_LONGEST = 100  # of a localpart
TOO_MANY = "too many refusals: further ones are only counted"


class Refusals:
    """Makes the entries. Who floods us shall not fill the disk."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._limit = RefusalLimit()
        self._left_out: Counter[str] = Counter()

    async def entry(
        self, incoming: Incoming, line: str, command: str, outcome: str
    ) -> Entry | None:
        """The audit's entry; None if there were too many of this person within a minute."""
        who = incoming.sender
        if not self._limit.allows(who, ""):
            self._left_out[who] += 1
            if self._left_out[who] > 1:
                return None
            outcome = TOO_MANY
        elif left_out := self._left_out.pop(who, 0):
            outcome = f"{outcome}, and {left_out} refusals before"
        target = await self._target_in(line)
        device, event_id = typed_on(incoming), incoming.event_id
        return Entry(Kind.REFUSAL, who, command, target, outcome, device, event_id)

    async def _target_in(self, line: str) -> str:
        """The user id that a line is about, as far as it is one for certain; empty otherwise.

        What was typed is not kept: people paste tokens where they should not.
        """
        _, *words = split(line) or [""]
        word = words[0] if words else ""
        try:
            user_id = self._registry.user_id(word)
        except AdminbotError:
            return ""
        if not is_localpart(user_id.localpart) or len(user_id.localpart) > _LONGEST:
            return ""
        is_certain = word.startswith("@") or await self._registry.known(user_id)
        return str(user_id) if is_certain else ""


def typed_on(incoming: Incoming) -> str:
    """The device for the audit: the trusted one that wrote the message, BY_TAP, or empty."""
    return BY_TAP if incoming.kind == REACTION else incoming.device
