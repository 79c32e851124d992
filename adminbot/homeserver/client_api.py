"""The client-server API as one account: sessions, keys, rooms. One method, one endpoint.

Here is what matrix-nio cannot do, or not before the first sync. No chat in here.
"""

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from adminbot.errors import ForeignIdentity, HomeserverError, HomeserverUnreachable
from adminbot.homeserver.http import HttpClient, part
from adminbot.homeserver.media import Media
from adminbot.homeserver.values import (
    SESSION,
    Invitation,
    Session,
    invitation_of,
    session_of,
    user_of,
)
from adminbot.values.ids import UserId, is_room_id, parse_url
from adminbot.values.secret import Secret

_V3 = "/_matrix/client/v3"
# Of the rooms that an account is in, as little as can be.
_ONLY_INVITATIONS = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "room": {
            "timeline": {"limit": 1, "types": []},
            "state": {"types": []},
            "ephemeral": {"types": []},
            "account_data": {"types": []},
        },
    }
)


class ClientApi:
    """What the owner of the access token can do for itself."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    # -- sessions

    def server_time(self) -> datetime:
        """The present by the homeserver's clock, as of its last answer to us."""
        return self._http.server_time()

    def acting_with(self, token: Secret) -> "ClientApi":
        """The owner of another token, over the same connections."""
        return ClientApi(self._http.acting_with(token))

    def become(self, token: Secret) -> None:
        """Go on with another access token of ours (everything on these connections does)."""
        self._http.token = token

    async def whoami(self, *, once: bool = False) -> tuple[UserId, str | None]:
        """(user id, device id); the latter is None for a login-as token."""
        _, body = await self._http.ask(
            "GET", f"{_V3}/account/whoami", once=once, needs={"user_id": str}
        )
        device_id = body.get("device_id")
        return user_of(body), device_id if isinstance(device_id, str) else None

    async def log_in(
        self, user: str, password: Secret, *, device_id: str, device_name: str
    ) -> Session:
        """Open a session by password on a chosen device (new or existing).

        An existing device keeps its keys, and its older tokens stay valid. Sent once: after
        HomeserverUnreachable the account may have a token more.

        Raises:
            RateLimited: `rc_login`, by default 5 and then one in 333 s per address.
            HomeserverError: M_FORBIDDEN for a wrong password, or password login is off.
        """
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password.reveal(),
            "device_id": device_id,
            "initial_device_display_name": device_name,
        }
        path = f"{_V3}/login"
        _, answer = await self._http.ask("POST", path, body, once=True, needs=SESSION)
        return session_of(answer)

    async def login_flows(self) -> set[str]:
        """The ways to log in that the homeserver offers, such as `m.login.password`."""
        try:
            _, answer = await self._http.ask("GET", f"{_V3}/login", needs={"flows": list})
        except HomeserverError as exc:
            if exc.status == 404:  # MAS keeps the accounts
                return set()
            raise
        flows = [flow for flow in answer["flows"] if isinstance(flow, dict)]
        return {str(flow.get("type")) for flow in flows}

    async def log_out(self) -> None:
        """End this session; its device and every token of the device go."""
        await self._http.ask("POST", f"{_V3}/logout", {})

    async def change_password(self, session: Session, *, old: Secret, new: Secret) -> None:
        """Change the password by `session`, which alone survives, with its device and keys.

        The one call that kills every other token of an account and spares a device.
        Synapse applies its password policy here (and not in the admin API).

        Source: client-server API, POST /account/password, `logout_devices`.
        """
        http = self._http.acting_with(session.token)
        auth = password_auth(session.user_id, old)
        body = {"new_password": new.reveal(), "logout_devices": True, "auth": auth}
        await http.ask("POST", f"{_V3}/account/password", body, once=True)

    # -- keys

    async def query_keys(self, *user_ids: UserId) -> dict[str, Any]:
        """The raw answer of /keys/query: device_keys, master_keys, self_signing_keys, …"""
        wanted: dict[str, list[str]] = {str(user_id): [] for user_id in user_ids}
        _, answer = await self._http.ask(
            "POST", f"{_V3}/keys/query", {"device_keys": wanted}, needs={"device_keys": dict}
        )
        return answer

    async def upload_keys(self, body: dict[str, Any]) -> None:
        counts = {"one_time_key_counts": dict}
        await self._http.ask("POST", f"{_V3}/keys/upload", body, needs=counts)

    async def one_time_key_count(self) -> int:
        """How many of our one-time keys the homeserver has left to give away.

        Source: client-server API, POST /keys/upload; an empty body uploads nothing.
        """
        needs = {"one_time_key_counts": dict}
        _, answer = await self._http.ask("POST", f"{_V3}/keys/upload", {}, needs=needs)
        count = answer["one_time_key_counts"].get("signed_curve25519", 0)
        return count if isinstance(count, int) else 0

    async def upload_cross_signing(self, body: dict[str, Any]) -> None:
        """Publish a cross-signing identity; the first one needs no password (MSC3967).

        Publishing the same identity again is no error.

        Raises:
            ForeignIdentity: the account has another identity already.
        """
        try:
            await self._http.ask("POST", f"{_V3}/keys/device_signing/upload", body)
        except HomeserverError as exc:
            if exc.status == 401 and "flows" in exc.answer:
                raise ForeignIdentity(body["master_key"]["user_id"]) from exc
            raise

    async def upload_signatures(self, body: dict[str, Any]) -> None:
        """Publish signatures. The server answers 200 even when it took none; `failures` tells.

        Raises:
            HomeserverError: a signature was not taken.
        """
        path = f"{_V3}/keys/signatures/upload"
        _, answer = await self._http.ask("POST", path, body, needs={"failures": dict})
        if answer["failures"]:
            raise HomeserverError("The homeserver did not take the device's signature.")

    # -- profile and media

    @property
    def media(self) -> Media:
        return Media(self._http)

    async def set_display_name(self, own: UserId, name: str) -> None:
        """Every room of the account shows the name from then on."""
        path = f"{_V3}/profile/{part(own)}/displayname"
        await self._http.ask("PUT", path, {"displayname": name})

    async def set_avatar(self, own: UserId, address: str) -> None:
        """`address`: the `mxc:` address of a picture."""
        path = f"{_V3}/profile/{part(own)}/avatar_url"
        await self._http.ask("PUT", path, {"avatar_url": address})

    # -- rooms and account data

    async def event(self, room_id: str, event_id: str) -> dict[str, Any]:
        """An event of a room that we are in. Raises HomeserverError: 404 among them."""
        path = f"{_V3}/rooms/{part(room_id)}/event/{part(event_id)}"
        _, body = await self._http.ask("GET", path, needs={"content": dict, "type": str})
        return body

    async def create_room(self, body: dict[str, Any]) -> str:
        """Returns the room id; sent once, since a second room is not the same room."""
        path = f"{_V3}/createRoom"
        _, answer = await self._http.ask("POST", path, body, once=True, needs={"room_id": str})
        if not is_room_id(answer["room_id"]):
            raise HomeserverUnreachable("a room without an id")
        return str(answer["room_id"])

    async def joined_rooms(self) -> list[str]:
        path = f"{_V3}/joined_rooms"
        _, answer = await self._http.ask("GET", path, needs={"joined_rooms": list})
        return [str(room_id) for room_id in answer["joined_rooms"]]

    async def room_state(self, room_id: str) -> list[dict[str, Any]]:
        """All state events of a room."""
        path = f"{_V3}/rooms/{part(room_id)}/state"
        _, answer = await self._http.ask("GET", path, needs={"list": list})
        return [event for event in answer["list"] if isinstance(event, dict)]

    async def invite(self, room_id: str, user_id: UserId) -> None:
        path = f"{_V3}/rooms/{part(room_id)}/invite"
        await self._http.ask("POST", path, {"user_id": str(user_id)})

    async def invite_to_chat(self, room_id: str, user_id: UserId) -> None:
        """As `invite`, with the word by which an app notes a direct chat on accepting.

        `/invite` has no field for it. Source: client-server API, "Direct Messaging".
        """
        path = f"{_V3}/rooms/{part(room_id)}/state/m.room.member/{part(user_id)}"
        await self._http.ask("PUT", path, {"membership": "invite", "is_direct": True})

    async def kick(self, room_id: str, user_id: str, *, reason: str) -> None:
        """Remove somebody from a room, or take an invitation back."""
        path = f"{_V3}/rooms/{part(room_id)}/kick"
        await self._http.ask("POST", path, {"user_id": user_id, "reason": reason})

    async def join(self, room_id: str, via: Sequence[str] = ()) -> None:
        """Enter a room, or accept its invitation. `via`: servers that know the room."""
        query = "?" + urlencode([("via", server) for server in via]) if via else ""
        await self._http.ask("POST", f"{_V3}/join/{part(room_id)}{query}", {})

    async def room_of_alias(self, alias: str, *, once: bool = False) -> str:
        """The id of a room. Raises HomeserverError, M_NOT_FOUND among them.

        `once`: for an alias of another server. Synapse answers 502 where that is not there.
        """
        path = f"{_V3}/directory/room/{part(alias)}"
        _, body = await self._http.ask("GET", path, once=once, needs={"room_id": str})
        if not is_room_id(body["room_id"]):
            raise HomeserverUnreachable("a room id that is none")
        return str(body["room_id"])

    async def leave(self, room_id: str) -> None:
        """Leave a room, or decline its invitation. Raises HomeserverError: 403, 404: not there."""
        await self._http.ask("POST", f"{_V3}/rooms/{part(room_id)}/leave", {})

    async def invitations(self) -> list[Invitation]:
        """The rooms that this account is invited to."""
        # Synapse keeps the answer to a first sync for two minutes, by user and parameters. A first
        # sync never waits, so that the time to wait is free to make each request another.
        query = {"filter": _ONLY_INVITATIONS, "timeout": secrets.randbelow(10**9)}
        # Else the account would seem to be online.
        path = f"{_V3}/sync?{urlencode(query | {'set_presence': 'offline'})}"
        _, body = await self._http.ask("GET", path)
        rooms = body.get("rooms")
        invited = rooms.get("invite") if isinstance(rooms, dict) else None
        if not isinstance(invited, dict):
            return []
        return [invitation_of(it, room) for it, room in invited.items() if is_room_id(it)]

    async def send_event(
        self, room_id: str, kind: str, content: dict[str, Any], *, txn: str
    ) -> str:
        """Send an event in clear; returns its id. A repeated `txn` is the same event."""
        path = f"{_V3}/rooms/{part(room_id)}/send/{part(kind)}/{part(txn)}"
        _, answer = await self._http.ask("PUT", path, content, needs={"event_id": str})
        return str(answer["event_id"])

    async def redact(self, room_id: str, event_id: str, *, txn: str) -> None:
        """Take an event's content away for everybody. Raises HomeserverError: 403, 404: not so."""
        path = f"{_V3}/rooms/{part(room_id)}/redact/{part(event_id)}/{part(txn)}"
        await self._http.ask("PUT", path, {})

    async def send_to_device(
        self, kind: str, messages: dict[str, dict[str, Any]], *, txn: str
    ) -> None:
        """Send each device its message: user id → device id → content."""
        path = f"{_V3}/sendToDevice/{part(kind)}/{part(txn)}"
        await self._http.ask("PUT", path, {"messages": messages})

    async def account_data(self, user_id: UserId, kind: str) -> dict[str, Any]:
        """Empty when there is none."""
        path = f"{_V3}/user/{part(user_id)}/account_data/{part(kind)}"
        try:
            _, body = await self._http.ask("GET", path)
        except HomeserverError as exc:
            if exc.status == 404:
                return {}
            raise
        return body

    async def set_account_data(self, user_id: UserId, kind: str, body: dict[str, Any]) -> None:
        path = f"{_V3}/user/{part(user_id)}/account_data/{part(kind)}"
        await self._http.ask("PUT", path, body)

    async def well_known_base_url(self) -> str | None:
        """The public base URL by the server's own /.well-known; None where there is none."""
        try:
            _, body = await self._http.ask("GET", "/.well-known/matrix/client", once=True)
            return parse_url(str(body["m.homeserver"]["base_url"]))
        except (HomeserverError, KeyError, TypeError, ValueError):
            return None


def password_auth(user_id: UserId, password: Secret) -> dict[str, Any]:
    """The password stage of user-interactive authentication, in one request."""
    return {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id.localpart},
        "password": password.reveal(),
    }
