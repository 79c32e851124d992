"""The table of the packaged profiles in docs/apps.md, written from the profiles: `make docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from adminbot.apps import Encryption, Identity, Profile, Takes, load_catalog
from adminbot.apps.profile import Need

_BEGIN = "<!-- written by `make docs`: -->"
_END = "<!-- up to here -->"

_ENCRYPTED = {Encryption.ALWAYS: "yes", Encryption.OPTIONAL: "if on", Encryption.NEVER: "no"}
_SIGNS = {
    Identity.ADMINBOT: "adminbot",
    Identity.PROGRAM: "itself",
    Identity.RECOVERY_KEY: "itself, with a recovery key",
}
_ROOM = {Need.NO: "–", Need.OPTIONAL: "may be given", Need.NEEDED: "needed"}


def with_table(document: str) -> str:
    """The document with the table as it is now between its two marks."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n" + "\n".join(_table()) + f"\n\n{_END}{after}"


def _table() -> Iterator[str]:
    yield "| `--for` | program | takes | encrypts | signed by | `--room` | joins |"
    yield "|---|---|---|---|---|---|---|"
    for profile in load_catalog(None):
        yield f"| {' | '.join(_row(profile))} |"


def _row(profile: Profile) -> Iterator[str]:
    yield f"`{profile.name}`"
    yield f"{profile.title}: {profile.about}"
    yield f"{_login(profile)}, as {profile.format}"
    yield _ENCRYPTED[profile.encryption]
    yield "–" if profile.encryption is Encryption.NEVER else _SIGNS[profile.identity]
    yield _ROOM[profile.room]
    yield "yes" if profile.joins else "no: `!join`"


def _login(profile: Profile) -> str:
    if profile.takes is Takes.EITHER:
        return "token, and password"
    return "password" if profile.has_place_for("password") else "token"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_table(path.read_text("utf-8")), encoding="utf-8")
