"""All profiles: those in the package, and those in the operator's directory, which win."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from adminbot.apps.checking import problems
from adminbot.apps.formats import Format
from adminbot.apps.profile import Chosen, Encryption, Identity, Need, Profile, Takes
from adminbot.errors import ConfigError, UsageError
from adminbot.values.ids import is_app_name
from adminbot.values.text import safe_to_quote

PLAIN = "env"
_ROOM = resources.files("adminbot.apps")
_MOST_BYTES = 64 * 1024


class Catalog:
    """The profiles by name, the plain one first.

    `explained`: what is no program with a login → why, and what to do instead.
    """

    def __init__(self, profiles: Iterable[Profile], explained: Mapping[str, str]) -> None:
        ordered = sorted(profiles, key=lambda it: (it.name != PLAIN, it.name))
        self._by_name = {it.name: it for it in ordered}
        self._explained = explained

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._by_name.values())

    def find(self, name: str) -> Profile | None:
        return self._by_name.get(name.strip().lower())

    def get(self, name: str) -> Profile:
        """The profile of a bot; the plain one where nothing is noted, or the file is gone."""
        return self._by_name.get(name) or self._by_name[PLAIN]

    def named(self, typed: str) -> Profile:
        """The profile of a typed name.

        Raises UsageError: there is none; the nearest is named.
        """
        name = typed.strip().lower()
        if name in self._by_name:
            return self._by_name[name]
        explained = [why for it, why in self._explained.items() if it in name]
        if explained:
            raise UsageError(explained[0], "Nothing was changed.")
        near = get_close_matches(name, self._by_name, n=1, cutoff=0.6)
        raise UsageError(
            f"I have no profile of “{safe_to_quote(typed)}”. Nothing was changed.",
            f"Did you mean `{near[0]}`? All of them: `!apps`" if near else "All of them: `!apps`",
        )


def load_catalog(directory: Path | None) -> Catalog:
    """Read all profiles; a file of `directory` replaces the package's of the same name.

    Raises:
        ConfigError: some files cannot be used; all that is wrong is named, by file and key.
    """
    wrong: list[str] = []
    found: dict[str, Profile] = {}
    for file in [*_packaged(), *_of(directory, wrong)]:
        name = file.name.removesuffix(".toml")
        raw, said = _read(file)
        wrong += [f"{file.name}: {problem}" for problem in said]
        if not said:
            found[name] = _profile(name, raw)
    if wrong:
        raise ConfigError(
            f"Some app profiles are not usable: {'; '.join(wrong)}.",
            "docs/apps.md explains every key.",
        )
    explained = tomllib.loads(_ROOM.joinpath("explained.toml").read_text("utf-8"))
    return Catalog(found.values(), explained)


def _packaged() -> list[Traversable]:
    return [it for it in _ROOM.joinpath("profiles").iterdir() if it.name.endswith(".toml")]


def _of(directory: Path | None, wrong: list[str]) -> list[Path]:
    if directory is None:
        return []
    try:
        return sorted(it for it in directory.iterdir() if it.suffix == ".toml")
    except OSError:
        wrong.append("ADMINBOT_APPS_DIR names no directory that can be read")
        return []


def _read(file: Traversable) -> tuple[dict[str, Any], list[str]]:
    """A file's keys, and what is wrong with them."""
    if not is_app_name(file.name.removesuffix(".toml")):
        return {}, ["the name must be a-z 0-9 and -, and begin with a letter"]
    try:
        data = file.read_bytes()
        if len(data) > _MOST_BYTES:
            return {}, ["is too large"]
        raw = tomllib.loads(data.decode("utf-8"))
    except OSError:
        return {}, ["cannot be read"]
    except UnicodeDecodeError:
        return {}, ["is not UTF-8"]
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        return {}, [f"is not TOML{_where(exc)}"]
    raw = _dates_as_text(raw)
    return raw, problems(raw)


def _where(exc: Exception) -> str:
    """The place that tomllib names, without its quotation of the text."""
    _, at, place = str(exc).rpartition(" (at ")
    return f" (at {place}" if at else ""


def _dates_as_text(value: Any) -> Any:
    match value:
        case dict():
            return {key: _dates_as_text(it) for key, it in value.items()}
        case list():
            return [_dates_as_text(it) for it in value]
        case date():
            return value.isoformat()
    return value


def _profile(name: str, raw: Mapping[str, Any]) -> Profile:
    """A profile of what has no problems."""
    return Profile(
        name=name,
        title=raw["title"],
        about=raw["about"],
        source=tuple(_source(it) for it in raw["source"]),
        takes=Takes(raw["takes"]),
        device=Chosen(raw.get("device", "ours")),
        encryption=Encryption(raw.get("encryption", "always")),
        identity=Identity(raw.get("identity", "adminbot")),
        room=Need(raw.get("room", "no")),
        bare_room_id=raw.get("bare_room_id", True),
        joins=raw.get("joins", True),
        keeps_device=raw.get("keeps_device", True),
        needs_https=raw.get("needs_https", False),
        format=Format(raw["format"]),
        paste_into=raw["paste_into"],
        first=tuple(raw["first"]),
        renewed=tuple(raw.get("renewed", ())),
        fresh=tuple(raw.get("fresh", ())),
        works=raw["works"],
        gotchas=tuple(raw.get("gotchas", ())),
        block=raw["block"],
    )


def _source(it: Mapping[str, str]) -> str:
    version = f", {it['version']}" if "version" in it else ""
    return f"{it['what']}{version} (read {it['read']})"
