"""`adminbot login`: the bot's own token died, and everything else stays."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.homeserver.token_text import what_is_wrong
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.live.test_setup import devices
from tests.world import Bot, World, a_world, adminbot, call, whoami

pytestmark = pytest.mark.anyio

Way = Callable[[Path, Homeserver, Person], list[object]]


def _file(directory: Path, content: str) -> Path:
    path = directory / "credential"
    path.write_text(content)
    return path


def by_token(directory: Path, homeserver: Homeserver, root: Person) -> list[object]:
    return ["--admin-token-file", _file(directory, root.access_token)]


def by_login(directory: Path, homeserver: Homeserver, root: Person) -> list[object]:
    return ["--login-as", "root", "--password-file", _file(directory, root.password)]


def by_secret(directory: Path, homeserver: Homeserver, root: Person) -> list[object]:
    return ["--shared-secret-file", _file(directory, homeserver.shared_secret)]


@pytest.fixture(scope="module")
async def lost(world: World) -> World:
    """A bot with a bot of its own, stopped."""
    await world.card("is ready", "!newbot kept")
    assert await world.bot.stop() == 0
    return world


async def end_sessions(world: World, root: Person, *, with_device: bool) -> None:
    """Kill the bot's own token; a password change by another session of it spares the device."""
    own = world.bot.setting("USER_ID")
    if with_device:
        path = f"/_synapse/admin/v2/users/{own}/devices/{world.bot.setting('DEVICE_ID')}"
        answer = await call(world.homeserver, root.access_token, "DELETE", path)
        answer.raise_for_status()
        return
    body = {"password": "Passw0rd-first", "logout_devices": False}
    path = f"/_synapse/admin/v2/users/{own}"
    (await call(world.homeserver, root.access_token, "PUT", path, body)).raise_for_status()
    auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": own}}
    login = auth | {"password": "Passw0rd-first", "device_id": world.bot.setting("DEVICE_ID")}
    answer = await call(world.homeserver, None, "POST", "/_matrix/client/v3/login", login)
    change = {
        "new_password": "Passw0rd-second",
        "logout_devices": True,
        "auth": auth | {"password": "Passw0rd-first"},
    }
    path = "/_matrix/client/v3/account/password"
    token = answer.json()["access_token"]
    (await call(world.homeserver, token, "POST", path, change)).raise_for_status()


async def failed_start(bot: Bot) -> str:
    """What a start that ends by itself says last."""
    await bot.start(ready=False)
    assert bot.process
    assert await bot.process.wait() == 1
    bot.process = None
    return bot.log.splitlines()[-1]


def words(world: World, *way: object) -> list[object]:
    return ["login", "--non-interactive", "--env-file", world.bot.env_file, *way]


@pytest.mark.parametrize("way", [by_token, by_login, by_secret])
@pytest.mark.parametrize("with_device", [False, True], ids=["token", "device"])
async def test_a_dead_token_is_replaced_and_all_else_stays(
    lost: World, root: Person, way: Way, with_device: bool
) -> None:
    bot, homeserver = lost.bot, lost.homeserver
    old, device = bot.setting("ACCESS_TOKEN"), bot.setting("DEVICE_ID")
    before = await devices(homeserver, root)
    accounts = await living_admins(homeserver, root)
    with bot.env_file.open("a") as file:
        file.write("# mine\nADMINBOT_CARD_TTL=2h\n")
    await end_sessions(lost, root, with_device=with_device)
    said = await failed_start(bot)
    assert "adminbot login" in said
    assert "mistyped" not in said

    code, out, err = await adminbot(*words(lost, *way(bot.directory, homeserver, root)))
    assert code == 0, err
    token = bot.setting("ACCESS_TOKEN")
    assert token != old
    assert bot.setting("DEVICE_ID") == device
    assert token not in out + err
    assert ("had been deleted" in out) is with_device
    assert stat.S_IMODE(bot.env_file.stat().st_mode) == 0o600
    assert "# mine\nADMINBOT_CARD_TTL=2h\n" in bot.env_file.read_text()
    assert await devices(homeserver, root) == before
    assert await living_admins(homeserver, root) == accounts

    await bot.start()
    assert "kept" in str((await lost.ask("!bots")).body)
    assert (await lost.ask("!ping")).shield == "none"
    assert await bot.stop() == 0
    if with_device:  # the next case begins with a device that the env file names
        await again(lost, root)


