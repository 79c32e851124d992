"""The audit of a real service: in the chat, in the shell, and in the file."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Person
from tests.world import World, adminbot, another_login, replies_to

pytestmark = pytest.mark.anyio


async def test_who_did_what_from_which_device(world: World, root: Person) -> None:
    card = await world.card("is ready", "!newbot seen --password")
    await world.ask("!newbot seen")
    await world.ask(f"!rotate {card.token}")
    assert f"device `{world.human.device_id}`".replace("`", "") in str(
        (await world.ask("!whoami")).body
    )
    async with another_login(world, root) as thief:
        await thief.join(world.room)
        sent = await thief.send(world.room, "!newbot evil")
        await thief.wait_message(world.room, lambda seen: replies_to(seen) == sent)
    said = str((await world.ask("!audit")).body)
    assert "you: newbot seen" in said
    assert "you: newbot seen (name taken)" in said
    assert "⛔" in said
    assert "you: newbot (This device of yours is not verified)" in said
    assert "you: newbot seen" in str((await world.ask("!audit seen")).body)

    env = ("--env-file", world.bot.env_file)
    code, out, _ = await adminbot("audit", *env, "--json", "--since", "1h")
    assert code == 0
    entries = [json.loads(line) for line in out.splitlines()]
    made = next(it for it in entries if it["what"] == "newbot" and it["outcome"] == "done")
    assert made["device"] == world.human.device_id
    assert made["who"] == world.human.user_id
    tried = next(it for it in entries if it["outcome"] == "This device of yours is not verified")
    assert (tried["kind"], tried["what"], tried["device"]) == ("refusal", "newbot", "")
    assert {"setup", "newbot"} <= {it["what"] for it in entries}
    code, out, _ = await adminbot("audit", *env, "seen")
    assert code == 0
    assert "newbot  @seen:example.test  done" in out
    assert card.token not in out
    file = world.bot.data_dir / "adminbot.db"
    held = b"".join(path.read_bytes() for path in file.parent.glob("adminbot.db*"))
    for secret in (card.token, card.values["MATRIX_PASSWORD"]):
        assert secret.encode() not in held

    with closing(sqlite3.connect(file)) as db:
        for sql in ("DELETE FROM audit", "UPDATE audit SET who = 'nobody'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(sql)
    code, out, _ = await adminbot("audit", *env, "--prune", "1h", "--yes")
    assert (code, "0 entries cut off." in out) == (0, True)
    assert "shell: prune 0 entries" in str((await world.ask("!audit")).body)
    code, _, err = await adminbot("audit", *env, "--prune", "1h")
    assert (code, "Add --yes" in err) == (1, True)


async def test_a_lockdown_and_its_end(world: World) -> None:
    await world.ask("!lockdown")
    await world.ask("lockdown")
    assert "locked down" in str((await world.ask("!newbot never")).body)
    code, _, _ = await adminbot("unlock", "--env-file", world.bot.env_file)
    assert code == 0
    said = str((await world.ask("!audit")).body)
    assert "shell: unlock" in said
    assert "you: lockdown" in said
    assert "you: newbot (locked down)" in said


async def test_a_tap_and_words_of_the_shell(world: World, tmp_path: Path) -> None:
    await world.card("is ready", "!newbot stamped")
    asked = await world.ask("!revoke stamped")
    await world.human.react(world.room, asked.event_id, "✅")
    await world.human.wait_message(world.room, lambda seen: "signed out" in str(seen.body))
    assert "you: revoke stamped by a tap" in str((await world.ask("!audit stamped")).body)

    env = ("--env-file", world.bot.env_file)
    for words in (("backup", tmp_path / "file", *env), ("room", "--new", *env)):
        code, _, err = await adminbot(*words)
        assert code == 0, err
    said = str((await world.ask("!audit")).body)
    assert "shell: backup" in said
    assert "shell: room --new" in said
    await world.bot.stop()
    code, out, _ = await adminbot("audit", *env, "--json", "stamped")
    assert code == 0
    made, ended = [json.loads(line) for line in out.splitlines()]
    assert (made["what"], made["device"]) == ("newbot", world.human.device_id)
    assert (ended["what"], ended["device"]) == ("revoke", "by a tap")
    code, out, _ = await adminbot("audit", *env, "--since", "999999w")
    assert (code, "shell  setup" in out) == (0, True)
