"""What the Synapse backend promises and no command asks for yet, on a real Synapse."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.demo.homeserver import Homeserver, Person
from adminbot.errors import AccountGone, HomeserverError, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.store import Store, open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret, new_password

pytestmark = pytest.mark.anyio

NOBODY = UserId("nobody-of-that-name", "example.test")


async def nothing(*_: object) -> None:
    pass


@pytest.fixture
async def wire(homeserver: Homeserver, root: Person) -> AsyncIterator[HttpClient]:
    async with open_http(homeserver.url, Secret(root.access_token)) as opened:
        yield opened


@pytest.fixture
def backend(wire: HttpClient) -> SynapseBackend:
    return SynapseBackend(SynapseAdmin(wire), ClientApi(wire), None)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def test_a_locked_account_does_nothing_until_it_is_unlocked(
    homeserver: Homeserver, wire: HttpClient, backend: SynapseBackend, store: Store
) -> None:
    bot = homeserver.register("locked")
    user_id = UserId.parse(bot.user_id)
    its = ClientApi(wire.acting_with(Secret(bot.access_token)))
    order = Order(NOBODY, "$1", say=nothing, check=nothing)
    async with Acts(store).brake("pause", user_id, order) as act:
        for _ in range(2):  # to lock what is locked is no error
            await backend.lock(user_id, act)
            with pytest.raises(HomeserverError) as refused:
                await its.whoami()
            assert (refused.value.status, refused.value.errcode) == (401, "M_USER_LOCKED")
        assert len(await backend.devices(user_id)) == 1
        for _ in range(2):
            await backend.unlock(user_id, act)
            assert (await its.whoami())[0] == user_id
        assert await store.acts.steps("$1") == ["lock it"] * 2 + ["unlock it"] * 2


async def test_what_is_not_there_is_neither_locked_nor_made(
    backend: SynapseBackend, store: Store
) -> None:
    order = Order(NOBODY, "$1", say=nothing, check=nothing)
    async with Acts(store).brake("pause", NOBODY, order) as act:
        for change in (backend.lock, backend.unlock, backend.sign_out):
            with pytest.raises(AccountGone):
                await change(NOBODY, act)
        with pytest.raises(AccountGone):
            await backend.set_password(NOBODY, new_password(), act, keep_sessions=True)
    assert await backend.find(NOBODY) is None


@pytest.mark.parametrize("keep", [True, False])
async def test_a_password_is_set_and_sessions_stay_or_end(
    keep: bool, homeserver: Homeserver, wire: HttpClient, backend: SynapseBackend, store: Store
) -> None:
    bot = homeserver.register(f"password-{keep}".lower())
    user_id, password = UserId.parse(bot.user_id), new_password()
    order = Order(NOBODY, "$1", say=nothing, check=nothing)
    async with Acts(store).brake("setpassword", user_id, order) as act:
        await backend.set_password(user_id, password, act, keep_sessions=keep)
    its = ClientApi(wire.acting_with(Secret(bot.access_token)))
    if keep:
        assert (await its.whoami())[0] == user_id
    else:
        with pytest.raises(TokenRejected):
            await its.whoami()
    again = await its.log_in(user_id.localpart, password, device_id="NEW", device_name="new")
    assert again.user_id == user_id


async def test_our_own_account_gets_another_device_and_drops_it(
    homeserver: Homeserver, backend: SynapseBackend, wire: HttpClient
) -> None:
    own = homeserver.register("own-devices")
    user_id = UserId.parse(own.user_id)
    session = await backend.open_device(user_id, "SECOND")
    assert {it.device_id for it in await backend.devices(user_id)} == {own.device_id, "SECOND"}
    assert (await ClientApi(wire.acting_with(session.token)).whoami()) == (user_id, "SECOND")
    for _ in range(2):  # to drop a device that is gone is no error
        await backend.drop_device(user_id, "SECOND")
    assert {it.device_id for it in await backend.devices(user_id)} == {own.device_id}
