"""Messages unreadable because the key has not come (yet), and the reason. No I/O."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from nio import MegolmEvent, ToDeviceEvent, UnknownToDeviceEvent

log = logging.getLogger(__name__)

_KEY_MAY_COME_S = 6  # a megolm key can arrive a little after its message
_WITHHELD = ("m.room_key.withheld", "org.matrix.room_key.withheld")
_MOST_WITHHELD = 500


class Unread:
    """Tries again for a few seconds, then reports: once per megolm session.

    The rest of a session has the same cause. `report` is given room id, event id, sender, and the
    code of an `m.room_key.withheld` about the key (client-server API, "Reporting that decryption
    keys are withheld"), or an empty string.
    """

    def __init__(
        self,
        decrypt: Callable[[MegolmEvent], Any],
        report: Callable[[str, str, str, str], None],
    ) -> None:
        self._decrypt = decrypt
        self._report = report
        self._events: dict[str, tuple[MegolmEvent, float]] = {}
        self._told: set[str | None] = set()
        # (sender, megolm session, or curve25519 key of a device that found no way to us) → code
        self._withheld: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._events)

    def add(self, event: MegolmEvent) -> None:
        """Remember an unreadable message."""
        self._events[event.event_id] = (event, time.monotonic())

    def note_withheld(
        self, events: Iterable[ToDeviceEvent], listens_to: Callable[[str], bool]
    ) -> None:
        """Note the keys that somebody's app withholds from us.

        Anybody can send such a note: the note chooses the words of a report and nothing else.
        """
        for event in events:
            if not isinstance(event, UnknownToDeviceEvent) or event.type not in _WITHHELD:
                continue
            content = event.source.get("content", {})
            code = content.get("code")
            about = content.get("session_id") or content.get("sender_key")
            if isinstance(code, str) and isinstance(about, str) and listens_to(event.sender):
                log.info("key withheld sender=%s code=%.40r", event.sender, code)
                self._withheld[event.sender, about] = code
                if len(self._withheld) > _MOST_WITHHELD:
                    self._withheld.pop(next(iter(self._withheld)))

    def retry(self) -> list[Any]:
        """What can be read now; what still cannot after a while is reported."""
        found = []
        for event_id, (event, seen_at) in list(self._events.items()):
            decrypted = self._decrypt(event)
            if decrypted is not None:
                del self._events[event_id]
                found.append(decrypted)
            elif self._code(event) or time.monotonic() - seen_at > _KEY_MAY_COME_S:
                del self._events[event_id]
                self._tell(event)
        return found

    def _code(self, event: MegolmEvent) -> str:
        about = (str(event.session_id), str(event.sender_key))
        return next((code for it in about if (code := self._withheld.get((event.sender, it)))), "")

    def _tell(self, event: MegolmEvent) -> None:
        log.warning("message not readable event=%s sender=%s", event.event_id, event.sender)
        if event.session_id not in self._told:
            self._told.add(event.session_id)
            self._report(event.room_id, event.event_id, event.sender, self._code(event))
