"""Synapse's admin API, as far as people go: the list of accounts, and tokens to sign up with.

Sources: Synapse's docs/admin_api/user_admin_api.md ("List Accounts"), registration_tokens.md.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from adminbot.errors import HomeserverError
from adminbot.homeserver.http import HttpClient, Needs, part
from adminbot.homeserver.times import from_ms
from adminbot.homeserver.values import PersonSeen, SigningUp, SignUpToken
from adminbot.values.ids import UserId, is_token
from adminbot.values.secret import Secret

_TOKENS = "/_synapse/admin/v1/registration_tokens"
_USER: Needs = {"name": str}
_MOST_NAMES = 100
_LOOK = timedelta(seconds=10)


class SynapsePeople:
    """Lists people and cares for sign-up tokens, as the owner of the access token (an admin)."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def page(self, word: str, *, start: int, count: int) -> tuple[list[PersonSeen], int]:
        """Some people's accounts by name, from the `start`-th on; and how many there are.

        Neither bots nor deactivated accounts nor guests are among them. `word`: part of the
        localpart or of the display name, or empty.
        """
        asked = {
            "from": str(start),
            "limit": str(count),
            "guests": "false",
            "deactivated": "false",
            "locked": "true",
            "not_user_type": "bot",
            "order_by": "name",
        }
        asked |= {"name": word} if word else {}
        path = f"/_synapse/admin/v2/users?{urlencode(asked)}"
        _, body = await self._http.ask("GET", path, needs={"users": list, "total": int})
        seen = [_person(entry) for entry in body["users"] if isinstance(entry, dict)]
        return [person for person in seen if person], int(body["total"])

    async def names_with(self, text: str) -> list[str]:
        """Localparts of accounts with `text` in their name or display name; a hundred at most."""
        path = (
            f"/_synapse/admin/v2/users?name={part(text)}&limit={_MOST_NAMES}&guests=false"
            "&deactivated=false"
        )
        _, body = await self._http.ask("GET", path, needs={"users": list})
        ids = [it.get("name") for it in body["users"] if isinstance(it, dict)]
        return [it[1:].partition(":")[0] for it in ids if isinstance(it, str)]

    async def set_up_person(self, user_id: UserId, *, display_name: str, password: Secret) -> None:
        """Give an account without a password, made a moment ago, its name and password."""
        body = {
            "displayname": display_name,
            "password": password.reveal(),
            "logout_devices": False,
        }
        path = f"/_synapse/admin/v2/users/{part(user_id)}"
        await self._http.ask("PUT", path, body, needs=_USER)

    # -- sign-up tokens

    async def tokens(self) -> list[SignUpToken]:
        """The sign-up tokens that are still good."""
        _, body = await self._http.ask(
            "GET", f"{_TOKENS}?valid=true", needs={"registration_tokens": list}
        )
        entries = [it for it in body["registration_tokens"] if isinstance(it, dict)]
        return [_token(it) for it in entries if is_token(str(it.get("token") or ""))]

    async def make_token(self, token: Secret, *, uses: int, until: datetime) -> None:
        """Make a sign-up token of our choice; making the same once more is no error."""
        body = {
            "token": token.reveal(),
            "uses_allowed": uses,
            "expiry_time": round(until.timestamp() * 1000),
        }
        try:
            await self._http.ask("POST", f"{_TOKENS}/new", body, needs={"token": str})
        except HomeserverError as exc:
            # "Token already exists: …" is the only such refusal of a token that we made up.
            if (exc.status, exc.errcode) != (400, "M_INVALID_PARAM"):
                raise
            await self._http.ask("GET", f"{_TOKENS}/{part(token.reveal())}", needs={"token": str})

    async def drop_token(self, token: Secret) -> None:
        """Let nobody register with a token any more; a missing token is no error."""
        # Synapse has no other way to name the token than in the path.
        try:
            await self._http.ask("DELETE", f"{_TOKENS}/{part(token.reveal())}")
        except HomeserverError as exc:
            if exc.status != 404:
                raise

    async def signing_up(self) -> SigningUp:
        """Who can make an account for themselves, as the server tells somebody who begins to."""
        nobody = self._http.acting_with(None)  # Synapse refuses the request with any access token
        try:
            await nobody.ask("POST", "/_matrix/client/v3/register", {}, once=True, within=_LOOK)
        except HomeserverError as exc:
            flows = exc.answer.get("flows")
            if isinstance(flows, list) and flows:
                is_needed = all("m.login.registration_token" in str(flow) for flow in flows)
                return SigningUp.BY_TOKEN if is_needed else SigningUp.BY_ANYBODY
            if (exc.status, exc.errcode) == (403, "M_FORBIDDEN"):
                return SigningUp.SHUT
        return SigningUp.UNKNOWN


def _person(entry: dict[str, Any]) -> PersonSeen | None:
    try:
        user_id = UserId.parse(str(entry.get("name")))
    except ValueError:
        return None
    name = entry.get("displayname")
    return PersonSeen(
        user_id,
        display_name=name if isinstance(name, str) else "",
        is_admin=bool(entry.get("admin")),
        is_locked=bool(entry.get("locked")),
        last_seen=from_ms(entry.get("last_seen_ts")),
    )


def _token(entry: dict[str, Any]) -> SignUpToken:
    allowed = entry.get("uses_allowed")
    used = [entry.get(it) for it in ("pending", "completed")]
    left = None
    if isinstance(allowed, int):
        left = max(0, allowed - sum(it for it in used if isinstance(it, int)))
    return SignUpToken(Secret(entry["token"]), left, from_ms(entry.get("expiry_time")))
