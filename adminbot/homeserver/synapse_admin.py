"""Synapse's admin API: one method, one endpoint. No order of steps in here.

Sources: Synapse's docs/admin_api/*.md, and measurements where the documents are silent.
"""

import hashlib
import hmac
from typing import Any

from adminbot.errors import (
    AccountGone,
    HomeserverError,
    HomeserverUnreachable,
    NameTaken,
    NoPasswords,
    NotServerAdmin,
    UsageError,
)
from adminbot.homeserver.http import HttpClient, Needs, part
from adminbot.homeserver.synapse_answers import (
    account_state,
    address,
    name_refused,
    registration_refused,
)
from adminbot.homeserver.synapse_messages import SynapseMessages
from adminbot.homeserver.synapse_people import SynapsePeople
from adminbot.homeserver.synapse_rooms import SynapseRooms
from adminbot.homeserver.times import from_ms
from adminbot.homeserver.values import (
    SESSION,
    AccountState,
    Device,
    Session,
    session_of,
    token_of,
)
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret, new_password

_MOST_ADDRESSES = 10
_USER: Needs = {"name": str}


class SynapseAdmin:
    """Synapse's admin API, as the owner of the access token (a server admin)."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.rooms = SynapseRooms(http)
        self.people = SynapsePeople(http)
        self.messages = SynapseMessages(http)

    async def check_name_free(self, user_id: UserId) -> None:
        """Look a name up (somebody can be faster); reserved and deactivated names are taken, too.

        Raises:
            NameTaken: the account exists, or did once.
            UsageError: the name is reserved for an application service, or breaks a rule.
            SlashUndone: the account could be made, and then not be reached.
        """
        if "/" in user_id.localpart:
            await self.find_account(user_id)
        try:
            await self._ask(
                "GET",
                f"/_synapse/admin/v1/username_available?username={part(user_id.localpart)}",
                needs={"available": bool},
            )
        except HomeserverError as exc:
            raise name_refused(exc, user_id) from exc

    async def register(
        self,
        shared_secret: Secret,
        localpart: str,
        *,
        password: Secret,
        display_name: str,
        device_id: str,
        admin: bool = False,
    ) -> Session:
        """Make an account with its first session in one atomic call; an existing account is safe.

        Not limited by `rc_login` or `rc_registration`. `device_id` and its name are honoured
        though undocumented. The request is sent once: after HomeserverUnreachable the account
        may exist.

        Raises:
            NameTaken: the account exists (or appeared between two of our calls).
            HomeserverError: M_RESOURCE_LIMIT_EXCEEDED leaves the account made, without session.

        Source: Synapse docs/admin_api/register_api.md.
        """
        path = "/_synapse/admin/v1/register"
        _, offer = await self._http.ask("GET", path, needs={"nonce": str})
        account = {"username": localpart, "password": password.reveal(), "admin": admin}
        account |= {} if admin else {"user_type": "bot"}
        request = account | {
            "nonce": offer["nonce"],
            "mac": _registration_mac(shared_secret, offer["nonce"], account),
            "displayname": display_name,
            "device_id": device_id,
            "initial_device_display_name": display_name,
        }
        try:
            _, body = await self._http.ask("POST", path, request, once=True, needs=SESSION)
        except HomeserverError as exc:
            if refused := registration_refused(exc, localpart):
                raise refused from exc
            raise
        return session_of(body)

    async def create_blank(self, user_id: UserId) -> None:
        """Make an account that cannot log in: no password, no display name.

        The endpoint is create-*or-modify*; the empty body modifies nothing, and we go on
        only on 201.

        Raises:
            NameTaken: the account existed.
        """
        try:
            status, _ = await self._ask("PUT", self._user(user_id), {}, once=True, needs=_USER)
        except HomeserverError as exc:
            raise name_refused(exc, user_id) from exc
        if status != 201:
            raise NameTaken(user_id)

    async def set_up(
        self, user_id: UserId, *, display_name: str, password: Secret, admin: bool = False
    ) -> None:
        """Give an account that `create_blank` made its name, type and password."""
        body: dict[str, Any] = {
            "displayname": display_name,
            "password": password.reveal(),
            "logout_devices": False,
        }
        body |= {"admin": True} if admin else {"user_type": "bot"}
        await self._ask("PUT", self._user(user_id), body, needs=_USER)

    async def set_password(
        self, user_id: UserId, password: Secret, *, logout_devices: bool
    ) -> None:
        """Replace the password; with `logout_devices` all sessions, devices and keys go, too.

        The server's own default is to log out: the request always says which.

        Raises NoPasswords: `password_config` is off.
        """
        body = {"password": password.reveal(), "logout_devices": logout_devices}
        try:
            await self._ask("PUT", self._user(user_id), body, needs=_USER)
        except NotServerAdmin as exc:
            await self.find_account(user_id)  # raises, where that is so
            raise NoPasswords from exc

    async def set_locked(self, user_id: UserId, *, locked: bool) -> None:
        """Lock an account or unlock it; a locked account's tokens answer 401 M_USER_LOCKED.

        Sessions, devices and keys stay. The endpoint is create-*or-modify*: whether the account
        is there, is for the caller to see.

        Source: Synapse docs/admin_api/user_admin_api.md, "Create or modify account".
        """
        await self._ask("PUT", self._user(user_id), {"locked": locked}, needs=_USER)

    async def log_in_as(self, user_id: UserId, *, for_s: int) -> Secret:
        """An access token of somebody's account, without a device; it ends after `for_s` seconds.

        Leaves no trace in the account's devices, and no login limit counts it.

        Source: Synapse docs/admin_api/user_admin_api.md, "Login as a user".
        """
        path = f"/_synapse/admin/v1/users/{part(user_id)}/login"
        ends_ms = round((self._http.server_time().timestamp() + for_s) * 1000)
        _, body = await self._ask(
            "POST", path, {"valid_until_ms": ends_ms}, needs={"access_token": str}
        )
        return token_of(body)

    async def find_account(self, user_id: UserId) -> AccountState | None:
        try:
            _, body = await self._ask("GET", self._user(user_id), needs=_USER)
        except AccountGone:
            return None
        return account_state(user_id, body)

    async def is_reserved(self, user_id: UserId) -> bool:
        """Whether only an application service may have the name, whoever has it now."""
        try:
            await self.check_name_free(user_id)
        except NameTaken:
            return False
        except UsageError as exc:
            refused = exc.__cause__
            # A `_` at the beginning is for bridges, unless the server lets anybody have it.
            is_exclusive = getattr(refused, "errcode", "") == "M_EXCLUSIVE"
            return is_exclusive or user_id.localpart.startswith("_")
        return False

    async def devices(self, user_id: UserId) -> list[Device]:
        """The account's sessions that have a device; a token of `log_in_as` has none."""
        path = f"{self._user(user_id)}/devices"
        _, body = await self._ask("GET", path, needs={"devices": list})
        return [
            Device(str(entry["device_id"]), from_ms(entry.get("last_seen_ts")))
            for entry in body["devices"]
            if isinstance(entry, dict) and "device_id" in entry
        ]

    async def whois(self, user_id: UserId) -> list[str]:
        """IP addresses the account was seen from, as numbers and nothing else; ten at most."""
        path = f"/_synapse/admin/v1/whois/{part(user_id)}"
        _, body = await self._ask("GET", path, needs={"devices": dict})
        try:
            claimed = [
                connection["ip"]
                for device in body["devices"].values()
                for session in device["sessions"]
                for connection in session["connections"]
            ]
        except (AttributeError, KeyError, TypeError):
            raise HomeserverUnreachable("an answer without addresses") from None
        return sorted({ip for ip in map(address, claimed) if ip})[:_MOST_ADDRESSES]

    async def delete_device(self, user_id: UserId, device_id: str) -> None:
        """Sign a session out for good, with its keys; an absent device is no error."""
        await self._ask("DELETE", f"{self._user(user_id)}/devices/{part(device_id)}")

    async def deactivate(self, user_id: UserId, *, erase: bool = False) -> None:
        """Close an account: sessions and password gone, rooms left, the name never free again.

        `erase`: the profile goes, too, and messages are hidden from who enters their room later.
        """
        path = f"/_synapse/admin/v1/deactivate/{part(user_id)}"
        needs = {"id_server_unbind_result": str}
        await self._ask("POST", path, {"erase": erase}, needs=needs)

    async def lift_rate_limit(self, user_id: UserId) -> None:
        """Zero/zero lifts every limiter that knows the requester (not the one on /login)."""
        path = f"/_synapse/admin/v1/users/{part(user_id)}/override_ratelimit"
        await self._ask("POST", path, {"messages_per_second": 0, "burst_count": 0})

    async def has_no_rate_limit(self, user_id: UserId) -> bool:
        """Whether `lift_rate_limit` is in force."""
        path = f"/_synapse/admin/v1/users/{part(user_id)}/override_ratelimit"
        _, body = await self._ask("GET", path)
        return body.get("messages_per_second") == 0 and body.get("burst_count") == 0

    async def knows_shared_secret(self, shared_secret: Secret, taken: UserId) -> bool:
        """Whether the homeserver has this registration secret. Makes nothing: the name is taken.

        Args:
            taken: an account that is there. Synapse looks at the HMAC before the name.
        """
        try:
            await self.register(
                shared_secret,
                taken.localpart,
                password=new_password(),
                display_name="",
                device_id="NONE",
            )
        except NameTaken:
            return True
        except HomeserverError as exc:
            if exc.status in (400, 403):
                return False
            raise
        return True

    async def _ask(
        self, method: str, path: str, body: Any = None, **how: Any
    ) -> tuple[int, dict[str, Any]]:
        """As `HttpClient.ask`; raises also NotServerAdmin and AccountGone."""
        try:
            return await self._http.ask(method, path, body, **how)
        except HomeserverError as exc:
            if exc.status == 403 and exc.errcode == "M_FORBIDDEN":
                raise NotServerAdmin from exc
            if exc.status == 404 and exc.errcode == "M_NOT_FOUND":
                raise AccountGone from exc
            raise

    @staticmethod
    def _user(user_id: UserId) -> str:
        return f"/_synapse/admin/v2/users/{part(user_id)}"


def _registration_mac(shared_secret: Secret, nonce: str, account: dict[str, Any]) -> str:
    """What shows that we know the secret: an HMAC-SHA1 over what the account is to be."""
    signed = [nonce, account["username"], account["password"]]
    signed.append("admin" if account["admin"] else "notadmin")
    if "user_type" in account:
        signed.append(account["user_type"])
    key, text = shared_secret.reveal().encode(), "\x00".join(signed).encode()
    return hmac.new(key, text, hashlib.sha1).hexdigest()
