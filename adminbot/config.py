"""Settings: read once, from the environment and the env file, all problems named at once.

The only reader of the environment. `.env.example` is the manual.
"""

import enum
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from dotenv import dotenv_values

from adminbot.errors import ConfigError
from adminbot.homeserver.tls import tls_context
from adminbot.values.ids import UserId, parse_url
from adminbot.values.secret import Sealer, Secret

PREFIX = "ADMINBOT_"
SECRETS = ("ACCESS_TOKEN", "STORE_KEY", "REGISTRATION_SHARED_SECRET")
NAMES = (
    *("HOMESERVER", "PUBLIC_URL", "USER_ID", "DEVICE_ID", "ROOM", "ADMINS", "DATA_DIR"),
    *("TRUST", "CARD_TTL", "MAX_AGE", "PREFIX", "LOG_LEVEL", "LOG_FORMAT", "CA_FILE"),
    *SECRETS,
)
_TOKEN = f"{PREFIX}ACCESS_TOKEN"
_LEVELS = ("debug", "info", "warning", "error")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Trust(enum.Enum):
    """Which of an admin's devices may command and receive (SPEC: Trust)."""

    PINNED = "pinned"
    VERIFIED = "verified"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Settings:
    """What adminbot runs with; secrets do not print."""

    homeserver: str
    public_url: str | None
    user_id: UserId
    device_id: str
    access_token: Secret
    store_key: Secret
    room_id: str
    admins: tuple[UserId, ...]
    data_dir: Path
    shared_secret: Secret | None
    trust: Trust
    card_ttl: timedelta
    max_age: timedelta
    prefix: str
    log_level: str
    log_format: str
    ca_file: Path | None = None

    @classmethod
    def from_mapping(cls, env: Mapping[str, str], unknown: Sequence[str] = ()) -> Self:
        """Raises ConfigError naming every wrong variable at once, never a value."""
        reader = _Reader(env)
        reader.problems += [f"{name} is not a setting of adminbot" for name in unknown]
        settings = cls(
            homeserver=reader.url("HOMESERVER"),
            public_url=reader.url("PUBLIC_URL") if reader.has("PUBLIC_URL") else None,
            user_id=reader.user_id("USER_ID"),
            device_id=reader.required("DEVICE_ID"),
            access_token=reader.token("ACCESS_TOKEN"),
            store_key=reader.store_key("STORE_KEY"),
            room_id=reader.room_id("ROOM"),
            admins=reader.user_ids("ADMINS"),
            data_dir=Path(reader.optional("DATA_DIR", "data")),
            shared_secret=(
                Secret(reader.required("REGISTRATION_SHARED_SECRET"))
                if reader.has("REGISTRATION_SHARED_SECRET")
                else None
            ),
            trust=reader.trust("TRUST"),
            card_ttl=reader.duration("CARD_TTL", "1h"),
            max_age=reader.duration("MAX_AGE", "1h"),
            prefix=reader.command_prefix("PREFIX"),
            log_level=reader.choice("LOG_LEVEL", _LEVELS, "info"),
            log_format=reader.choice("LOG_FORMAT", ("text", "json"), "text"),
            ca_file=reader.ca_file("CA_FILE"),
        )
        if reader.problems:
            raise ConfigError(
                "The settings are not usable: " + "; ".join(reader.problems) + ".",
                "`.env.example` explains each of them; `adminbot setup` writes them.",
            )
        return settings


