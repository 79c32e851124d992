"""Where the settings come from: the env file and the process's environment, which wins.

The only reader of the environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from adminbot.config import KNOWN, ROWS, Settings
from adminbot.config.row import WrongSetting
from adminbot.errors import ConfigError
from adminbot.values.secret import Secret

_TOKEN = ROWS["ACCESS_TOKEN"]
_STORE_KEY = ROWS["STORE_KEY"]


def load(env_file: Path) -> Settings:
    """Settings from the env file and the process's environment; the environment wins.

    Raises:
        ConfigError: something is missing or wrong, or the file holds an unknown name.
    """
    return _settings(_around(env_file), env_file)


def load_without_token(env_file: Path) -> Settings:
    """As `load`, whatever the access token is: for `adminbot login`, which gets a new token."""
    env = {name: text for name, text in _around(env_file).items() if name not in _TOKEN.variables}
    return _settings(env | {_TOKEN.variable: "none"}, env_file)


def _settings(env: Mapping[str, str], env_file: Path) -> Settings:
    try:
        return Settings.from_mapping(env)
    except ConfigError as exc:
        if env_file.exists():
            raise
        raise ConfigError(f"There is no env file {env_file}. {exc}", exc.hint) from None


def in_force(env_file: Path) -> dict[str, str]:
    """The texts of all settings that are set, by names without prefix; secrets are among them.

    Raises ConfigError.
    """
    env = _around(env_file)
    try:
        return {name: text for name, row in ROWS.items() if (text := row.text(env))}
    except WrongSetting as exc:
        raise ConfigError(f"{exc}.") from None


def log_format(env_file: Path) -> str:
    """What ADMINBOT_LOG_FORMAT says, or its default, whatever else may be wrong."""
    row = ROWS["LOG_FORMAT"]
    return (row.text(_around(env_file)) or row.default).lower()


# -- the environment alone


def ca_file_in_environment() -> Path | None:
    """ADMINBOT_CA_FILE of the environment. Raises ConfigError."""
    try:
        path: Path | None = ROWS["CA_FILE"].value(os.environ)
    except WrongSetting as exc:
        raise ConfigError(f"{exc}.") from None
    return path


def store_key(file: Path | None) -> Secret | None:
    """The store key from this file, else from the environment; None where neither is given.

    Raises:
        ConfigError: the text is no store key, or the file cannot be read.
    """
    env = {_STORE_KEY.variables[1]: str(file)} if file else os.environ
    if not any(env.get(variable, "").strip() for variable in _STORE_KEY.variables):
        return None
    try:
        key: Secret = _STORE_KEY.value(env)
    except WrongSetting as exc:
        raise ConfigError(f"The store key is not usable: {exc}.") from None
    return key


def default_data_dir(before: str | None = None) -> Path:
    """The data directory by ADMINBOT_DATA_DIR, else as it was `before`, else the default."""
    row = ROWS["DATA_DIR"]
    return Path(row.text(os.environ) or before or row.default)


def is_in_environment(name: str) -> bool:
    """Whether the process's environment sets a variable: what the env file says is void then."""
    return bool(os.environ.get(name))


def in_the_journal() -> bool:
    """Whether systemd's journal takes our stderr, with a time of its own for each line."""
    return bool(os.environ.get("JOURNAL_STREAM"))


# -- the env file


def names_token(env_file: Path) -> bool:
    """Whether the env file itself says which access token is used (or should)."""
    elsewhere = any(map(is_in_environment, _TOKEN.variables))
    in_a_file = read_env_file(env_file).get(_TOKEN.variables[1])
    return env_file.exists() and not elsewhere and not in_a_file


def exposed_files(env_file: Path) -> list[Path]:
    """The files with secrets that others than their owner can read: env file, `_FILE` settings."""
    rows = [row for row in ROWS.values() if row.secret]
    texts, env = read_env_file(env_file), _around(env_file)
    named = [Path(env[row.variables[1]]) for row in rows if env.get(row.variables[1])]
    # What a container's manager puts there is root's, and readable in the container by design.
    exposed = [path for path in named if _is_ours(path) and path.stat().st_mode & 0o077]
    # A group may be meant to read the env file (root's file for the service's group).
    mask = 0o077 if _is_ours(env_file) else 0o007
    if any(texts.get(row.variable) for row in rows) and env_file.stat().st_mode & mask:
        exposed.append(env_file)
    return exposed


def beside(env_file: Path) -> str:
    """Where settings are that are not in the env file: secrets' own files, the environment."""
    around = _around(env_file)
    secret_files = (row.variables[1] for row in ROWS.values() if row.secret)
    places = [around[name] for name in secret_files if around.get(name)]
    if names := ", ".join(sorted(name for name in KNOWN if is_in_environment(name))):
        places.append(f"in the environment {names}")
    return "; ".join(places)


def _is_ours(path: Path) -> bool:
    return path.exists() and path.stat().st_uid == os.geteuid()


def _around(env_file: Path) -> dict[str, str]:
    return merged(read_env_file(env_file), os.environ)


def merged(from_file: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of both.

    `NAME` in the environment also hides `NAME_FILE` in the file, and vice versa.
    Unknown ADMINBOT_ names are kept of the file, where they are an error (a misspelt setting), and
    ignored in the environment (Kubernetes puts ADMINBOT_PORT there for a service called adminbot).
    """
    from_environ = {name: text for name, text in environ.items() if name in KNOWN and text}
    hidden = {variable for name in from_environ for variable in KNOWN[name].variables}
    kept = {name: text for name, text in from_file.items() if name not in hidden}
    return kept | from_environ


def read_env_file(path: Path) -> dict[str, str]:
    """The file's assignments; empty when there is no such file. Raises ConfigError."""
    try:
        path.stat()  # dotenv takes a file in a directory that is shut for none
        return {k: v for k, v in dotenv_values(path, interpolate=False).items() if v is not None}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"The env file {path} cannot be read.",
            "Is it this user's, and an env file? `--env-file` names another one.",
        ) from exc
