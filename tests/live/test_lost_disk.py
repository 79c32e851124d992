"""The whole way of a backup: made while the bot runs, the disk lost, the bot restored."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.setup import backup
from adminbot.values.secret import Sealer, Secret
from tests.world import World, a_world, adminbot, trusted

pytestmark = pytest.mark.anyio


async def test_a_lost_disk_costs_a_device_and_nothing_else(
    homeserver: Homeserver, root: Person, directory: Path, tmp_path: Path
) -> None:
    """Backed up while it runs, lost, restored: the same identity, and nobody sees a shield."""
    async with a_world(homeserver, root, directory) as world:
        name = f"{directory.name}-x"
        card = await world.card("is ready", f"!newbot {name}")
        before = await keys_of(world)
        file, key_file = tmp_path / "kept" / "backup", tmp_path / "kept" / "key"
        file.parent.mkdir()
        key_file.write_text(world.bot.setting("STORE_KEY"))
        code, out, err = await adminbot("backup", file, "--env-file", world.bot.env_file)
        assert code == 0, err
        assert "1 bot, 1 pin," in out
        sealer = Sealer.from_base64(Secret(world.bot.setting("STORE_KEY")))
        kept = backup.read(file, sealer)
        assert card.token not in json.dumps(kept.settings)
        assert card.token.encode() not in kept.database

        await world.bot.stop()
        shutil.rmtree(world.bot.data_dir)
        world.bot.env_file.unlink()
        words = ("--env-file", world.bot.env_file, "--store-key-file", key_file)
        code, out, err = await adminbot("restore", file, *words)
        assert code == 0, err
        assert "make a new backup" in out
        restored = files_of(directory)
        assert {"env", "data/adminbot.db"} <= restored.keys()
        assert not [name for name, content in restored.items() if card.token.encode() in content]
        await world.bot.start()

        trusted(await world.ask("!ping"))
        assert name in str((await world.ask("!bots")).body)
        after = await keys_of(world)
        assert after["master_keys"] == before["master_keys"]
        [old], [new] = (list(found["device_keys"][bot_of(world)]) for found in (before, after))
        assert old != new
        assert not (await world.human.user_trust(bot_of(world))).needs_approval
        await world.card("New token", f"!rotate {name}")

        # The first backup's login is used up, and a new one's is not.
        code, _, err = await adminbot("backup", file, "--force", "--env-file", world.bot.env_file)
        assert code == 0, err
        await world.bot.stop()
        shutil.rmtree(world.bot.data_dir)
        code, _, err = await adminbot("restore", file, "--env-file", world.bot.env_file)
        assert code == 0, err
        await world.bot.start()
        trusted(await world.ask("!ping"))
        assert (await keys_of(world))["master_keys"] == before["master_keys"]


def bot_of(world: World) -> str:
    return f"@{world.bot.directory.name}:example.test"


async def keys_of(world: World) -> dict[str, Any]:
    body: dict[str, Any] = {"device_keys": {bot_of(world): []}}
    found = await world.human.raw("POST", "/_matrix/client/v3/keys/query", body)
    assert isinstance(found, dict)
    return found


def files_of(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}