class _Reader:
    """Reads one mapping and collects every problem instead of stopping at the first."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.problems: list[str] = []

    def has(self, name: str) -> bool:
        return any(self._env.get(PREFIX + key, "").strip() for key in (name, f"{name}_FILE"))

    def optional(self, name: str, default: str = "") -> str:
        value = self._env.get(PREFIX + name, "").strip()
        if name in SECRETS:
            value = self._from_file(name, value)
        return value or default

    def _from_file(self, name: str, value: str) -> str:
        path = self._env.get(f"{PREFIX}{name}_FILE", "").strip()
        if not path:
            return value
        if value:
            self._wrong(name, f"is set both directly and as {PREFIX}{name}_FILE: keep one")
            return value
        try:
            content = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):  # no such file, no UTF-8, a name that cannot be one
            self._wrong(f"{name}_FILE", "names a file that cannot be read")
            return "unreadable"
        if not content:
            self._wrong(f"{name}_FILE", "names an empty file")
            return "empty"
        return content

    def required(self, name: str) -> str:
        value = self.optional(name)
        if not value:
            self._wrong(name, "is missing")
        return value

    def url(self, name: str) -> str:
        value = self.required(name)
        if not value:
            return value
        try:
            return parse_url(value)
        except ValueError:
            self._wrong(name, "must be a base URL such as https://matrix.example.org")
            return value

    def user_id(self, name: str) -> UserId:
        value = self.required(name)
        try:
            return UserId.parse(value)
        except ValueError:
            if value:
                self._wrong(name, "must be a full user id such as @you:example.org")
            return UserId("", "")

    def user_ids(self, name: str) -> tuple[UserId, ...]:
        words = self.optional(name).replace(",", " ").split()
        if not words:
            self._wrong(name, "is empty: name at least one admin (empty never means everyone)")
        found: list[UserId] = []
        for word in words:
            try:
                found.append(UserId.parse(word))
            except ValueError:
                self._wrong(name, "holds something that is not a user id (@you:example.org)")
        return tuple(dict.fromkeys(found))

    def room_id(self, name: str) -> str:
        value = self.required(name)
        if value and not value.startswith("!"):
            self._wrong(name, "must be a room id, which begins with !")
        return value

    def token(self, name: str) -> Secret:
        value = self.required(name)
        if not all("!" <= letter <= "~" for letter in value):
            self._wrong(name, "holds something that no access token has (a space, a second line?)")
        return Secret(value)

    def store_key(self, name: str) -> Secret:
        key = Secret(self.required(name))
        if key.reveal():
            try:
                Sealer.from_base64(key)
            except ValueError:
                self._wrong(name, "must be 32 random bytes in base64")
        return key

    def trust(self, name: str) -> Trust:
        value = self.optional(name, "pinned").lower()
        if value not in {mode.value for mode in Trust}:
            self._wrong(name, "must be pinned, verified or any")
            return Trust.PINNED
        return Trust(value)

    def ca_file(self, name: str) -> Path | None:
        value = self.optional(name)
        if not value:
            return None
        try:
            return parse_ca_file(value)
        except ValueError as exc:
            self._wrong(name, str(exc))
            return None

    def duration(self, name: str, default: str) -> timedelta:
        found = re.fullmatch(r"(\d{1,6})([smhd])", self.optional(name, default).lower())
        length = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else timedelta()
        if not timedelta(seconds=1) <= length <= timedelta(days=7):
            self._wrong(name, "must be a time from 1s to 7d, such as 90s, 15m, 1h")
        return length

    def command_prefix(self, name: str) -> str:
        value = self.optional(name, "!")
        if len(value) > 8 or any(c.isalnum() or c.isspace() or c == "`" for c in value):
            why = "must be one to eight characters, no letters, digits, spaces or back-ticks"
            self._wrong(name, why)
        elif value.startswith("/"):
            self._wrong(name, "may not begin with /: clients keep such lines for themselves")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.optional(name, default).lower()
        if value not in allowed:
            self._wrong(name, f"must be one of {', '.join(allowed)}")
        return value

    def _wrong(self, name: str, why: str) -> None:
        problem = f"{PREFIX}{name} {why}"
        if problem not in self.problems:
            self.problems.append(problem)


def parse_ca_file(text: str) -> Path:
    """The absolute path of a file with certificates. Raises ValueError saying what is wrong."""
    path = Path(text).absolute()
    try:
        tls_context(path)
    except ssl.SSLError:
        raise ValueError("names a file that holds no certificate in PEM form") from None
    except (OSError, ValueError):  # no such file, a name that cannot be one
        raise ValueError("names a file that cannot be read") from None
    return path


def ca_file_around() -> Path | None:
    """ADMINBOT_CA_FILE of the environment. Raises ConfigError."""
    reader = _Reader(os.environ)
    found = reader.ca_file("CA_FILE")
    if reader.problems:
        raise ConfigError(f"{reader.problems[0]}.")
    return found


def load(env_file: Path) -> Settings:
    """Settings from the env file and the process's environment; the environment wins.

    Raises:
        ConfigError: something is missing or wrong, or the file holds an unknown name.
    """
    return _settings(*merged(read_env_file(env_file), os.environ), env_file)


def load_without_token(env_file: Path) -> Settings:
    """As `load`, with whatever stands for the access token: for who is about to get a new one."""
    env, unknown = merged(read_env_file(env_file), os.environ)
    env.pop(f"{_TOKEN}_FILE", None)
    return _settings(env | {_TOKEN: "none"}, unknown, env_file)


def names_token(env_file: Path) -> bool:
    """Whether it is the env file itself that says which access token is used (or should)."""
    elsewhere = {_TOKEN, f"{_TOKEN}_FILE"} & {name for name, value in os.environ.items() if value}
    in_file = read_env_file(env_file)
    return env_file.exists() and not elsewhere and not in_file.get(f"{_TOKEN}_FILE")


def log_format(env_file: Path) -> str:
    """What ADMINBOT_LOG_FORMAT says, whatever else may be wrong; `text` if it says nothing."""
    env, _ = merged(read_env_file(env_file), os.environ)
    return env.get(f"{PREFIX}LOG_FORMAT", "text").strip().lower()


def is_exposed(env_file: Path) -> bool:
    """Whether accounts other than its owner can read a secret in it.

    A group may be meant to (root's file for the service's group), but not in a file of our own.
    """
    holds_secret = any(read_env_file(env_file).get(PREFIX + name) for name in SECRETS)
    if not holds_secret:
        return False
    found = env_file.stat()
    group_is_meant = found.st_uid != os.geteuid()
    return bool(found.st_mode & (0o007 if group_is_meant else 0o077))


def in_the_journal() -> bool:
    """Whether systemd's journal takes our stderr, with a time of its own for each line."""
    return bool(os.environ.get("JOURNAL_STREAM"))


