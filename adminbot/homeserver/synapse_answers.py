"""What Synapse's admin API answers and refuses, as values and errors of ours. Pure."""

import ipaddress
from typing import Any

from adminbot.errors import AdminbotError, HomeserverError, NameTaken, UsageError
from adminbot.homeserver.times import from_ms
from adminbot.homeserver.values import AccountState
from adminbot.values.ids import UserId


def registration_refused(exc: HomeserverError, localpart: str) -> AdminbotError | None:
    """What the refusal of a registration means; None where its own words are the best."""
    if exc.errcode == "M_USER_IN_USE":
        return NameTaken(localpart)
    if exc.status == 403 and exc.errcode in ("M_UNKNOWN", "M_FORBIDDEN"):
        return HomeserverError(
            "The homeserver does not accept the registration shared secret.",
            errcode=exc.errcode,
            status=403,
        )
    return None


def name_refused(exc: HomeserverError, user_id: UserId) -> Exception:
    """What the refusal of a new account's name means."""
    if exc.errcode == "M_USER_IN_USE":
        return NameTaken(user_id, f"{user_id.localpart}2")
    if exc.errcode == "M_EXCLUSIVE":
        return UsageError(
            f"`{user_id}` is reserved for a bridge (application service).",
            f"Pick another name: `!newbot {user_id.localpart}2`",
        )
    if exc.errcode == "M_INVALID_USERNAME":
        return UsageError(f"The homeserver does not accept the name `{user_id.localpart}`.")
    return exc


def address(claimed: object) -> str | None:
    """An IP address in its usual form; None for anything else, also for a zone (`%eth0`)."""
    if not isinstance(claimed, str) or "%" in claimed:  # a zone may be any text
        return None
    try:
        return str(ipaddress.ip_address(claimed))
    except ValueError:
        return None


def account_state(user_id: UserId, body: dict[str, Any]) -> AccountState:
    """The account of an answer; what is not of its type in there is left out."""
    # Here the server counts seconds, and milliseconds nearly everywhere else.
    made_s = body.get("creation_ts")
    texts = {name: body.get(name) for name in ("user_type", "appservice_id", "displayname")}
    known = {name: text if isinstance(text, str) else "" for name, text in texts.items()}
    return AccountState(
        user_id,
        is_admin=body.get("admin") is True,
        is_deactivated=body.get("deactivated") is True,
        is_locked=body.get("locked") is True,
        made_at=from_ms(made_s * 1000) if isinstance(made_s, int) else None,
        user_type=known["user_type"],
        appservice_id=known["appservice_id"],
        display_name=known["displayname"],
        last_seen=from_ms(body.get("last_seen_ts")),
    )
