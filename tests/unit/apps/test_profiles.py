"""Every packaged profile: what must be in it, and that its form's own reader finds each value.

One more of each form has values in all places that the form has.

The values are such as people type: names with quotes, `$( )`, newlines, emoji, from right to left.
"""

import ast
import itertools
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from dotenv import dotenv_values

from adminbot.apps import Encryption, Profile, load_catalog
from adminbot.apps.formats import Format
from adminbot.apps.placeholders import PUBLIC, SECRETS, names_in, texts_in
from adminbot.apps.profile import Need
from adminbot.commands import ROUTER
from adminbot.errors import UsageError
from adminbot.values.text import is_command
from tests import ROOT
from tests.unit.apps.samples import of_each_form

CATALOG = load_catalog(None)
PROFILES = list(CATALOG)
# SPEC 5 names these.
PROMISED = {
    *("env", "json", "curl", "nanobot", "openclaw", "hermes", "baibot", "maubot", "apprise"),
    *("matrix-commander", "matrix-commander-rs", "home-assistant", "uptime-kuma", "gitea"),
    *("alertmanager", "simplematrixbotlib", "nio-bot", "reminder-bot", "postmoogle", "draupnir"),
}
NAMES = [
    "Bob",
    'O\'Neil "the" bot\\',
    "two\nlines\r\nand\ttabs",
    "$(touch canary) `touch canary` ${HOME} $HOME ${NOBODY:-x}",
    "# not: a comment, - {no} [list] & *alias !tag | > % @ ?",
    " blanks ; && || touch canary ",
    "🤖🇩🇪 👩‍👩‍👧 \N{RIGHT-TO-LEFT OVERRIDE}שלום\N{NEXT LINE}\N{LINE SEPARATOR}é",
    "{access_token} {password} %s %(x)s {{}} {0}",
    "1e3",
    "0o17",
    "yes",
    "null",
    "2026-11-26",
    "'''",
    '"""',
]
URLS = ["https://matrix.example.org", "http://127.0.0.1:8008", "https://[2001:db8::1]:8448"]
ROOMS = ["!SomeRoom:example.org", "!bQd7-_Y31ZzVXeVJr9uLGUrYZTDTvB0ivqdyRSH-jIA"]
ALIASES = ["#alerts:example.org", "#Küche-ß:example.org"]
SECRET = 'it\'s "secret" $(touch canary) \\ # ${HOME} é'


def values(name: str, url: str, room: str, alias: str) -> dict[str, str]:
    return {
        "homeserver": url,
        "host": url.partition("://")[2],
        "s_if_https": "s" if url.startswith("https") else "",
        "server_name": "example.org",
        "user_id": "@some.bot_1=/+-:example.org",
        "localpart": "some.bot_1=/+-",
        "display_name": name,
        "device_id": "SOMEBOT1E7",
        "access_token": "syt_c29tZQ_" + SECRET,
        "password": SECRET,
        "recovery_key": " ".join(["EsT1 x2Yz"] * 6),
        "room_id": room,
        "room": alias,
        "owner": "@you.there:example.org",
        "owner_regex": r"^@you\.there:example\.org$",
    }


EVERY = [
    values(name, url, room, alias)
    for name, url, room, alias in zip(
        NAMES,
        itertools.cycle(URLS),
        itertools.cycle(ROOMS),
        itertools.cycle(ALIASES),
        strict=False,
    )
]


def expected(block: Any, given: dict[str, str]) -> Any:
    """The block as the program must find it: written here once more, in another way."""
    if isinstance(block, dict):
        return {key: expected(value, given) for key, value in block.items()}
    if isinstance(block, list):
        return [expected(value, given) for value in block]
    if isinstance(block, str):
        parts = re.split(r"\{([a-z_]+)\}", block)
        return "".join(given[it] if i % 2 else it for i, it in enumerate(parts))
    return block