def _settings(env: Mapping[str, str], unknown: Sequence[str], env_file: Path) -> Settings:
    try:
        return Settings.from_mapping(env, unknown)
    except ConfigError as exc:
        if env_file.exists():
            raise
        raise ConfigError(f"There is no env file {env_file}. {exc}", exc.hint) from None


def default_data_dir(before: str | None = None) -> Path:
    """Where state goes when nobody says otherwise: ADMINBOT_DATA_DIR, where it was, `data`."""
    return Path(os.environ.get(f"{PREFIX}DATA_DIR") or before or "data")


def is_in_environment(name: str) -> bool:
    """Whether the process's environment sets this, so that the env file does not count."""
    return bool(os.environ.get(PREFIX + name))


def in_force(env_file: Path) -> dict[str, str]:
    """Every setting that is set, by its name without prefix, secrets read from their files."""
    reader = _Reader(merged(read_env_file(env_file), os.environ)[0])
    return {name: value for name in NAMES if (value := reader.optional(name))}


def store_key(file: Path | None) -> Secret | None:
    """The store key from this file, else from the environment; None when it is not there.

    Raises:
        ConfigError: what is there is no store key.
    """
    reader = _Reader({f"{PREFIX}STORE_KEY_FILE": str(file)} if file else os.environ)
    key = reader.store_key("STORE_KEY") if reader.has("STORE_KEY") else None
    if reader.problems:
        raise ConfigError("The store key is not usable: " + "; ".join(reader.problems) + ".")
    return key


def merged(
    from_file: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Returns one mapping, and the unknown names in the file.

    `NAME` in the environment also hides `NAME_FILE` in the file, and vice versa.
    Unknown ADMINBOT_ names are an error in the file (a misspelt setting) and ignored in the
    environment (Kubernetes puts ADMINBOT_PORT there for a service called adminbot).
    """
    known = {PREFIX + name for name in NAMES} | {f"{PREFIX}{name}_FILE" for name in SECRETS}
    unknown = sorted(name for name in from_file if name.startswith(PREFIX) and name not in known)
    from_environ = {name: value for name, value in environ.items() if name in known and value}
    hidden = set(from_environ)
    for name in SECRETS:
        pair = {PREFIX + name, f"{PREFIX}{name}_FILE"}
        if pair & hidden:
            hidden |= pair
    kept = {name: value for name, value in from_file.items() if name not in hidden}
    return kept | from_environ, unknown


def read_env_file(path: Path) -> dict[str, str]:
    """The file's assignments; empty when there is no such file. Raises ConfigError."""
    try:
        return {k: v for k, v in dotenv_values(path, interpolate=False).items() if v is not None}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"The env file {path} cannot be read.") from exc
