"""Settings: what is right, what is wrong, and that a value is never repeated."""

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.config import NAMES, SECRETS, Settings, Trust, load, merged
from adminbot.errors import ConfigError
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests import ROOT

STORE_KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "ADMINBOT_HOMESERVER": "http://matrix-synapse:8008/",
    "ADMINBOT_USER_ID": "@adminbot:example.org",
    "ADMINBOT_DEVICE_ID": "ADMINBOT1",
    "ADMINBOT_ACCESS_TOKEN": "syt_token",
    "ADMINBOT_STORE_KEY": STORE_KEY,
    "ADMINBOT_ROOM": "!room:example.org",
    "ADMINBOT_ADMINS": "@you:example.org",
}


def problem(**changed: str) -> str:
    """What is said about the good settings with these changes."""
    env = GOOD | {f"ADMINBOT_{name}": value for name, value in changed.items()}
    with pytest.raises(ConfigError) as caught:
        Settings.from_mapping(env)
    return str(caught.value)


def settings(**changed: str) -> Settings:
    return Settings.from_mapping(GOOD | {f"ADMINBOT_{k}": v for k, v in changed.items()})


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ADMINBOT_")]:
        monkeypatch.delenv(name)


def test_the_least_that_works_has_the_documented_defaults() -> None:
    assert settings() == Settings(
        homeserver="http://matrix-synapse:8008",
        public_url=None,
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
        max_age=timedelta(hours=1),
        prefix="!",
        log_level="info",
        log_format="text",
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
    "USER_ID": "hunter2",
    "STORE_KEY": "hunter2",
    "ROOM": "#hunter2:example.org",
    "ADMINS": "hunter2",
    "TRUST": "hunter2",
    "CARD_TTL": "hunter2",
    "PREFIX": "hunter2",
    "LOG_LEVEL": "hunter2",
    "LOG_FORMAT": "hunter2",
}


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


@pytest.mark.parametrize(
    "url",
    [
        *("matrix.example.org", "https://", "http://x:99999", "http://x:port", "file:///etc"),
        *("https://you:pass@x.org", "https://x.org/?a=b", "https://[::1"),
    ],
)
def test_only_a_base_url_is_a_homeserver(url: str) -> None:
    assert "ADMINBOT_HOMESERVER must be a base URL" in problem(HOMESERVER=url)


@pytest.mark.parametrize("admins", ["", " ", ",", " , ,"])
def test_no_admins_never_means_everyone(admins: str) -> None:
    assert "name at least one admin" in problem(ADMINS=admins)


@pytest.mark.parametrize("word", ["you", "@you", "@you:", "@:x.org", ":x.org", "*", "@*", "you:x"])
def test_an_admin_who_is_no_full_user_id_is_refused_among_good_ones(word: str) -> None:
    assert "ADMINBOT_ADMINS" in problem(ADMINS=f"@you:example.org {word}")


@pytest.mark.parametrize(
    "typed", ["@a:x.org,@b:x.org", "@a:x.org @b:x.org", " @a:x.org ,\n@b:x.org,@a:x.org "]
)
def test_admins_stand_apart_by_commas_or_spaces_and_once_each(typed: str) -> None:
    assert settings(ADMINS=typed).admins == (UserId("a", "x.org"), UserId("b", "x.org"))


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("2H", 7200), ("7d", 604_800), ("1s", 1)],
)
def test_the_life_of_a_card_has_units(typed: str, seconds: int) -> None:
    assert settings(CARD_TTL=typed).card_ttl == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "typed", ["0s", "8d", "60", "1 h", "-1h", "1.5h", "1w", "h", "９h9", "²h"]
)
def test_the_life_of_a_card_is_neither_nothing_nor_for_ever(typed: str) -> None:
    assert "ADMINBOT_CARD_TTL" in problem(CARD_TTL=typed)


@pytest.mark.parametrize("prefix", ["!", ".", "!!", "🤖", "->"])
def test_a_prefix_is_a_few_signs(prefix: str) -> None:
    assert settings(PREFIX=prefix).prefix == prefix


@pytest.mark.parametrize("prefix", ["/", "/bot", "bot", "! !", "123", "!" * 9, "é"])
def test_a_prefix_that_clients_keep_or_talk_begins_with_is_refused(prefix: str) -> None:
    assert "ADMINBOT_PREFIX" in problem(PREFIX=prefix)


def test_trust_is_pinned_verified_or_any_and_nothing_else() -> None:
    assert settings(TRUST="ANY").trust is Trust.ANY
    assert settings(TRUST="verified").trust is Trust.VERIFIED
    assert "pinned, verified or any" in problem(TRUST="verify")


@pytest.mark.parametrize(
    "key", [base64.b64encode(bytes(n)).decode() for n in (16, 31, 33)] + ["é" * 43]
)
def test_a_store_key_has_32_bytes(key: str) -> None:
    assert "ADMINBOT_STORE_KEY must be 32 random bytes" in problem(STORE_KEY=key)


