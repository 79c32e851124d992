"""One sealed file that brings the bot back: what is in it, what is not, and what is refused."""

import asyncio
import base64
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adminbot.cli import main
from adminbot.config import sources
from adminbot.errors import SetupError
from adminbot.setup import backup
from adminbot.setup.backup import Backup
from adminbot.setup.env_file import env_lines, write_private
from adminbot.store import Bot, InboxMessage, Question, open_store, recovery_of, snapshot
from adminbot.store.owner import SoleOwner
from adminbot.store.schema import MIGRATIONS
from adminbot.store.snapshot import Contents
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret, new_store_key

pytestmark = pytest.mark.usefixtures("anyio_backend")  # conftest's own fixture wants it

KEY = Secret(base64.b64encode(bytes(range(32))).decode())
SEALER = Sealer.from_base64(KEY)
YOU = UserId("you", "example.org")
NANO = UserId("nano", "example.org")
TOKEN = "syt_bmFub2JvdA_hunter2"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings in the environment; `data` would be in the test's own directory."""
    for name in [name for name in os.environ if name.startswith("ADMINBOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Place:
    """A machine, as far as adminbot knows it."""

    root: Path

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    @property
    def database(self) -> Path:
        return self.data_dir / "adminbot.db"

    def files(self) -> dict[str, bytes]:
        """What is there, the lock aside: it holds nothing."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.name != "lock"
        }

    def lose_everything(self) -> None:
        shutil.rmtree(self.root)
        self.root.mkdir()

    def write_env(self, **changed: str) -> None:
        values = {
            "HOMESERVER": "http://matrix-synapse:8008",
            "USER_ID": "@adminbot:example.org",
            "DEVICE_ID": "ADMINBOT1",
            "ACCESS_TOKEN": "syt_own",
            "STORE_KEY": KEY.reveal(),
            "ROOM": "!room:example.org",
            "ADMINS": "@you:example.org",
            "DATA_DIR": str(self.data_dir),
            "PREFIX": "'",
            "CARD_TTL": "15m",
            "REGISTRATION_SHARED_SECRET": r"back\slash's",
        }
        lines = {f"ADMINBOT_{name}": value for name, value in (values | changed).items()}
        self.env_file.write_text(env_lines(lines))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A bot that has made another one, with a card out, a card under way and a message in."""
    place = Place(tmp_path / "machine")
    place.root.mkdir()
    place.write_env()
    asyncio.run(fill(place.data_dir))
    return place


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY.reveal()}\n")
    return path


@pytest.fixture
def file(place: Place, tmp_path: Path) -> Path:
    """A backup of that bot."""
    path = tmp_path / "adminbot.backup"
    backup.write(path, made(place), SEALER, force=False)
    return path


def made(place: Place) -> Backup:
    return backup.make(place.data_dir, sources.in_force(place.env_file))


async def fill(data_dir: Path) -> None:
    async with open_store(data_dir, SEALER) as store:
        await store.sealed.set("cross-signing seeds", "seeds")
        await store.sealed.set("healed session", "ADMINBOT1|ADMINBOT2|syt_healed")
        await store.pins.pin(YOU, "master")
        await store.rooms.set_dm(YOU, "!dm")
        letters = [
            InboxMessage("$1", f"message {TOKEN}", None, "k s 0"),
            InboxMessage("$2", "{}", None),
        ]
        await store.inbox.receive(letters, since="s1")
        await store.inbox.decided("$1", f"reply {TOKEN}", "done")
        await store.acts.begin("$1", who=YOU, command="newbot", target="nano", device_id="NANO1")
        await store.questions.ask(Question(YOU, "!dm", "$2", "revoke nano", "yes", WHEN))
        other = UserId("other", "example.org")
        shown = await store.hand_over(a_bot(other), event_id="$0", reader=YOU, card=TOKEN)
        await store.cards.shown(shown, intro_id="$i", block_id="$b", vanishes_at=now())
        await store.hand_over(a_bot(NANO), event_id="$1", reader=YOU, card=TOKEN)
        await store.sealed.set(recovery_of(NANO), "a recovery key that is on no card yet")


def a_bot(user_id: UserId) -> Bot:
    return Bot(user_id, "Nano", "NANO1", False, YOU, WHEN, WHEN)


def put_in_clear(database: bytes, *, path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every row of every table, with its table's name."""
    path.write_bytes(database)
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        tables = [
            row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return [
            (table, dict(row))
            for table in tables
            for row in db.execute(f"SELECT * FROM {table}")  # noqa: S608
        ]


def rows_of(place: Place, path: Path) -> list[tuple[str, dict[str, Any]]]:
    database = (place.data_dir / "adminbot.db").read_bytes()
    return put_in_clear(database, path=path)


def cli(*words: object) -> int:
    umask = os.umask(0o077)
    try:
        return main([str(word) for word in words])
    finally:
        os.umask(umask)


# -- what is in it


def test_nothing_of_another_account_is_in_it(place: Place, tmp_path: Path) -> None:
    """Blobs are in `sealed` alone: no card that is not out, no message, no answer."""
    rows = put_in_clear(made(place).database, path=tmp_path / "copy")
    blobs = {table for table, row in rows for value in row.values() if isinstance(value, bytes)}
    assert blobs == {"sealed"}
    tables = [table for table, _ in rows]
    assert "question" not in tables
    assert "fact" not in tables
    assert tables.count("inbox") == 2  # a replay is refused for good
    opened = [SEALER.open(row["name"], row["blob"]) for table, row in rows if table == "sealed"]
    assert sorted(opened) == ["ADMINBOT1|ADMINBOT2|syt_healed", "seeds"]


def test_everything_else_is_there_again(place: Place, file: Path, key_file: Path) -> None:
    place.lose_everything()
    assert cli("restore", file, "--env-file", place.env_file, "--store-key-file", key_file) == 0

    async def look() -> None:
        async with open_store(place.data_dir, SEALER) as store:
            assert {bot.user_id for bot in await store.bots.all()} == {
                NANO,
                UserId.parse("@other:example.org"),
            }
            assert await store.sealed.get("cross-signing seeds") == "seeds"
            assert await store.rooms.dm(YOU) == "!dm"
            assert (act := await store.acts.find("$1"))
            assert act.outcome == "done"
            assert await store.inbox.unanswered() == []
            [card] = await store.cards.open()
            assert card.block_id == "$b"  # it is out, and to be taken back

    asyncio.run(look())


def test_tables_of_tomorrow_go_along(place: Place, tmp_path: Path) -> None:
    with closing(sqlite3.connect(place.database)) as db:
        db.execute("CREATE TABLE tomorrow (what TEXT)")
        db.execute("INSERT INTO tomorrow VALUES ('this')")
        db.commit()
    rows = put_in_clear(made(place).database, path=tmp_path / "copy")
    assert ("tomorrow", {"what": "this"}) in rows


def test_what_was_scrubbed_is_in_no_free_page(place: Place) -> None:
    with closing(sqlite3.connect(place.database)) as db:
        sealed = [row[0] for row in db.execute("SELECT content FROM card WHERE content NOTNULL")]
    database = made(place).database
    assert len(sealed) == 1
    assert sealed[0][:24] not in database
    assert b"revoke nano" not in database


def test_the_env_file_is_what_it_was(place: Place, file: Path, key_file: Path) -> None:
    before = sources.load(place.env_file)
    place.lose_everything()
    assert cli("restore", file, "--env-file", place.env_file, "--store-key-file", key_file) == 0
    assert sources.load(place.env_file) == before
    assert place.env_file.stat().st_mode & 0o777 == 0o600
    assert place.database.stat().st_mode & 0o777 == 0o600


def test_secrets_from_files_are_in_it_and_the_store_key_is_not(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("syt_from_file\n")
    monkeypatch.setenv("ADMINBOT_ACCESS_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("ADMINBOT_LOG_LEVEL", "debug")
    settings = made(place).settings
    assert settings["ACCESS_TOKEN"] == "syt_from_file"
    assert settings["LOG_LEVEL"] == "debug"
    assert "STORE_KEY" not in settings


def test_the_file_is_sealed_ascii_for_its_owner_alone(place: Place, file: Path) -> None:
    text = file.read_text(encoding="ascii")
    assert text.startswith("adminbot backup 1\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.glob("*.new")) == []
    assert "syt_" not in repr(backup.read(file, SEALER))


def test_it_is_made_while_the_state_is_in_use_and_leaves_a_trace_in_the_audit_alone(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fresh"
    before, rows = place.files(), rows_of(place, tmp_path / "now")
    with SoleOwner(place.data_dir):
        assert cli("backup", file, "--env-file", place.env_file) == 0
    assert place.files().keys() == before.keys()
    [(table, entry)] = [row for row in rows_of(place, tmp_path / "now") if row not in rows]
    assert (table, entry["who"], entry["what"]) == ("audit", "shell", "backup")
    said = capsys.readouterr().out
    assert "2 bots, 1 pin," in said
    assert "Keep that key somewhere else" in said
    assert "syt_" not in said
    assert KEY.reveal() not in said


def test_without_a_state_there_is_no_backup(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(place.data_dir)
    assert cli("backup", "x", "--env-file", place.env_file) == 1
    assert "There is no state in" in capsys.readouterr().err
    assert not place.data_dir.exists()
    place.data_dir.mkdir()
    place.database.write_bytes(b"nonsense" * 1000)
    assert cli("backup", "x", "--env-file", place.env_file) == 1
    assert "damaged" in capsys.readouterr().err
    assert not Path("x").exists()


def test_an_existing_file_is_replaced_only_with_force(
    place: Place, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    assert cli("backup", file, "--env-file", place.env_file) == 1
    assert "exists already" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert cli("backup", file, "--force", "--env-file", place.env_file) == 0
    assert file.read_bytes() != before
    assert backup.read(file, SEALER).database


# -- what is refused


def damaged(file: Path) -> dict[str, bytes]:
    """Files that are no whole backup, by what is said about them."""
    text = file.read_bytes()
    return {
        "was made with another ADMINBOT_STORE_KEY, or was changed": text.replace(b"A", b"B", 1),
        "is cut off": text[:-100],
        "is damaged": text[:100] + b"*" + text[100:],
        "is no backup of adminbot": b"\x89PNG\r\n\x1a\n" * 9,
        "is no backup": b"",
        "was written by a newer adminbot": b"adminbot backup 2\nwho knows\n",
        "does not open": b"adminbot backup 1\nend\n",
    }


def test_a_file_that_is_no_whole_backup_changes_nothing(
    place: Place, file: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.lose_everything()
    for said, content in damaged(file).items():
        file.write_bytes(content)
        words = ("--env-file", place.env_file, "--store-key-file", key_file)
        assert cli("restore", file, *words) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert said in lines[0]
        assert place.files() == {}
    assert cli("restore", "nowhere", *words) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_another_key_changes_nothing(
    place: Place, file: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.lose_everything()
    words = ("restore", file, "--env-file", place.env_file, "--store-key-file", key_file)
    for key, said in {
        new_store_key().reveal(): "another ADMINBOT_STORE_KEY",
        "too short": "must be 32 random bytes",
        "": "empty",
    }.items():
        key_file.write_text(key)
        assert cli(*words) == 1
        assert said in capsys.readouterr().err
        assert place.files() == {}


def test_a_state_from_a_newer_version_is_refused(
    place: Place, tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(place.database)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        db.execute("PRAGMA journal_mode = DELETE")
    with pytest.raises(SetupError, match="newer adminbot"):
        made(place)
    settings, database = sources.in_force(place.env_file), place.database.read_bytes()
    newer = Backup(now(), settings, database, Contents(0, 0))
    file = tmp_path / "newer"
    backup.write(file, newer, SEALER, force=False)
    place.lose_everything()
    words = ("--env-file", place.env_file, "--store-key-file", key_file)
    assert cli("restore", file, *words) == 1
    assert "newer adminbot" in capsys.readouterr().err
    assert place.files() == {}


@pytest.mark.parametrize("left", ["adminbot.db", "adminbot.db-wal", "crypto"])
def test_a_data_directory_with_a_state_is_left_alone(
    left: str, place: Place, file: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.lose_everything()
    place.data_dir.mkdir()
    (place.data_dir / left).write_text("old")
    assert cli("restore", file, "--env-file", place.env_file, "--store-key-file", key_file) == 1
    assert "must be empty. Nothing was changed" in capsys.readouterr().err
    assert place.files() == {f"data/{left}": b"old"}


def test_a_data_directory_in_use_is_left_alone(
    place: Place, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = place.files()
    with SoleOwner(place.data_dir):
        assert cli("restore", file, "--env-file", place.env_file) == 1
    assert "already runs" in capsys.readouterr().err
    assert place.files() == before


def test_without_env_file_and_key_it_says_what_it_needs(
    place: Place, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.lose_everything()
    with open(os.devnull) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        assert cli("restore", file, "--env-file", place.env_file) == 2
    assert "nobody to ask" in capsys.readouterr().err
    assert place.files() == {}


# -- where it goes


def test_a_person_is_asked_for_the_key(
    place: Place, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.lose_everything()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(["nonsense", f" {KEY.reveal()} "])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    assert cli("restore", file, "--env-file", place.env_file) == 0
    assert next(answers, None) is None, "the first one was told and asked for again"
    assert sources.load(place.env_file).store_key == KEY


def test_the_key_can_be_in_the_environment_which_also_says_where_to(
    place: Place, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMINBOT_STORE_KEY", KEY.reveal())
    monkeypatch.setenv("ADMINBOT_DATA_DIR", "elsewhere")
    assert cli("restore", file, "--env-file", "new.env") == 0
    assert (tmp_path / "elsewhere/adminbot.db").exists()
    monkeypatch.delenv("ADMINBOT_STORE_KEY")
    monkeypatch.delenv("ADMINBOT_DATA_DIR")
    restored = sources.load(Path("new.env"))
    assert restored.data_dir == tmp_path / "elsewhere"
    assert restored.store_key == KEY


def test_a_drill_beside_the_old_one(
    place: Place, file: Path, tmp_path: Path, key_file: Path
) -> None:
    """--env-file and --data-dir: the running one is not touched."""
    before = place.files()
    words = ("--store-key-file", key_file, "--data-dir", "drill")
    assert cli("restore", file, "--env-file", "drill.env", *words) == 0
    assert sources.load(Path("drill.env")).data_dir == tmp_path / "drill"
    assert place.files() == before


def test_an_env_file_that_is_there_stays_as_it_is(
    place: Place, file: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_env(CARD_TTL="7d")
    env = place.env_file.read_bytes()
    shutil.rmtree(place.data_dir)
    words = ("restore", file, "--env-file", place.env_file)
    assert cli(*words, "--data-dir", "other") == 1
    assert "Leave --data-dir out" in capsys.readouterr().err
    key_file.write_text(new_store_key().reveal())
    assert cli(*words, "--store-key-file", key_file) == 1
    assert "another key" in capsys.readouterr().err
    assert not place.data_dir.exists()
    assert cli(*words) == 0
    assert place.files().keys() == {".env", "data/adminbot.db"}
    assert place.env_file.read_bytes() == env


def test_the_backup_of_another_bot_is_refused(
    place: Place, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_env(USER_ID="@second:example.org")
    shutil.rmtree(place.data_dir)
    assert cli("restore", file, "--env-file", place.env_file) == 1
    assert "@second:example.org" in capsys.readouterr().err
    assert not place.data_dir.exists()


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_cut_off_anywhere_a_second_run_finishes(
    cut: int, place: Place, file: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the env file, between it and the state, and after both."""
    place.lose_everything()
    words = ("restore", file, "--env-file", place.env_file, "--store-key-file", key_file)
    written = 0

    def write_until_cut(path: Path, content: str | bytes) -> None:
        nonlocal written
        if written == cut:
            path.with_name(f"{path.name}.new").write_text("half")
            raise KeyboardInterrupt
        write_private(path, content)
        written += 1
        if written == cut == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(backup, "write_private", write_until_cut)
        assert cli(*words) == 1
    assert cli(*words) == 0
    assert place.files().keys() == {".env", "data/adminbot.db"}
    assert snapshot.contents(place.database.read_bytes()).bots == 2
