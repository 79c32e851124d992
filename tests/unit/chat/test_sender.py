"""What is seen before a secret is sent, and what is not sent then. No server, no crypto."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.errors import HomeserverUnreachable, NotDeliverable, RateLimited
from adminbot.store import open_store
from adminbot.values.render import block, notice
from adminbot.values.secret import Sealer
from tests.counting import counting
from tests.fakes import JSON
from tests.unit.chat.bench import (
    DM,
    HALL,
    HER_PHONE,
    PHONE,
    ROGUE,
    YOU,
    Place,
    a_third,
    a_third_shows_up,
    emoji,
    history,
    in_clear,
    lost_at_the_lookup,
    lost_while_keys_go_out,
    no_device,
    no_objection,
    no_way,
    not_in_it,
    open_door,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_a_secret_goes_to_the_trusted_devices_of_its_reader(place: Place) -> None:
    assert await place.send_secret() == {PHONE}
    [event] = place.account.events
    assert (event.room_id, event.kind, event.txn) == (DM, "m.room.encrypted", "t")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (history, "history is open"),
        (in_clear, "not encrypted"),
        (open_door, "without an invitation"),
        (a_third, "@her:example.org` is in it"),
        (a_third_shows_up, "@her:example.org` is in it"),
        (not_in_it, "not in"),
        (emoji, "compare emoji"),
        (no_device, "None of your trusted devices"),
        (no_way, "None of your trusted devices"),
        (lost_at_the_lookup, "None of your trusted devices"),
        (lost_while_keys_go_out, "None of your trusted devices"),
    ],
)
async def test_a_secret_is_not_sent_and_the_reason_said(
    spoil: Callable[[Place], None], why: str, place: Place
) -> None:
    spoil(place)
    with pytest.raises(NotDeliverable, match=why):
        await place.send_secret()
    assert place.account.events == []


async def test_what_is_said_in_an_encrypted_room_is_encrypted(place: Place) -> None:
    assert await place.send() == {PHONE, HER_PHONE}
    assert place.account.events[-1].kind == "m.room.encrypted"


async def test_who_lost_trust_while_the_keys_went_out_reads_nothing(place: Place) -> None:
    place.account.meanwhile = place.phone_is_lost
    assert await place.send() == {HER_PHONE}


async def test_devices_are_looked_up_before_something_is_said(place: Place) -> None:
    await place.send()
    place.client.meanwhile = place.phone_is_lost
    assert await place.send() == {HER_PHONE}


async def test_a_lost_answer_is_sent_again_as_the_same_event(place: Place) -> None:
    once, sent = place.account.send_event, []

    async def lost(room_id: str, kind: str, content: JSON, *, txn: str) -> str:
        sent.append(txn)
        if len(sent) == 1:
            raise HomeserverUnreachable("HTTP 502")
        return await once(room_id, kind, content, txn=txn)

    place.account.send_event = lost  # type: ignore[method-assign]
    await place.chat.send(HALL, notice("hello"), txn="mine")
    assert sent == ["mine", "mine"]


async def test_what_the_homeserver_puts_off_is_sent_later_and_the_wait_is_counted(
    place: Place,
) -> None:
    once, limits = place.account.send_event, iter([RateLimited(timedelta(seconds=1))])

    async def limited(room_id: str, kind: str, content: JSON, *, txn: str) -> str:
        for limit in limits:
            raise limit
        return await once(room_id, kind, content, txn=txn)

    place.account.send_event = limited  # type: ignore[method-assign]
    with counting() as counted:
        await place.chat.send(HALL, notice("hello"), txn="t")
    samples = counted.samples()
    assert samples["adminbot_rate_limit_wait_seconds_count{waits=message}"] == 1
    assert samples["adminbot_rate_limit_wait_seconds_sum{waits=message}"] == 1


async def test_an_untrusted_device_reads_the_one_sentence_that_is_for_it(place: Place) -> None:
    await place.chat.tell_untrusted(HALL, str(YOU), notice("verify this device"), txn="t")
    assert place.account.readers_of(place.account.events[-1]) == {PHONE, HER_PHONE, ROGUE}
    assert await place.send() == {PHONE, HER_PHONE}


async def test_a_reaction_is_in_clear_and_shares_no_key(place: Place) -> None:
    await place.chat.react(DM, "$e", "✅", txn="t")
    [event] = place.account.events
    assert event.kind == "m.reaction"
    assert place.account.keys == []


async def test_whatever_is_said_has_the_prefix_of_commands_in_it(place: Place) -> None:
    place.chat._prefix = "?"
    text, pasted = notice("Type: `!verify`"), block("`!verify`")
    await place.chat.send(HALL, text, txn="a")
    await place.chat.tell_untrusted(HALL, str(YOU), text, txn="b")
    await place.chat.send_secret(DM, pasted, reader=YOU, txn="c", check=no_objection)
    said, told, secret = (str(event.content) for event in place.account.events)
    assert "Type: ?verify" in said
    assert "Type: ?verify" in told
    assert "`!verify`" in secret
