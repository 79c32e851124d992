"""Guards of the app profiles: without a server."""

from tests.mutants import Mutant

_CHECK = "tests/unit/apps/test_checking.py::"
_BAD = f"{_CHECK}test_what_is_wrong_is_said_by_key_and_never_with_the_value"
_SHOW = "tests/unit/apps/test_profiles.py::"

MUTANTS = (
    Mutant(
        "adminbot/apps/checking.py",
        'for name in sorted(names_in(raw.get(key, "")) - PUBLIC):',
        'for name in sorted(names_in(raw.get(key, "")) - KNOWN):',
        "a profile's steps may show the token",
        _BAD,
    ),
    Mutant(
        "adminbot/apps/checking.py",
        "return are_whole and not re.search",
        "return are_whole or not re.search",
        "a value in a shell block may stand inside other quotes",
        _BAD,
    ),
    Mutant(
        "adminbot/apps/checking.py",
        "return by_schema or list(_by_rules(raw))",
        "return by_schema",
        "a profile whose keys do not go together is taken",
        _BAD,
    ),
    Mutant(
        "adminbot/apps/catalog.py",
        "    if wrong:\n",
        "    if False:\n",
        "a file that cannot be used is passed over in silence",
        "tests/unit/apps/test_catalog.py::test_a_file_that_cannot_be_used_is_named",
    ),
    Mutant(
        "adminbot/apps/catalog.py",
        'return f" (at {place}" if at else ""',
        "return str(exc)",
        "a profile's error quotes what is in the file",
        "tests/unit/apps/test_catalog.py::test_a_file_that_cannot_be_used_is_named",
    ),
    Mutant(
        "adminbot/apps/formats.py",
        "return shlex.quote(value)",
        "return value",
        "a display name runs a command in a shell",
        f"{_SHOW}test_shell",
    ),
    Mutant(
        "adminbot/apps/formats.py",
        'return quote(value, safe="*")',
        "return value",
        "a room id in a URL is read as something else",
        f"{_SHOW}test_url",
    ),
    Mutant(
        "adminbot/cards/text.py",
        '| dict.fromkeys(hidden, "***")',
        '| dict.fromkeys(hidden, "")',
        "`!config` does not say where the secrets are",
        "tests/unit/commands/test_apps.py::test_a_config_has_everything_but_the_secrets",
    ),
    Mutant(
        "adminbot/commands/wanted.py",
        "        if not ctx.is_second_run:\n            raise\n",
        "        raise\n",
        "an account that was made before a crash is forgotten, as the room's alias is gone",
        "tests/unit/commands/test_apps.py::"
        "test_what_was_begun_is_finished_also_where_the_room_is_gone",
    ),
)