def test_a_store_key_may_have_lost_its_padding() -> None:
    assert settings(STORE_KEY=STORE_KEY.rstrip("="))


@pytest.mark.parametrize("token", ["syt_one\ntwo", "syt_…", "syt_one\x00"])
def test_a_token_that_fits_no_header_is_named_at_the_start(token: str) -> None:
    """Later it would look like a homeserver that never answers, or break the program."""
    assert "ADMINBOT_ACCESS_TOKEN" in problem(ACCESS_TOKEN=token)


# -- NAME_FILE


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    value = GOOD.get(f"ADMINBOT_{name}", "the shared secret")
    path = tmp_path / "secret"
    path.write_text(f"  {value}\n")
    env = {key: text for key, text in GOOD.items() if key != f"ADMINBOT_{name}"}
    found = Settings.from_mapping(env | {f"ADMINBOT_{name}_FILE": str(path)})

    attribute = {"REGISTRATION_SHARED_SECRET": "shared_secret"}.get(name, name.lower())
    assert getattr(found, attribute) == Secret(value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\xff"])
def test_a_secret_file_that_gives_nothing_is_named_without_its_path(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "hunter2"
    if content is not None:
        path.write_bytes(content)
    env = {key: text for key, text in GOOD.items() if key != "ADMINBOT_ACCESS_TOKEN"}
    with pytest.raises(ConfigError) as caught:
        Settings.from_mapping(env | {"ADMINBOT_ACCESS_TOKEN_FILE": str(path)})

    assert "ADMINBOT_ACCESS_TOKEN_FILE names" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_given_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    said = problem(ACCESS_TOKEN_FILE=str(tmp_path / "token"))

    assert "ADMINBOT_ACCESS_TOKEN is set both directly and as" in said
    assert "hunter2" not in said


# -- the file and the environment


def env_file(tmp_path: Path, *more: str) -> Path:
    path = tmp_path / "env"
    path.write_text("\n".join([*(f"{name}='{value}'" for name, value in GOOD.items()), *more]))
    return path


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMINBOT_PREFIX", "?")
    monkeypatch.setenv("ADMINBOT_LOG_LEVEL", "")
    found = load(env_file(tmp_path, "ADMINBOT_PREFIX=.", "ADMINBOT_LOG_LEVEL=debug"))

    assert found.prefix == "?"
    assert found.log_level == "debug", "an empty variable is not a value"


def test_a_secrets_file_in_the_environment_hides_the_secret_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("newer")
    monkeypatch.setenv("ADMINBOT_ACCESS_TOKEN_FILE", str(tmp_path / "token"))

    assert load(env_file(tmp_path)).access_token == Secret("newer")


def test_a_secret_in_the_environment_hides_a_secrets_file_in_the_file() -> None:
    from_file = {"ADMINBOT_STORE_KEY_FILE": "/nowhere", "ADMINBOT_ROOM": "!r:x"}
    found, _ = merged(from_file, {"ADMINBOT_STORE_KEY": "k"})

    assert found == {"ADMINBOT_STORE_KEY": "k", "ADMINBOT_ROOM": "!r:x"}


def test_a_misspelt_name_in_the_file_is_an_error_beside_the_others(tmp_path: Path) -> None:
    path = env_file(tmp_path, "ADMINBOT_ADMIN='hunter2'", "ADMINBOT_TRUST=never")
    with pytest.raises(ConfigError) as caught:
        load(path)

    assert "ADMINBOT_ADMIN is not a setting of adminbot" in str(caught.value)
    assert "ADMINBOT_TRUST" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_other_names_are_nobodys_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes sets ADMINBOT_PORT for a service of that name; the file may serve others."""
    monkeypatch.setenv("ADMINBOT_PORT", "tcp://10.0.0.1:80")

    assert load(env_file(tmp_path, "TZ=Europe/Berlin")).prefix == "!"


def test_a_dollar_in_the_file_is_a_dollar(tmp_path: Path) -> None:
    path = env_file(tmp_path, 'ADMINBOT_REGISTRATION_SHARED_SECRET="a${HOME}b"')

    assert load(path).shared_secret == Secret("a${HOME}b")


def test_no_file_at_all_is_answered_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ADMINBOT_HOMESERVER is missing"):
        load(tmp_path / "none")


@pytest.mark.parametrize("content", [None, b"ADMINBOT_ROOM=\xff\xfe"])
def test_a_file_that_is_no_text_file_is_our_own_error(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "env"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError):
        load(path)


def test_every_setting_is_explained_in_the_example() -> None:
    example = ROOT / ".env.example"

    for name in NAMES:
        assert f"ADMINBOT_{name}" in example.read_text()
