"""`adminbot setup --undo`: what setup made goes, and nothing else; also when it was cut off."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.errors import TokenRejected
from adminbot.setup.undo import undoing
from adminbot.store import CardKind, open_store
from tests.doctor.patient import Patient, alone
from tests.world import World, a_world, adminbot, on_server, whoami

pytestmark = pytest.mark.anyio

CLOSED = "SELECT deactivated FROM users WHERE name = ?"
JOINED = (
    "SELECT room_id FROM local_current_membership WHERE user_id = ? AND membership IN "
    "('join', 'invite')"
)


def own(world: World | Patient) -> str:
    return world.bot.setting("USER_ID")


async def undo(
    world: World | Patient, *more: str, typed: str | None = None
) -> tuple[int, str, str]:
    words = ("setup", "--undo", "--env-file", world.bot.env_file, *more)
    return await adminbot(*words, stdin=typed.encode() if typed is not None else None)


def is_untouched(world: World | Patient) -> bool:
    [row] = on_server(world.homeserver, CLOSED, own(world))
    there = (world.bot.data_dir / "adminbot.db").exists() and world.bot.env_file.exists()
    return there and not row[0] and len(on_server(world.homeserver, JOINED, own(world))) == 2


async def test_all_that_setup_made_goes_and_a_bot_stays(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        card = await world.card("is ready", f"!newbot left-{directory.name}")
        code, _, err = await undo(world, "--yes", own(world))
        assert code == 1
        assert "Another adminbot already runs" in err
        await world.bot.stop()
        for typed in ("", "no\n", "yes\n"):
            code, out, err = await undo(world, typed=typed)
            assert code in (1, 2), "who does not type its name changes nothing"
        code, _, err = await undo(world, "--non-interactive")
        assert code == 2
        assert "--yes @adminbot:example.org" in err
        code, _, err = await undo(world, "--yes", root.user_id)
        assert (code, "Nothing was changed." in err) == (1, True)
        assert is_untouched(world)

        (world.bot.data_dir / "notes.txt").write_text("somebody's own")
        user_id, data_dir = own(world), world.bot.data_dir
        code, out, err = await undo(world, typed=f"{directory.name}\n")
        assert (code, err) == (0, "")
        assert f"left-{directory.name} stay, signed in as they are" in out
        assert "It leaves its rooms: 2. Cards taken back: 1." in out
        assert on_server(world.homeserver, CLOSED, user_id)[0][0] == 1
        assert on_server(world.homeserver, JOINED, user_id) == []
        assert not world.bot.env_file.exists()
        assert [path.name for path in data_dir.iterdir()] == ["notes.txt"]
        assert "there is more in it: notes.txt" in out
        assert (await whoami(world.homeserver, card.token))[0] == 200
        await world.human.wait_for(
            lambda h: not any("MATRIX_" in (m.body or "") for m in h.messages(world.dm)) or None,
            what="the card taken back",
        )


@pytest.mark.parametrize("after", ["cards", "account", "state"])
async def test_cut_off_anywhere_a_second_run_finishes(
    after: str, homeserver: Homeserver, root: Person, directory: Path
) -> None:
    patient = await alone(homeserver, root, directory)
    settings, user_id = patient.settings, own(patient)

    def dies(said: str) -> None:
        if after == "cards" and "rooms left" in said:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if after == "cards" else nullcontext():
        async with (
            open_store(settings.data_dir, settings.sealer) as store,
            undoing(settings, store) as work,
        ):
            await work.close_account(dies)
    more = []
    if after == "state":
        for name in ("crypto/crypto.db", "adminbot.db"):
            (settings.data_dir / name).unlink()
        code, _, err = await undo(patient, "--yes", user_id)
        assert code == 1
        assert "--files-only" in err
        more = ["--files-only"]
    code, out, err = await undo(patient, "--yes", user_id, *more)
    assert (code, err) == (0, ""), out
    assert on_server(homeserver, CLOSED, user_id)[0][0] == 1
    assert not patient.bot.env_file.exists()
    assert not settings.data_dir.exists()


async def test_without_a_server_the_files_alone_can_go(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    patient = await alone(homeserver, root, directory)
    user_id = own(patient)
    kept = patient.bot.env_file.read_text().replace(homeserver.url, "http://127.0.0.1:9")
    patient.bot.env_file.write_text(f"OTHER=1\n{kept}")
    code, _, err = await undo(patient, "--yes", user_id)
    assert code == 1
    assert "Try again later. With --files-only the files go" in err
    code, out, err = await undo(patient, "--yes", user_id, "--files-only")
    assert (code, err) == (0, "")
    assert f"The account {user_id} stays as it is" in out
    assert patient.bot.env_file.read_text().startswith("OTHER=1\n")
    assert "ADMINBOT_" not in patient.bot.env_file.read_text()
    assert on_server(homeserver, CLOSED, user_id)[0][0] == 0


async def test_what_cannot_be_finished_is_not_begun(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    patient = await alone(homeserver, root, directory)
    settings, user_id = patient.settings, own(patient)
    async with patient.state() as store:
        await store.give_card(
            CardKind.PERSON, settings.user_id, event_id="$x", reader=settings.user_id, card=""
        )
    account = f"/_synapse/admin/v2/users/{user_id}"
    await patient.asks("PUT", account, {"admin": False})
    code, _, err = await undo(patient, "--yes", user_id)
    assert (code, "no server admin any more" in err) == (1, True), err
    assert is_untouched(patient)

    await patient.asks("PUT", account, {"admin": True})
    code, out, err = await undo(patient, typed="no\n")
    assert (code, "Cards not delivered yet: 1. Their secrets are lost" in out) == (1, True)

    async with patient.state() as store, undoing(settings, store) as work:
        await patient.asks("POST", "/_matrix/client/v3/logout", {}, own=True)
        with pytest.raises(TokenRejected):  # it is not closed: somebody logged it out
            await work.close_account(print)
    assert is_untouched(patient)
    code, _, err = await undo(patient, "--yes", user_id)
    assert (code, "A new one: adminbot login" in err) == (1, True), err
