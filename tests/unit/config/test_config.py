"""The table of settings: the least that works, and all that is wrong said at once, by name."""

from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.config import ROWS, Settings, Trust
from adminbot.errors import ConfigError
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.unit.config.good import GOOD, STORE_KEY, problem, settings


def test_the_least_that_works_has_the_documented_defaults() -> None:
    assert settings() == Settings(
        homeserver="http://matrix-synapse:8008",
        public_url=None,
        ca_file=None,
        user_id=UserId("adminbot", "example.org"),
        device_id="ADMINBOT1",
        access_token=Secret("syt_token"),
        store_key=Secret(STORE_KEY),
        room_id="!room:example.org",
        admins=(UserId("you", "example.org"),),
        data_dir=Path("data"),
        shared_secret=None,
        trust=Trust.PINNED,
        card_ttl=timedelta(hours=1),
        apps_dir=None,
        max_age=timedelta(hours=1),
        prefix="!",
        log_level="info",
        log_format="text",
        metrics=None,
    )


def test_blanks_around_a_value_are_not_part_of_it() -> None:
    assert settings(DEVICE_ID=" D1\t", PUBLIC_URL=" https://x.org/ ", TRUST=" any\n") == settings(
        DEVICE_ID="D1", PUBLIC_URL="https://x.org", TRUST="any"
    )


def test_nothing_set_names_everything_that_must_be_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_mapping({})

    for name in GOOD:
        assert name in str(caught.value)


WRONG = {
    "HOMESERVER": "ftp://hunter2",
    "PUBLIC_URL": "hunter2",
    "CA_FILE": "/hunter2",
    "USER_ID": "hunter2",
    "ACCESS_TOKEN": "hunter2 hunter2",
    "STORE_KEY": "hunter2",
    "ROOM": "#hunter2:example.org",
    "ADMINS": "hunter2",
    "TRUST": "hunter2",
    "CARD_TTL": "hunter2",
    "APPS_DIR": "/hunter2",
    "PREFIX": "hunter2",
    "MAX_AGE": "hunter2",
    "LOG_LEVEL": "hunter2",
    "LOG_FORMAT": "hunter2",
    "METRICS": "hunter2",
}


def test_only_where_every_text_is_right_none_is_wrong() -> None:
    assert ROWS.keys() - WRONG.keys() == {"DEVICE_ID", "DATA_DIR", "REGISTRATION_SHARED_SECRET"}


def test_all_that_is_wrong_is_named_at_once_and_never_with_its_value() -> None:
    said = problem(**WRONG)

    for name in WRONG:
        assert f"ADMINBOT_{name} " in said
    assert "hunter2" not in said


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_setting_alone_is_the_only_one_named(name: str) -> None:
    said = problem(**{name: WRONG[name]})

    assert f"ADMINBOT_{name} " in said
    assert said.count("ADMINBOT_") == 1
    assert "hunter2" not in said
