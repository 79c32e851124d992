"""The journal of an unfinished setup: it outlives the process, and its owner alone reads it."""

import stat
from pathlib import Path

from adminbot.setup.journal import Journal


def test_what_is_kept_is_there_for_the_next_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path / ".env")
    journal.keep(BOT_NAME="adminbot", PASSWORD="it's a \\ 'secret'")
    journal.keep(BLANK="@adminbot:x.org")
    again = Journal(tmp_path / ".env")

    assert again.get("PASSWORD") == "it's a \\ 'secret'"
    assert again.get("BLANK") == "@adminbot:x.org"
    assert again.get("TOKEN") is None
    [file] = tmp_path.iterdir()
    assert file.name == ".env.setup"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_must_stay_the_same_is_made_once(tmp_path: Path) -> None:
    values = iter(["first", "second"])

    assert Journal(tmp_path / ".env").first("STORE_KEY", lambda: next(values)) == "first"
    assert Journal(tmp_path / ".env").first("STORE_KEY", lambda: next(values)) == "first"


def test_once_done_nothing_is_left_of_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / ".env")
    journal.keep(TOKEN="syt_token")
    journal.done()
    journal.done()

    assert list(tmp_path.iterdir()) == []
    assert Journal(tmp_path / ".env").get("TOKEN") is None
