"""The settings: one table, from which the manual `.env.example` is made, in the same order.

A new setting is a new field here, with its row, and the code that uses the field. Where the texts
come from (the environment, the env file) is said in `sources`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from adminbot.config import parsing
from adminbot.config.row import PREFIX, WrongSetting, defaulting, optional, required, row_of
from adminbot.errors import ConfigError
from adminbot.homeserver.values import Session
from adminbot.values.address import Address
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret


class Trust(enum.StrEnum):
    """Which of an admin's devices may command and receive (SPEC: Trust)."""

    PINNED = "pinned"
    VERIFIED = "verified"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Settings:
    """What adminbot runs with; secrets do not print."""

    homeserver: str = required(
        "HOMESERVER",
        parsing.base_url,
        """
        Base URL that the bot itself uses, for the client API and for /_synapse/admin.
        May be internal.
        """,
        heading="the homeserver",
        example="http://localhost:8008",
    )
    public_url: str | None = optional(
        "PUBLIC_URL",
        parsing.base_url,
        "Base URL written on cards: where programs shall connect to.",
        unset="what the homeserver's /.well-known/matrix/client says, else ADMINBOT_HOMESERVER",
        example="https://matrix.example.org",
    )
    ca_file: Path | None = optional(
        "CA_FILE",
        parsing.ca_file,
        """
        A file with certificates (PEM): whom to believe, beside the system's authorities, that a
        server is the homeserver. For an authority of your own.
        """,
        example="/etc/ssl/own-ca.pem",
    )
    user_id: UserId = required(
        "USER_ID",
        parsing.user_id,
        "Full user id. The account is a server admin.",
        heading="the bot's own session (setup makes it; the three belong together)",
        example="@adminbot:example.org",
    )
    device_id: str = required(
        "DEVICE_ID",
        str,
        "The device that the access token belongs to.",
        example="ADMINBOT7K2Q",
    )
    access_token: Secret = required(
        "ACCESS_TOKEN",
        parsing.access_token,
        "Secret. Dead or lost: `adminbot login` makes another one.",
        secret=True,
    )
    store_key: Secret = required(
        "STORE_KEY",
        parsing.store_key,
        """
        Secret. 32 random bytes in base64, such as `openssl rand -base64 32` prints: everything
        secret in the data directory is sealed with it. Never change it; without it the data
        directory is lost.
        """,
        secret=True,
    )
    room_id: str = required(
        "ROOM",
        parsing.room_id,
        "Room id of the admin room; begins with !. `adminbot room --new` makes another one.",
        heading="who may command, and where",
        example="'!abcdefghijklmnopqr:example.org'",
    )
    admins: tuple[UserId, ...] = required(
        "ADMINS",
        parsing.user_ids,
        """
        Full user ids, separated by spaces or commas. Empty is an error, never "everyone".
        Each account must be there: one that is not is left out, with an alarm. Who is added here
        is invited at the next start; who is taken out is removed from the admin room.
        """,
        missing=parsing.NO_ADMINS,
        example="@you:example.org",
    )
    trust: Trust = defaulting(
        "TRUST",
        parsing.one_of(Trust),
        "pinned",
        """
        Which devices of an admin may command and receive cards.
          pinned   those signed by the cross-signing identity (master key) that was seen first;
                   another identity is refused until `adminbot trust @you:example.org`
          verified the same, and the admin and the bot must have compared emoji: `!verify` in the
                   chat and `adminbot verify @you:example.org` in the shell
          any      every device of an admin; for a lab
        """,
    )
    prefix: str = defaulting(
        "PREFIX",
        parsing.command_prefix,
        "!",
        """
        What a command begins with: one to eight characters, no letters, digits, spaces or
        back-ticks, and no / in front.
        """,
    )
    max_age: timedelta = defaulting(
        "MAX_AGE",
        parsing.duration,
        "1h",
        """
        How old a command that changes something may be when it is first seen, because adminbot or
        the network was away: an older one is not carried out but answered "send it again". A
        whole number and a unit, s, m, h or d; from 1s to 7d.
        """,
    )
    data_dir: Path = defaulting(
        "DATA_DIR",
        Path,
        "data",
        """
        Directory of the bot's state and encryption keys; one process at a time. Made if it is not
        there. Relative to the working directory; setup writes it as an absolute path. In the
        container it is /data.
        """,
        heading="state",
    )
    shared_secret: Secret | None = optional(
        "REGISTRATION_SHARED_SECRET",
        Secret,
        """
        Secret. Synapse's registration_shared_secret. With it, an account with its device and token
        is made in one request, which is not counted by Synapse's login limit (by default five
        logins, then one in 333 s). It can also make server admins: keep it only if you need that.
        """,
        unset="not set; accounts are made by the admin API and a login",
        heading="making accounts",
        secret=True,
    )
    card_ttl: timedelta = defaulting(
        "CARD_TTL",
        parsing.duration,
        "1h",
        """
        How long a card stays readable: a whole number and a unit, s, m, h or d; from 1s to 7d.
        """,
        heading="cards",
    )
    apps_dir: Path | None = optional(
        "APPS_DIR",
        parsing.directory,
        """
        A directory with more app profiles, one .toml file each (docs/apps.md). A file there
        replaces the package's of the same name.
        """,
        unset="none; the profiles in the package",
    )
    log_level: str = defaulting(
        "LOG_LEVEL",
        parsing.one_of(("debug", "info", "warning", "error")),
        "info",
        """
        debug, info, warning or error. The line that begins with `ready` is logged at every level.
        """,
        heading="logging, to stderr",
    )
    log_format: str = defaulting(
        "LOG_FORMAT",
        parsing.one_of(("text", "json")),
        "text",
        """
        text: one line per event, with its time in front unless systemd's journal takes it (which
        has its own); only the line `ready …` has it at its end. json: one JSON object per line
        (time, level, logger, message), also for what keeps adminbot from starting.
        """,
    )
    metrics: Address | None = optional(
        "METRICS",
        parsing.address,
        """
        IP address and port at which Prometheus finds /metrics (docs/metrics.md). A port alone
        means 127.0.0.1. Whoever can reach the address can read the page, which has numbers of
        commands and requests, and names no user, room or bot. Where another program has the port,
        the log says so and adminbot starts without metrics.
        """,
        unset="none, and nothing is counted",
        heading="metrics",
        example="127.0.0.1:9464",
    )

    @property
    def session(self) -> Session:
        """The bot's login by the settings; the state may hold a newer one (`current_session`)."""
        return Session(self.user_id, self.device_id, self.access_token)

    @property
    def sealer(self) -> Sealer:
        """The seal of the data directory, made of the store key."""
        return Sealer.from_base64(self.store_key)

    @classmethod
    def from_mapping(cls, env: Mapping[str, str]) -> Self:
        """The settings that these variables say.

        Raises ConfigError naming every wrong variable at once, never a value.
        """
        problems = [f"{name} is not a setting of adminbot" for name in _unknown(env)]
        values: dict[str, Any] = {}
        for field in fields(cls):
            try:
                values[field.name] = row_of(field).value(env)
            except WrongSetting as exc:
                problems.append(str(exc))
        if problems:
            raise ConfigError(
                f"The settings are not usable: {'; '.join(problems)}.",
                "`.env.example` explains each of them; `adminbot setup` writes them.",
            )
        return cls(**values)


# By name, without prefix, in the order of the manual.
ROWS = {row.name: row for row in map(row_of, fields(Settings))}
KNOWN = {variable: row for row in ROWS.values() for variable in row.variables}


def _unknown(env: Mapping[str, str]) -> list[str]:
    return sorted(name for name in env if name.startswith(PREFIX) and name not in KNOWN)
