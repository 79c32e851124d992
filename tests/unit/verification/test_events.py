"""What our own events hold, and what a request or a ready of somebody else is read for."""

import pytest

from adminbot.verification import events
from tests.unit.verification.test_sas import ANN, BOT, TXN, broken, code_of


@pytest.mark.parametrize("name", ["from_device", "methods"])
def test_a_malformed_request(name: str) -> None:
    good = events.request(ANN, BOT.user_id)
    assert events.offering_device(good) == ANN.device_id
    for content in broken(good, name, list if name == "methods" else str):
        code = code_of(events.offering_device, content)
        assert code == "m.invalid_message", content


def test_a_request_without_emoji() -> None:
    content = events.request(ANN, BOT.user_id) | {"methods": ["m.qr_code.scan.v1"]}
    assert code_of(events.offering_device, content) == "m.unknown_method"


def test_what_ends_it_is_part_of_it() -> None:
    for kind, content in (
        events.ready(TXN, BOT),
        events.done(TXN),
        events.cancel(TXN, "m.timeout", "It took too long."),
    ):
        assert content["m.relates_to"]["event_id"] == TXN, kind
