"""What may be typed after a command's name: the usage line is the grammar. Pure.

`NAME [DEVICE]` is one word and an optional second word. A place of several words, such as
`[Display name]`, takes the rest of the line, and so does a word declared with `…`: `[TEXT…]`,
shown as `[TEXT]`. `NAME NAME …` is one word or more. Flags may stand anywhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Self

from adminbot.errors import UsageError
from adminbot.values.text import half_width, safe_to_quote

_WORD = re.compile(r'"([^"]*)"(?=\s|$)|(\S+)')
# Phones make — or – of -- while one types, other keyboards have hyphens of their own.
_DASHES = re.compile(r"[-‐‑－−]{2,}|[—–―]+-?(?=\w)")
_HYPHEN = re.compile(r"[-‐‑－−](?=\w)")
_CURLY = str.maketrans(dict.fromkeys("“”„‟«»＂", '"') | dict.fromkeys("‘’‚‛＇", "'"))
# `[what may be left out]`, `Some words that must be there`, `ONE ONE …` or more, or `ONE` word.
_PLACE = re.compile(
    r"\[(?P<optional>[^\[\]]+)\]|(?P<several>[A-Z][a-z]+(?: [a-z]+)+)"
    r"|(?P<each>[^\s\[\]]+) (?P=each) …|(?P<one>[^\s\[\]]+)"
)
_REST = "…"  # behind a word of a declared line, with no space between
# What a missing word is called, where that is not the place's own name.
_MISSING = {
    "DEVICE": "a device id",
    "USER": "a user id",
    "new|list|revoke": "a word: new, list or revoke",
}


@dataclass(frozen=True, slots=True)
class Args:
    """The words typed after a command's name, by place in the usage line, and the flags.

    A flag without value has an empty value. `each`: the words of a place such as `NAME NAME …`.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    each: tuple[str, ...] = ()

    def __getitem__(self, place: str) -> str:
        return self.words[place]

    def get(self, place: str, default: str = "") -> str:
        """The word of an optional place."""
        return self.words.get(place, default)


@dataclass(frozen=True, slots=True)
class Flag:
    """`value`: the name of the value, empty for a flag without value. `does`: for `!help`.

    `instead_of`: the place for whose word the flag stands; neither that nor a later one is typed.
    """

    does: str
    value: str = ""
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a usage line.

    `takes_rest`: all remaining words are one value. `is_repeated`: each is a value.
    """

    name: str
    is_optional: bool
    takes_rest: bool
    is_repeated: bool

    def __str__(self) -> str:
        bare = self.name.removeprefix("@")
        return _MISSING.get(bare, f"a {bare.lower()}")


@dataclass(frozen=True, slots=True)
class Usage:
    """The form of a command, with its flags by name."""

    name: str
    line: str
    places: tuple[Place, ...]
    flags: Mapping[str, Flag]

    @classmethod
    def parse(cls, name: str, line: str, flags: Mapping[str, Flag]) -> Self:
        """Read a usage line. Raises ValueError: typed words could belong to several places."""
        places = tuple(_places(line))
        names = [place.name for place in places]
        optional = [place.is_optional for place in places]
        is_clear = (
            not _PLACE.sub("", line).strip()
            and len(set(names)) == len(names)
            and optional == sorted(optional)
            and all(names)
            and not any(place.takes_rest or place.is_repeated for place in places[:-1])
        )
        if not is_clear:
            raise ValueError(f"{name}: words cannot be read by the usage line {line!r}")
        return cls(name, re.sub(rf"(?<=\w){_REST}", "", line), places, flags)

    def __str__(self) -> str:
        return f"!{self.name} {self.line}".rstrip()

    @property
    def flag_lines(self) -> list[tuple[str, str]]:
        """The flags as typed, such as `--device ID`, each with what it does."""
        return [(f"--{name} {it.value}".rstrip(), it.does) for name, it in self.flags.items()]

    def read(self, typed: list[str]) -> Args:
        """Raises UsageError: a word is missing or too many, or a flag is not as declared."""
        words, flags = self._without_flags(typed)
        places = self._places_beside(flags)
        missing = [place for place in places if not place.is_optional][len(words) :]
        if missing:
            raise self._wrong(f"`!{self.name}` needs {missing[0]}.")
        most, each = len(places), tuple[str, ...]()
        if places and places[-1].is_repeated:
            words, each = words[: most - 1], tuple(words[most - 1 :])
        elif places and places[-1].takes_rest and len(words) > most:
            words[most - 1 :] = [" ".join(words[most - 1 :])]
        if len(words) > most:
            raise self._wrong(f"That is more than `!{self.name}` takes.")
        named = {
            place.name: word if place.takes_rest else half_width(word)
            for place, word in zip(places, words, strict=False)
        }
        return Args(named, flags, tuple(map(half_width, each)))

    def _places_beside(self, flags: Iterable[str]) -> tuple[Place, ...]:
        """The places that are left where these flags are typed."""
        replaced = {self.flags[flag].instead_of for flag in flags}
        return tuple(takewhile(lambda place: place.name not in replaced, self.places))

    def _without_flags(self, typed: list[str]) -> tuple[list[str], dict[str, str]]:
        words: list[str] = []
        flags: dict[str, str] = {}
        pending = iter(typed)
        for word in pending:
            if dashes := _DASHES.match(word) or self._hyphen_of_a_flag(word):
                flag, value = self._flag(word[dashes.end() :], pending)
                flags[flag] = value
            else:
                words.append(word)
        return words, flags

    def _hyphen_of_a_flag(self, word: str) -> re.Match[str] | None:
        """One hyphen does where a flag of that name is declared: else it belongs to the text."""
        hyphen = _HYPHEN.match(word)
        is_flag = hyphen and half_width(word[1:]).partition("=")[0].lower() in self.flags
        return hyphen if is_flag else None

    def _flag(self, word: str, pending: Iterator[str]) -> tuple[str, str]:
        """One flag, without its dashes, and the value, perhaps the next of the `pending` words."""
        flag, equals, value = word.replace("＝", "=", 1).partition("=")
        flag = half_width(flag).lower()
        if flag not in self.flags:
            known = ", ".join(f"`--{name}`" for name in self.flags) or "none"
            quoted = safe_to_quote(flag)
            raise self._wrong(f"`!{self.name}` has no `--{quoted}` (it has {known}).")
        wants_value = self.flags[flag].value
        if wants_value and not equals:
            value = next(pending, "")
            value = "" if _DASHES.match(value) else value
        if bool(value) != bool(wants_value):
            wants = "wants a value" if wants_value else "takes no value"
            raise self._wrong(f"`--{flag}` {wants}.")
        return flag, value

    def _wrong(self, text: str) -> UsageError:
        return UsageError(text, f"Type: `{self}`")


def _places(line: str) -> Iterator[Place]:
    for found in _PLACE.finditer(line):
        name = found[found.lastgroup or 0]
        yield Place(
            name.removesuffix(_REST),
            is_optional=found["optional"] is not None,
            takes_rest=" " in name or name.endswith(_REST),
            is_repeated=found["each"] is not None,
        )


def split(line: str) -> list[str]:
    """Words; "straight" and “curly” double quotes hold several together."""
    return [quoted or bare for quoted, bare in _WORD.findall(line.translate(_CURLY))]
