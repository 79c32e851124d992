"""A profile: what one kind of program takes, and what a person does with it. Pure.

docs/apps.md explains every key; `schema.json` says which values a key may have.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from adminbot.apps.formats import Format
from adminbot.apps.placeholders import Block, fill, fill_words, names_in
from adminbot.values.secret import Secret

Given = Mapping[str, str | Secret]


class Takes(enum.StrEnum):
    """What the program logs in with."""

    TOKEN = "token"  # noqa: S105 (a word of the profiles)
    PASSWORD = "password"  # noqa: S105
    EITHER = "either"
    EXACTLY_ONE = "exactly one"


class Chosen(enum.StrEnum):
    """Whose device id the program runs on."""

    OURS = "ours"
    ASKED = "asked"
    THEIRS = "theirs"


class Encryption(enum.StrEnum):
    ALWAYS = "always"
    OPTIONAL = "optional"
    NEVER = "never"


class Identity(enum.StrEnum):
    """Who makes the account's cross-signing identity."""

    ADMINBOT = "adminbot"
    PROGRAM = "program"
    RECOVERY_KEY = "recovery key"


class Need(enum.StrEnum):
    """Whether the program's settings name a room."""

    NO = "no"
    OPTIONAL = "optional"
    NEEDED = "needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of program; texts are for a person, with `code` and placeholders.

    `name`: of the file, typed after `--for`. `bare_room_id`: the program takes room ids without
    `:server` (room version 12). `joins`: the program accepts invitations itself. `keeps_device`:
    the program goes on with its keys after a new token. `needs_https`: it would send in clear over
    http. `first`, `renewed`, `fresh`: the steps at the first start, after a new token, after a new
    device.
    """

    name: str
    title: str
    about: str
    source: tuple[str, ...]
    takes: Takes
    device: Chosen
    encryption: Encryption
    identity: Identity
    room: Need
    bare_room_id: bool
    joins: bool
    keeps_device: bool
    needs_https: bool
    format: Format
    paste_into: str
    first: tuple[str, ...]
    renewed: tuple[str, ...]
    fresh: tuple[str, ...]
    works: str
    gotchas: tuple[str, ...]
    block: Block

    @property
    def by_password(self) -> bool:
        """Whether the program logs in by itself, so that no session is made for it."""
        return self.takes is Takes.PASSWORD

    def has_place_for(self, placeholder: str) -> bool:
        return placeholder in names_in(self.block)

    def render(self, values: Given) -> str:
        """The block: what the program takes, as it is. It may hold secrets.

        What of `values` is missing is left out with its key.
        """
        revealed = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in values.items()
        }
        return self.format.write(fill(self.block, revealed, self.format.escape))

    def say(self, text: str, values: Given) -> str:
        """One of this profile's texts, with these values. Secrets have no place in it."""
        return fill_words(text, values)
