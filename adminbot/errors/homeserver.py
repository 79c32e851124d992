"""The homeserver answered no, or not at all."""

import math
from datetime import timedelta
from typing import Any

from adminbot.errors.base import AdminbotError
from adminbot.values.text import format_duration


class HomeserverError(AdminbotError):
    """Synapse answered, and the answer is no.

    `errcode`: Matrix's, M_UNKNOWN without one. `status`: of HTTP, 0 without an answer.
    """

    def __init__(self, text: str, *, errcode: str = "M_UNKNOWN", status: int = 0) -> None:
        super().__init__(text)
        self.errcode = errcode
        self.status = status
        # The body, for code that has to tell refusals apart: never shown, never logged.
        self.answer: dict[str, Any] = {}


class RateLimited(HomeserverError):
    """Synapse refuses for now (429); `retry_after`: whole seconds, at least one."""

    def __init__(self, retry_after: timedelta) -> None:
        # Rounded up: a try a moment too early would be refused again.
        seconds = max(1, math.ceil(retry_after.total_seconds()))
        super().__init__(
            f"Synapse asks me to wait {format_duration(seconds)}.",
            errcode="M_LIMIT_EXCEEDED",
            status=429,
        )
        self.retry_after = timedelta(seconds=seconds)
        self.hint = "Send it again after that."


class TokenRejected(HomeserverError):
    """The access token is not valid (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "The homeserver does not accept the access token.",
            errcode="M_UNKNOWN_TOKEN",
            status=401,
        )


class NotServerAdmin(HomeserverError):
    """Synapse's admin API refuses us: our account is no server admin (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "My account is no server admin any more, so Synapse's admin API refuses me.",
            errcode="M_FORBIDDEN",
            status=403,
        )
        self.hint = "Another server admin can mend that: docs/operate.md, “The admin flag”."


class NoPasswords(HomeserverError):
    """The homeserver has password login switched off, and takes no passwords."""

    def __init__(self) -> None:
        super().__init__(
            "Password login is switched off on this server, so I cannot set a password.",
            errcode="M_FORBIDDEN",
            status=403,
        )
        self.hint = "In homeserver.yaml: `password_config`, `enabled: true`."


class SlashUndone(HomeserverError):
    """What has a `/` in its name was not found: a proxy made `/` of the `%2F` in the path."""

    def __init__(self, status: int) -> None:
        super().__init__(
            "A proxy before the homeserver takes names with a `/` apart.",
            errcode="M_UNRECOGNIZED",
            status=status,
        )
        self.hint = (
            "Whoever runs the server can mend that (docs/compat.md, “Names with a /”), or give me "
            "Synapse's own address as ADMINBOT_HOMESERVER."
        )


class AccountGone(HomeserverError):
    """The homeserver knows no such account (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "That account is not on the server any more.", errcode="M_NOT_FOUND", status=404
        )
        self.hint = "`!deletebot NAME` takes it off my list."


class HomeserverUnreachable(HomeserverError):
    """No usable answer; whether the request was carried out is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The homeserver gave no usable answer ({why}).")
        self.hint = "Send it again in a minute."


class GatewayTimeout(HomeserverUnreachable):
    """A proxy waited for the homeserver less long than the homeserver took (504)."""

    def __init__(self) -> None:
        super().__init__("HTTP 504")


class TooLarge(HomeserverUnreachable):
    """The answer is longer than we read."""

    def __init__(self, most: int) -> None:
        super().__init__(f"it is longer than {most // 2**20} MiB")
