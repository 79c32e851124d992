"""Which messages count as commands: by prefix, room, device and sender."""

import re
from collections.abc import Iterable

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import Incoming
from adminbot.config import Trust
from adminbot.dispatch.permission import why_no_tap, why_not
from adminbot.trust.pins import TrustPolicy
from adminbot.values.text import as_meant, half_width


class ChatRules:
    """The questions put to a message before anything is done about the message.

    `prefix` and `names`: a command begins with either. `names` are what people call the bot:
    localpart, user id, display name.
    """

    def __init__(
        self,
        chat: Chat,
        policy: TrustPolicy,
        *,
        admin_room: str,
        prefix: str,
        names: tuple[str, ...],
    ) -> None:
        self._chat = chat
        self._policy = policy
        self._admin_room = admin_room
        self._prefix = prefix
        self._names = names

    @property
    def trust(self) -> Trust:
        return self._policy.mode

    def line_in(self, text: str) -> str | None:
        """The command line of a text; None if the text is not addressed to us."""
        return command_line(text, self._prefix, self._names)

    def slash_line_in(self, text: str) -> str:
        """The line behind a slash, with which other chat programs' commands begin; or empty."""
        slash, line = text[:1], as_meant(text)[1:]
        return line if half_width(slash) == "/" and line[:1].isalnum() else ""

    def without_prefix(self, word: str) -> str:
        return word.removeprefix(self._prefix)

    def is_at_home(self, room_id: str, sender: str) -> bool:
        """Whether a person's commands count in a room."""
        return room_id == self._admin_room or self._chat.rooms.is_own_dm(room_id, sender)

    def may_act(self, sender: str) -> bool:
        """Whether this person's trusted devices may do everything, as far as trust goes."""
        return self._policy.may_receive(sender)

    def why_not(self, incoming: Incoming, *, before_verified: bool) -> str:
        """What keeps a command from being carried out; empty if nothing does.

        Args:
            before_verified: the command may be typed before emoji were compared.
        """
        return why_not(
            incoming,
            at_home=self.is_at_home(incoming.room_id, incoming.sender),
            standing=self._policy.standing(incoming.sender),
            may_act=self.may_act(incoming.sender),
            before_verified=before_verified,
        )

    def why_no_tap(self, incoming: Incoming) -> str:
        """What keeps a tap from answering a question; empty if nothing does."""
        return why_no_tap(
            incoming.sender,
            at_home=self.is_at_home(incoming.room_id, incoming.sender),
            standing=self._policy.standing(incoming.sender),
            may_act=self.may_act(incoming.sender),
        )


def command_line(body: str, prefix: str, names: Iterable[str]) -> str | None:
    """The line after the prefix or our name; None if the text is not addressed to us."""
    text = as_meant(body).strip()
    if (line := _behind(prefix, text)) is not None:
        return line if line[:1].isalnum() else None  # "!" or "!!!" is just talk
    for name in sorted(filter(None, names), key=len, reverse=True):
        address = r"[:,：，]?" if name.startswith("@") else "[:,：，]"
        begin = re.match(rf"{re.escape(name)}\s*{address}(?:\s+|$)", text, re.IGNORECASE)
        if begin:
            line = text[begin.end() :].strip()
            return _behind(prefix, line) or line or "help"
    return None


def _behind(prefix: str, text: str) -> str | None:
    """What follows the prefix, perhaps in its wide form; None without prefix."""
    begins = text.startswith(prefix) or half_width(text[: len(prefix)]) == prefix
    return text[len(prefix) :].strip() if begins else None
