"""Wrong use of the command line, as typed in a shell: a line and an exit code."""

from pathlib import Path

import pytest

from tests.world import adminbot

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "WORD"),
        (("fly",), 2, "invalid choice"),
        (("setup", "--non-interactive"), 2, "--homeserver; --admin; one of --shared-secret-file"),
        (("setup", "--homeserver", "nonsense"), 2, "a base URL looks like"),
        (("setup", "--homeserver", "http://127.0.0.1:1", "--admin", "you"), 2, "a full user id"),
        (("setup",), 2, "nobody to ask"),
        (("run", "--env-file", "/nowhere/.env"), 1, "ADMINBOT_HOMESERVER is missing"),
    ],
)
async def test_wrong_use_is_a_line_and_an_exit_code(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    env = (
        ()
        if not words or words[0] == "fly" or "--env-file" in words
        else ("--env-file", tmp_path / "env")
    )
    got, out, err = await adminbot(*words, *env)

    assert got == code
    assert said in err
    assert "Traceback" not in out + err


async def test_the_version_names_the_program() -> None:
    code, out, _ = await adminbot("--version")
    assert code == 0
    assert out.startswith("adminbot 0.")