def of(*forms: Format) -> list[Any]:
    """Each profile of these forms, with each set of values."""
    return [
        pytest.param(profile, given, id=f"{profile.name}-{i}")
        for profile in [*of_each_form(), *PROFILES]
        if profile.format in forms
        for i, given in enumerate(EVERY)
    ]


def texts(profile: Profile) -> tuple[str, ...]:
    steps = (*profile.first, *profile.renewed, *profile.fresh)
    return (profile.paste_into, *steps, profile.works, *profile.gotchas)


every_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda it: it.name)


# -- what must be in it


def test_all_that_are_promised_are_there() -> None:
    assert not PROMISED - {profile.name for profile in PROFILES}


@every_profile
def test_it_says_from_what_it_was_written_and_when_that_was_read(profile: Profile) -> None:
    for source in profile.source:
        read = re.fullmatch(r".+ \(read (\d{4}-\d{2}-\d{2})\)", source)
        assert read
        assert date.fromisoformat(read[1]) >= date(2026, 11, 1)


@every_profile
def test_no_step_names_a_secret(profile: Profile) -> None:
    assert names_in([profile.title, profile.about, *texts(profile)]) <= PUBLIC
    assert not names_in(list(texts(profile))) & SECRETS


@every_profile
def test_code_that_looks_like_a_command_is_one_of_ours(profile: Profile) -> None:
    """It gets the prefix of this server: another bot's `!command` would come out wrong."""
    for text in texts(profile):
        assert text.count("`") % 2 == 0, text
        for code in re.findall(r"`([^`]+)`", text):
            if is_command(code):
                command = ROUTER.resolve(code[1:].replace("{localpart}", "nanobot"))
                assert command, code


@every_profile
def test_it_has_the_steps_for_each_kind_of_rotation(profile: Profile) -> None:
    """A program that cannot keep its device, or logs in by itself, never gets just a new token."""
    assert profile.first
    assert profile.fresh
    assert bool(profile.renewed) == (profile.keeps_device and not profile.by_password)


@every_profile
def test_what_sends_in_clear_says_so(profile: Profile) -> None:
    if profile.encryption is Encryption.NEVER:
        assert any("encrypt" in gotcha for gotcha in profile.gotchas)


# -- that its form's own reader finds each value


@pytest.mark.parametrize(("profile", "given"), of(Format.JSON))
def test_json(profile: Profile, given: dict[str, str]) -> None:
    assert json.loads(profile.render(given)) == expected(profile.block, given)


@pytest.mark.parametrize(("profile", "given"), of(Format.YAML))
def test_yaml(profile: Profile, given: dict[str, str]) -> None:
    text = profile.render(given)
    assert yaml.safe_load(text) == expected(profile.block, given)
    for plain in _plain_texts(yaml.compose(text)):
        assert not _CORE_1_2.fullmatch(plain), "a reader of YAML 1.2 takes it for something else"


