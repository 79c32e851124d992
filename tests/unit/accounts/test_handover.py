"""What a card is made of, and for whom."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adminbot.accounts.act import Order
from adminbot.accounts.backends.base import Login
from adminbot.accounts.handover import HandOver, Program, Purpose
from adminbot.errors import HomeserverError
from adminbot.homeserver.values import Session
from adminbot.store import Bot, Store, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret

pytestmark = pytest.mark.anyio

YOU, NANO = UserId("you", "example.org"), UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())
SESSION = Session(NANO, "NANO1", Secret("syt_new"))


def phrase(bot: Bot, secrets: Mapping[str, Secret], why: Purpose, reader: UserId) -> str:
    values = [f"{name}={value.reveal()}" for name, value in sorted(secrets.items())]
    return " ".join([why.name, *values])


async def nothing(*_: object) -> None:
    pass


ORDER = Order(YOU, "$1", say=nothing, check=nothing)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        await opened.acts.begin(
            "$1", who=YOU, command="newbot", target=str(NANO), device_id="NANO1"
        )
        yield opened


@pytest.mark.parametrize(
    ("has_password", "password", "card"),
    [
        (False, Secret("p"), "NEW K=k access_token=syt_new"),
        (True, Secret("p"), "NEW K=k access_token=syt_new password=p"),
        (True, None, "NEW K=k access_token=syt_new"),
    ],
)
async def test_a_password_is_on_the_card_of_a_bot_that_is_to_have_one(
    has_password: bool, password: Secret | None, card: str, store: Store
) -> None:
    bot = replace(BOT, has_password=has_password)
    card_id = await HandOver(store, phrase).hand_over(
        bot, Login(SESSION, password), ORDER, Purpose.NEW, Program(), {"K": Secret("k")}
    )
    kept = await store.cards.find(card_id)
    assert (kept.about, kept.reader, kept.content) == (NANO, YOU, card)
    assert await store.bots.find(NANO) == bot
    noted = await store.acts.find("$1")
    assert noted
    assert noted.outcome == "done"


@pytest.mark.parametrize(
    "session", [replace(SESSION, device_id="NANO2"), replace(SESSION, user_id=YOU)]
)
async def test_a_session_of_something_else_is_not_handed_over(
    session: Session, store: Store
) -> None:
    with pytest.raises(HomeserverError, match="something else"):
        await HandOver(store, phrase).hand_over(
            BOT, Login(session, None), ORDER, Purpose.NEW, Program()
        )
    assert await store.cards.open() == []
    assert await store.bots.all() == []
