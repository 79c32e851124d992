"""A data directory that adminbot 0.1.0 left behind opens, and nothing in it is lost."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adminbot.chat.client import Client
from adminbot.homeserver.values import Session
from adminbot.store import Pin, Store, identity_of, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests import ROOT

pytestmark = pytest.mark.anyio

OLD = ROOT / "tests" / "data" / "0.1.0"
SEALER = Sealer.from_base64(Secret("F5eggt/g8MflQwSTSmVktjrSLB2l/PYW90bFe53IW9M="))
OWN, YOU, NANO, CLAW, QUIET, OFF, GONE = (
    UserId.parse(f"@{name}:example.test")
    for name in ("adminbot", "you-adminbot", "nanobot", "clawbot", "quiet", "off", "gone")
)
ROOM = "!Xd_fXIcwfMx2Mus28nYQGn5aBjTsS_X8bh8VZrjepPU"
DM = "!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw"
CUT_OFF = "$a0LFdq8o3MM4IyIouEXzGbhR1YeaZ2W5128jKQhpxp0"


class Nobody:
    """Of whom no device counts."""

    async def trusted(self, user_id: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {}

    def is_admin(self, user_id: str) -> bool:
        return False


def restore(dump: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript((OLD / dump).read_text())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    restore("adminbot.sql", tmp_path / "data" / "adminbot.db")
    async with open_store(tmp_path / "data", SEALER) as opened:
        yield opened


async def test_the_bots_and_their_devices(store: Store) -> None:
    assert [bot.user_id for bot in await store.bots.all()] == [NANO, CLAW, QUIET, OFF]
    assert await store.bots.find(GONE) is None
    nano, claw = await store.bots.find(NANO), await store.bots.find(CLAW)
    assert nano
    assert (nano.called, nano.device_id, nano.made_by) == ("My assistant", "NANOBOTBFWE", YOU)
    assert nano.token_at
    assert claw
    assert (claw.own_identity, claw.has_password) == (True, True)
    awaited = {it.user_id: (it.device_id, it.tell) for it in await store.awaited.all()}
    assert awaited[NANO] == ("NANOBOTBFWE", YOU)
    assert awaited[CLAW] == ("CLAWBOTWVP3", YOU)


async def test_the_bot_that_is_signed_out(store: Store) -> None:
    off = await store.bots.find(OFF)
    assert off
    assert (off.device_id, off.token_at) == (None, None)
    assert OFF not in [device.user_id for device in await store.awaited.all()]
    revoke = await store.acts.find("$revoked")
    assert revoke
    assert (revoke.command, revoke.outcome) == ("revoke", "done")
    assert await store.acts.steps("$revoked") == ["sign it out everywhere"]
    assert await store.acts.brake_after("$made", str(OFF)) == "revoke"


async def test_cards_that_are_out_and_a_card_that_is_not(store: Store) -> None:
    shown = {card.about: card for card in await store.cards.open()}
    assert set(shown) == {CLAW, NANO, QUIET}
    assert shown[NANO].content is None
    assert shown[NANO].room_id == DM
    assert shown[NANO].vanishes_at
    assert json.loads(str(shown[QUIET].content))["block"] == "MATRIX_ACCESS_TOKEN=gone"
    assert await store.cards.find(shown[QUIET].id) == shown[QUIET]
    assert await store.cards.newer_than(shown[NANO]) is None


async def test_the_act_that_was_cut_off_and_its_message(store: Store) -> None:
    act = await store.acts.find(CUT_OFF)
    assert act
    assert (act.command, act.target, act.outcome) == ("rotate", str(CLAW), None)
    assert act.device_id == "CLAWBOTWVP3"
    assert await store.acts.steps(CUT_OFF) == ["set a password"]
    [message] = await store.inbox.unanswered()
    assert message.event_id == CUT_OFF
    assert json.loads(message.content)["body"] == "!rotate clawbot"
    assert await store.acts.count_since(YOU, now().replace(year=2000)) == 11


async def test_the_question_that_is_open(store: Store) -> None:
    [question] = await store.questions.of(YOU)
    assert (question.line, question.answer) == ("deletebot clawbot", "clawbot")
    assert question.room_id == ROOM
    assert not question.tap
    assert question.megolm


async def test_which_identities_count(store: Store) -> None:
    pin = await store.pins.find(str(YOU))
    assert pin == Pin("noW2YYNdmi0KpgjyvX8bSiLCqKBIpfO+qv/JtKLi1Xs", verified=False, alarmed=None)
    nano = await store.bot_pins.find(NANO)
    assert nano == Pin("RctCYbVhpgR4xGvjkTu3StsuYSvYnmu85YBXpKiTBRg", verified=False, alarmed=None)
    assert await store.bot_pins.find(CLAW) is None
    assert json.loads(str(await store.sealed.get(identity_of(NANO))))["seed"]
    assert await store.sealed.get("cross-signing seeds")


async def test_the_rooms_the_sync_and_the_open_request(store: Store) -> None:
    assert await store.rooms.dm(YOU) == DM
    assert await store.rooms.encrypted() == {ROOM, DM}
    assert str(await store.facts.get("since")).startswith("s71_")
    [request] = await store.requests.all()
    assert (request.user_id, request.transaction) == (str(YOU), "$request")


async def test_what_was_answered_before_is_not_taken_in_again(store: Store) -> None:
    assert await store.inbox.receive(await store.inbox.unanswered(), since="s2") == []
    await store.check_writable()
    assert await store.facts.get("since") == "s2"


async def test_the_device_has_its_keys(tmp_path: Path) -> None:
    restore("crypto.sql", tmp_path / "crypto" / "crypto.db")
    session = Session(OWN, "ADMINBOT6GXY", Secret("gone"))
    client = Client(
        "http://127.0.0.1:1", session, tmp_path / "crypto", SEALER.pickle_key(), Nobody()
    )
    try:
        assert client.olm_account_shared
        assert client.olm.account.identity_keys["ed25519"] in (OLD / "crypto.sql").read_text()
    finally:
        await client.close()  # type: ignore[no-untyped-call]