# YAML 1.2.2, 10.3.2: what the core schema makes of a scalar without quotes, if not a text.
_CORE_1_2 = re.compile(
    r"|~|[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


def _plain_texts(node: Any) -> Iterator[str]:
    match node:
        case yaml.ScalarNode(tag="tag:yaml.org,2002:str", style=None):
            yield node.value
        case yaml.MappingNode():
            for key, value in node.value:
                yield from _plain_texts(key)
                yield from _plain_texts(value)
        case yaml.SequenceNode():
            for value in node.value:
                yield from _plain_texts(value)


@pytest.mark.parametrize(("profile", "given"), of(Format.TOML))
def test_toml(profile: Profile, given: dict[str, str]) -> None:
    assert tomllib.loads(profile.render(given)) == expected(profile.block, given)


@pytest.mark.parametrize(("profile", "given"), of(Format.ENV))
def test_env(profile: Profile, given: dict[str, str]) -> None:
    found = dotenv_values(stream=StringIO(profile.render(given)))
    assert found == {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in expected(profile.block, given).items()
    }


@every_profile
def test_env_has_no_quotes_where_they_are_not_needed(profile: Profile) -> None:
    """So that a container's env file, which knows no quotes, has the same values."""
    given = EVERY[0] | {"access_token": "syt_c29tZQ_abc_1aB2c", "password": "Kw-7_x.y-z"}
    if profile.format is Format.ENV:
        assert not set("'\"\\") & set(profile.render(given))


@pytest.mark.parametrize(("profile", "given"), of(Format.FORM))
def test_form(profile: Profile, given: dict[str, str]) -> None:
    wanted = expected(profile.block, given)
    assert profile.render(given).split("\n") == [
        f"{label}: {' '.join(str(value).split())}" for label, value in wanted.items()
    ]


@pytest.mark.parametrize(("profile", "given"), of(Format.URL))
def test_url(profile: Profile, given: dict[str, str]) -> None:
    text = profile.render(given)
    assert re.fullmatch(r"[!-~]+", text), "one line of ASCII without blanks"
    url = urlsplit(text)
    assert url.netloc.rpartition("@")[2] == given["host"]
    assert unquote(text) == expected(str(profile.block).strip(), given)
    for name in names_in(profile.block) - {"host", "s_if_https"}:
        places = [url.username, url.password, *url.path.split("/"), *re.split("[&=]", url.query)]
        assert any(given[name] in unquote(place) for place in places if place), name


@pytest.mark.parametrize(("profile", "given"), of(Format.PYTHON))
def test_python(profile: Profile, given: dict[str, str]) -> None:
    tree = ast.walk(ast.parse(profile.render(given)))
    found = {node.value for node in tree if isinstance(node, ast.Constant)}
    assert found >= {given[name] for name in names_in(profile.block)}


_CURL = """\
#!/bin/sh
{ printf '%s\\n' "$@"; cat; } >> "$RECORD"
"""
_JQ = "#!/bin/sh\ncat\n"
# A block may define what is called later.
_USE = '. ./block; if command -v say >/dev/null; then say "it"; fi'
_TOUCH = """\
#!/bin/sh
echo ran >> "$RECORD.touch"
"""


@pytest.mark.parametrize(("profile", "given"), of(Format.SHELL))
def test_shell(profile: Profile, given: dict[str, str], tmp_path: Path) -> None:
    """A real shell runs the block; what it calls notes its arguments and its input."""
    for name, script in (("curl", _CURL), ("jq", _JQ), ("touch", _TOUCH)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "block").write_bytes(profile.render(given).encode())
    record = tmp_path / "record"
    subprocess.run(
        ["sh", "-eu", "-c", _USE],
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.defpath}", "RECORD": str(record), "HOME": str(tmp_path)},
        check=True,
        timeout=10,
    )
    seen = record.read_bytes().decode()
    for name in names_in(profile.block):
        assert given[name] in seen or given[name] in unquote(seen), name
    assert not (tmp_path / "record.touch").exists(), "a value was run as a command"


# -- what is missing


@every_profile
def test_what_has_no_value_is_left_out_with_its_key(profile: Profile) -> None:
    given = EVERY[0].copy()
    for name in ("password", "recovery_key") if profile.has_place_for("access_token") else ():
        del given[name]
    if profile.room is not Need.NEEDED:
        del given["room_id"], given["room"]
    text = profile.render(given)
    assert not re.search(r"\{[a-z_]+\}", text)
    assert "password" not in text.lower() or "password" in given
    for name in names_in(profile.block) & {"access_token", "user_id", "device_id"}:
        assert text.count(profile.format.escape(given[name])) or profile.format.is_data


def test_what_is_no_login_of_its_own_is_explained() -> None:
    for typed in ("hookshot", "matrix-hookshot", "mautrix-signal", "bridge", "ntfy"):
        with pytest.raises(UsageError):
            CATALOG.named(typed)


def test_no_profile_names_this_machine() -> None:
    for profile in PROFILES:
        assert not {it for it in texts_in([profile.block]) if str(ROOT) in it}