async def again(world: World, root: Person) -> None:
    """`login` after a healing: the env file gets the new device, too."""
    code, _, err = await adminbot(
        *words(world, *by_token(world.bot.directory, world.homeserver, root))
    )
    assert code == 0, err
    status, found = await whoami(world.homeserver, world.bot.setting("ACCESS_TOKEN"))
    assert (status, found["device_id"]) == (200, world.bot.setting("DEVICE_ID"))


async def living_admins(homeserver: Homeserver, root: Person) -> set[str]:
    path = "/_synapse/admin/v2/users?limit=1000&deactivated=false"
    found = (await call(homeserver, root.access_token, "GET", path)).json()["users"]
    return {user["name"] for user in found if user["admin"]}


async def test_a_wrong_credential_changes_nothing(lost: World) -> None:
    bot, you = lost.bot, lost.human
    token, text = bot.setting("ACCESS_TOKEN"), bot.env_file.read_text()
    for flags, content, said in (
        (["--admin-token-file"], "syt_wrong", "does not accept that access token"),
        (["--admin-token-file"], you.access_token, "is not a server admin"),
        (["--shared-secret-file"], "wrong", "does not accept the registration shared secret"),
        (["--login-as", "root", "--password-file"], "wrong", "password of root is wrong"),
    ):
        code, _, err = await adminbot(*words(lost, *flags, _file(bot.directory, content)))
        assert (code, said in err, err.count("\n")) == (1, True, 1), err
    assert bot.env_file.read_text() == text
    assert (await whoami(lost.homeserver, token))[0] == 200


async def test_a_mistyped_token_is_told_as_that(lost: World) -> None:
    bot = lost.bot
    right = bot.setting("ACCESS_TOKEN")
    text = bot.env_file.read_text()
    flipped = right[:-8] + ("x" if right[-8] != "x" else "y") + right[-7:]
    for wrong in (right[:-1], flipped, "secret"):
        bot.env_file.write_text(text.replace(right, wrong))
        said = await failed_start(bot)
        assert "ADMINBOT_ACCESS_TOKEN is mistyped or cut off" in said
        assert "Put the whole value back" in said
        assert wrong not in said
    bot.env_file.write_text(text)


async def test_the_letters_of_a_token_say_whose_it_is(root: Person) -> None:
    owner = UserId.parse(root.user_id)
    assert what_is_wrong(Secret(root.access_token), owner) == ""
    assert "another account's" in what_is_wrong(Secret(root.access_token), UserId("you", "x"))
    assert "check sum" in what_is_wrong(Secret(root.access_token[:-1]), owner)


async def test_without_its_admin_flag_it_says_who_can_mend_that(lost: World, root: Person) -> None:
    bot, homeserver = lost.bot, lost.homeserver
    path = f"/_synapse/admin/v1/users/{bot.setting('USER_ID')}/admin"
    await bot.start()
    (await call(homeserver, root.access_token, "PUT", path, {"admin": False})).raise_for_status()
    answer = await lost.ask("!newbot other")
    assert "My account is no server admin any more" in str(answer.body)
    assert "403" not in str(answer.body)
    assert await bot.stop() == 0

    assert "is no server admin any more" in await failed_start(bot)
    code, _, err = await adminbot(*words(lost, *by_token(bot.directory, homeserver, root)))
    assert code == 1
    assert "is no server admin any more" in err
    (await call(homeserver, root.access_token, "PUT", path, {"admin": True})).raise_for_status()
    await bot.start()
    assert await bot.stop() == 0


async def test_a_bot_that_was_deactivated_is_told_as_that(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        assert await world.bot.stop() == 0
        path = f"/_synapse/admin/v1/deactivate/{world.bot.setting('USER_ID')}"
        answer = await call(homeserver, root.access_token, "POST", path, {"erase": False})
        answer.raise_for_status()
        assert "adminbot login" in await failed_start(world.bot)
        way = by_token(directory, homeserver, root)
        code, _, err = await adminbot(*words(world, *way))
        assert (code, err.count("\n")) == (1, 1)
        assert "is deactivated on the server" in err
        assert "Starting over" in err
