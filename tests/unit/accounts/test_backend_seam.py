"""Every command over a second kind of account: nothing above the seam knows which kind it is.

The first kind, Synapse's, goes the same ways in tests/unit/dispatch and tests/live.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.desk import NANO, OWN, Desk, a_desk, signed_keys, until
from tests.one_step import Account, OneStepBackend

pytestmark = pytest.mark.anyio


@pytest.fixture
def backend() -> OneStepBackend:
    made = OneStepBackend()
    made.accounts[OWN] = Account({"OWN": "mpt_own"})
    return made


@pytest.fixture
async def desk(backend: OneStepBackend, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path, other=backend) as made:
        yield made


async def login(desk: Desk, line: str) -> tuple[str, str]:
    """Type a line that ends in a card; returns (device id, access token)."""
    answer = await desk.asks(line)
    assert "✅" in answer, answer
    card = dict(line.split("=", 1) for line in desk.chat.secrets[-1].split("\n") if "=" in line)
    assert "MATRIX_PASSWORD" not in card
    return card["MATRIX_DEVICE_ID"], card["MATRIX_ACCESS_TOKEN"]


async def test_a_bot_is_made(desk: Desk, backend: OneStepBackend) -> None:
    device_id, token = await login(desk, "!newbot nano My pal")
    assert backend.did == ["make an account", "open a session"]
    assert backend.accounts[NANO].tokens == {device_id: token}
    assert "already exists: it is one of my bots" in await desk.asks("!newbot nano")


async def test_what_this_kind_has_not_is_said_in_one_sentence(
    desk: Desk, backend: OneStepBackend
) -> None:
    answer = await desk.asks("!newbot nano --password")
    assert answer == (
        "❌ Accounts on this server have no password. Nothing was changed. Leave --password out."
    )
    assert not backend.did
    assert not await desk.store.bots.all()


async def test_a_rotation_is_one_step_and_keeps_the_device(
    desk: Desk, backend: OneStepBackend
) -> None:
    device_id, old = await login(desk, "!newbot nano")
    assert await login(desk, "!rotate nano") != (device_id, old)
    assert backend.did[2:] == ["renew a token"]
    assert "keep its data" in desk.chat.secrets[-2]
    assert backend.accounts[NANO].tokens.keys() == {device_id}
    assert not backend.alive(old)


async def test_a_rotation_to_a_new_device_signs_the_old_one_out(
    desk: Desk, backend: OneStepBackend
) -> None:
    old_device, old = await login(desk, "!newbot nano")
    device_id, token = await login(desk, "!rotate nano --new-device")
    assert "empty data folder" in desk.chat.secrets[-2]
    assert device_id != old_device
    assert backend.accounts[NANO].tokens == {device_id: token}
    assert not backend.alive(old)


async def test_our_own_token_is_renewed_and_taken_over(
    desk: Desk, backend: OneStepBackend
) -> None:
    assert "✅ My own token is new" in await desk.asks("!rotate adminbot --me-too")
    [session] = desk.became
    assert (session.user_id, session.device_id) == (OWN, "OWN")
    assert backend.accounts[OWN].tokens == {"OWN": session.token.reveal()}


async def test_a_revoke_ends_every_session_and_a_rotation_lets_it_in_again(
    desk: Desk, backend: OneStepBackend
) -> None:
    old_device, _ = await login(desk, "!newbot nano")
    backend.accounts[NANO].tokens["ANOTHER"] = "mpt_another"
    await desk.asks("!revoke nano")
    assert "is signed out everywhere" in await desk.asks("nano")
    assert not backend.accounts[NANO].tokens
    device_id, token = await login(desk, "!rotate nano")
    assert device_id != old_device
    assert backend.alive(token)


async def test_a_deleted_bot_is_closed_and_its_name_stays_taken(
    desk: Desk, backend: OneStepBackend
) -> None:
    await login(desk, "!newbot nano")
    await desk.asks("!deletebot nano")
    assert "is deleted" in await desk.asks("nano")
    assert backend.accounts[NANO] == Account(is_closed=True)
    assert "was one of my bots" in await desk.asks("!newbot nano")


async def test_our_own_account_can_be_closed(desk: Desk, backend: OneStepBackend) -> None:
    await desk.asks("!deletebot adminbot --me-too")
    assert "My account is deleted" in await desk.asks("adminbot")
    assert backend.accounts[OWN].is_closed


async def test_a_bots_device_is_signed_and_shown(desk: Desk, backend: OneStepBackend) -> None:
    device_id, _ = await login(desk, "!newbot nano --device NANO1")
    assert "never started" in await desk.asks("!devices nano")
    backend.keys.device_starts(NANO, signed_keys("NANO1"))
    assert "unsigned" in await desk.asks("!bot nano")
    assert f"✅ Device {device_id} of nano is trusted" in await desk.asks("!trust nano")
    assert "Trust: trusted" in await desk.asks("!bot nano")
    assert "NANO1, from its card: trusted" in await desk.asks("!devices nano")
    assert "Bots (1)" in await desk.asks("!bots")


async def test_a_recovery_key_is_on_the_card(desk: Desk, backend: OneStepBackend) -> None:
    await login(desk, "!newbot nano --recovery")
    assert "MATRIX_RECOVERY_KEY=" in desk.chat.secrets[-1]


@pytest.mark.parametrize(
    ("line", "dies_at"),
    [
        ("!newbot nano", "make an account"),
        ("!newbot nano", "open a session"),
        ("!rotate nano", "renew a token"),
        ("!rotate nano --new-device", "end a session"),
        ("!rotate nano --new-device", "open a session"),
    ],
)
async def test_an_act_that_was_cut_off_between_two_requests_is_finished(
    line: str, dies_at: str, backend: OneStepBackend, tmp_path: Path
) -> None:
    async with a_desk(tmp_path, other=backend) as desk:
        if "rotate" in line:
            await login(desk, "!newbot nano")
        backend.dies_at = dies_at
        event_id = await desk.says(line)
        # Hangs there: the process dies.
        await until(lambda: backend.hangs)
    backend.dies_at = ""
    async with a_desk(tmp_path, other=backend) as desk:
        [answer] = await desk.chat.answers(event_id)
        assert "I was cut off at" in answer
        assert "✅" in answer
        bot = await desk.store.bots.find(NANO)
        assert bot
        assert backend.accounts[NANO].tokens.keys() == {bot.device_id}


@pytest.mark.parametrize("dies_at", ["end a session", "deactivate an account"])
async def test_a_brake_that_was_cut_off_is_finished(
    dies_at: str, backend: OneStepBackend, tmp_path: Path
) -> None:
    async with a_desk(tmp_path, other=backend) as desk:
        _, token = await login(desk, "!newbot nano")
        backend.dies_at = dies_at
        await desk.asks("!revoke nano" if dies_at == "end a session" else "!deletebot nano")
        event_id = await desk.says("nano")
        await until(lambda: backend.hangs)
    backend.dies_at = ""
    async with a_desk(tmp_path, other=backend) as desk:
        [answer] = await desk.chat.answers(event_id)
        assert "✅" in answer
        assert not backend.alive(token)
