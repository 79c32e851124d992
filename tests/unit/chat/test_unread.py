"""What is said of a message that cannot be read, by what is known of its key."""

from typing import Any

import pytest
from nio import MegolmEvent, UnknownToDeviceEvent

from adminbot.chat.unread import Unread
from adminbot.dispatch.permission import unreadable

YOU = "@you:example.test"


def message(session: str = "S") -> MegolmEvent:
    event = MegolmEvent.from_dict(
        {
            "event_id": "$e",
            "sender": YOU,
            "origin_server_ts": 1,
            "type": "m.room.encrypted",
            "content": {
                "algorithm": "m.megolm.v1.aes-sha2",
                "ciphertext": "x",
                "device_id": "PHONE",
                "sender_key": "K",
                "session_id": session,
            },
        }
    )
    assert isinstance(event, MegolmEvent)
    event.room_id = "!r"
    return event


def withheld(sender: str = YOU, **content: Any) -> UnknownToDeviceEvent:
    source = {"sender": sender, "type": "m.room_key.withheld", "content": content}
    event: UnknownToDeviceEvent = UnknownToDeviceEvent.from_dict(source)  # type: ignore[no-untyped-call]
    return event


class Heard:
    def __init__(self) -> None:
        self.reports: list[tuple[str, str, str, str]] = []
        self.unread = Unread(lambda event: None, self.report)

    def report(self, *what: str) -> None:
        self.reports.append((what[0], what[1], what[2], what[3]))


def test_a_key_that_is_withheld_is_reported_at_once_and_once_per_session() -> None:
    heard = Heard()
    heard.unread.note_withheld([withheld(code="m.unverified", session_id="S")], lambda user: True)
    for _ in range(2):
        heard.unread.add(message())
        assert heard.unread.retry() == []
    assert heard.reports == [("!r", "$e", YOU, "m.unverified")]


def test_a_device_that_found_no_way_to_us_is_known_by_its_key() -> None:
    heard = Heard()
    heard.unread.note_withheld([withheld(code="m.no_olm", sender_key="K")], lambda user: True)
    heard.unread.add(message())
    heard.unread.retry()
    assert heard.reports == [("!r", "$e", YOU, "m.no_olm")]


@pytest.mark.parametrize(
    "event",
    [
        withheld(sender="@mallory:example.test", code="m.unverified", session_id="S"),
        withheld(code="m.unverified", session_id="ANOTHER"),
        withheld(code=["m.unverified"], session_id="S"),
        withheld(code="m.unverified", session_id={"S": 1}),
        withheld(),
    ],
)
def test_what_somebody_else_says_or_nonsense_reports_nothing(event: UnknownToDeviceEvent) -> None:
    heard = Heard()
    heard.unread.note_withheld([event], lambda user: True)
    heard.unread.add(message())
    heard.unread.retry()
    assert heard.reports == []
    assert heard.unread, "it is waited for"


def test_a_flood_of_notes_is_not_kept() -> None:
    heard = Heard()
    flood = [withheld(code="m.unverified", session_id=str(number)) for number in range(2000)]
    heard.unread.note_withheld(flood, lambda user: True)
    assert len(heard.unread._withheld) <= 500


def test_a_flood_of_strangers_notes_drives_no_admins_out() -> None:
    heard = Heard()
    flood = [
        withheld(f"@m{number}:example.test", code="m.x", session_id="S") for number in range(600)
    ]
    notes = [withheld(code="m.unverified", session_id="S"), *flood]
    heard.unread.note_withheld(notes, lambda user: user == YOU)
    heard.unread.add(message())
    heard.unread.retry()
    assert heard.reports == [("!r", "$e", YOU, "m.unverified")]


@pytest.mark.parametrize("code", ["m.unverified", "m.blacklisted", "m.no_olm", "m.else", ""])
def test_each_reason_has_its_remedy(code: str) -> None:
    text = unreadable(YOU, code)
    assert text.startswith("🙈 I could not read that message: ")
    assert "{" not in text
    assert "again" in text
