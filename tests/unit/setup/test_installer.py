"""The env file that a setup writes: complete, and of the same meaning when it is read again."""

from pathlib import Path

import pytest

from adminbot.config import Settings, Trust
from adminbot.config.sources import read_env_file
from adminbot.homeserver.values import Session
from adminbot.setup.account import BySharedSecret, ByToken, Credential
from adminbot.setup.env_file import env_text, write_private
from adminbot.setup.installer import Plan, _variables, finished
from adminbot.setup.journal import Journal
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.unit.config.good import STORE_KEY

BOT = UserId("adminbot", "example.org")
SESSION = Session(BOT, "ADMINBOT1", Secret("syt_token"))


def plan(directory: Path, credential: Credential, *, keep: bool = False) -> Plan:
    return Plan(
        homeserver="http://localhost:8008",
        public_url=None,
        admins=(UserId("you", "example.org"), UserId("more", "example.org")),
        bot_name="adminbot",
        credential=credential,
        data_dir=directory / "it's my data",
        env_file=directory / ".env",
        keep_shared_secret=keep,
    )


@pytest.mark.parametrize(
    ("credential", "keep", "kept"),
    [
        (BySharedSecret(Secret("sh'ared\\")), True, Secret("sh'ared\\")),
        (BySharedSecret(Secret("shared")), False, None),
        (ByToken(Secret("shared")), True, None),
    ],
)
def test_what_is_written_is_what_is_read(
    tmp_path: Path, credential: Credential, keep: bool, kept: Secret | None
) -> None:
    wanted = plan(tmp_path, credential, keep=keep)
    variables = _variables(wanted, SESSION, Secret(STORE_KEY), "!room:example.org")
    write_private(wanted.env_file, env_text("setup", variables))
    found = Settings.from_mapping(read_env_file(wanted.env_file))

    assert found == Settings.from_mapping(variables)
    assert found.session == SESSION
    assert found.store_key == Secret(STORE_KEY)
    assert found.room_id == "!room:example.org"
    assert found.admins == wanted.admins
    assert found.data_dir == wanted.data_dir
    assert found.shared_secret == kept
    assert found.trust is Trust.PINNED


def test_a_setup_that_was_cut_off_before_it_tidied_up_is_finished(tmp_path: Path) -> None:
    journal, env_file = Journal(tmp_path / ".env"), tmp_path / ".env"
    journal.keep(TOKEN="syt_token")
    assert not finished(env_file), "there is no env file yet"
    write_private(env_file, env_text("setup", {"ADMINBOT_ACCESS_TOKEN": "syt_other"}))
    assert not finished(env_file), "another setup's"
    write_private(env_file, env_text("setup", {"ADMINBOT_ACCESS_TOKEN": "syt_token"}))

    assert finished(env_file)
    assert Journal(env_file).get("TOKEN") is None
