"""matrix-nio's client with its known hazards closed. No commands, no policy of who may what.

Each override says what goes wrong in matrix-nio 0.26 without it.
"""

import asyncio
import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from nio import (
    KeysClaimResponse,
    KeysQueryError,
    KeysQueryResponse,
    KeysUploadResponse,
    MegolmEvent,
    SyncResponse,
    ToDeviceEvent,
)
from nio.client.async_client import AsyncClient, AsyncClientConfig
from nio.crypto.device import OlmDevice
from nio.events import KeyVerificationEvent
from nio.store.database import SqliteStore
from peewee import PeeweeException

from adminbot.chat.responses import (
    REQUEST_S,
    LimitedResponse,
    expect,
    raw_answer,
    senseless_dropped,
)
from adminbot.crypto.crosssigning import canonical
from adminbot.errors import HomeserverError, SetupError
from adminbot.homeserver.tls import tls_context
from adminbot.homeserver.values import Session
from adminbot.metrics import counted

log = logging.getLogger(__name__)


class Judge(Protocol):
    """Decides whose devices count: `TrustPolicy`, in the service."""

    async def trusted(self, user_id: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Device id → keys of a user's devices to trust, by a raw /keys/query answer."""

    def is_admin(self, user_id: str) -> bool:
        """Whether we listen to this user at all."""


class Client(AsyncClient):
    """One device's end of the chat: sends, syncs, encrypts."""

    olm: Any  # nio's Olm, which is there from the constructor on; its own types say "or None"

    def __init__(
        self,
        homeserver: str,
        session: Session,
        store_dir: Path,
        pickle_key: str,
        judge: Judge,
        ca_file: Path | None = None,
    ) -> None:
        """Raises SetupError when the encryption store is damaged."""
        store_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = AsyncClientConfig(
            store=SqliteStore,
            store_name="crypto.db",
            pickle_key=pickle_key,
            store_sync_tokens=False,  # ours is saved after processing, not before
            max_limit_exceeded=0,  # nio would sleep silently for minutes
            max_timeouts=0,
            request_timeout=REQUEST_S,
        )
        user_id = str(session.user_id)
        super().__init__(homeserver, user_id, session.device_id, str(store_dir), config)
        # The same certificates as in homeserver/http.py; nio hands this on to aiohttp, which
        # takes a context.
        self.ssl: Any = tls_context(ca_file) if homeserver.startswith("https") else None
        self._judge = judge
        self._judging = asyncio.Lock()
        self._judged: set[str] = set()  # users, in this run: what nio remembers is no proof
        try:
            _check_whole(store_dir / config.store_name)
            self.restore_login(user_id, session.device_id, session.token.reveal())
        except (sqlite3.Error, PeeweeException, ValueError) as exc:
            raise SetupError(
                f"The encryption store in {store_dir} is damaged.",
                "Move it away and start again: I take a new device under the same identity.",
            ) from exc
        # Event id → "sender_key session_id index" of what was decrypted since the last clear.
        # nio's own memory of these dies with the process, and with it its replay protection.
        self.positions: dict[str, str] = {}
        self._override_olm()

    def _override_olm(self) -> None:
        """nio makes the Olm machine at the login: set our functions on the machine."""
        self._nio_index_ok = self.olm.message_index_ok
        self.olm.message_index_ok = self._index_ok
        self._nio_generate = self.olm.account.generate_one_time_keys
        self.olm.account.generate_one_time_keys = self._generate
        self._nio_share_keys = self.olm.share_keys
        self.olm.share_keys = self._share_keys
        self._nio_decrypt = self.olm._decrypt_megolm_no_error
        self.olm._decrypt_megolm_no_error = self._decrypt

    async def send(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: dict[str, str] | None = None,
        trace_context: Any = None,
        timeout: float | None = None,
    ) -> aiohttp.ClientResponse:
        """nio follows redirects to anywhere, and unpacks any body of any size."""
        if not self.client_session:
            self.client_session = aiohttp.ClientSession(
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                response_class=LimitedResponse,
            )
        ssl: Any = True if self.ssl is None else self.ssl  # or a context
        request = self.client_session.request(
            method,
            self.homeserver + path,
            data=data,
            ssl=ssl,
            headers=headers,
            allow_redirects=False,
            # Zero, for none, is what nio asks for at a first sync; `expect` has a limit there.
            timeout=aiohttp.ClientTimeout(total=REQUEST_S if timeout is None else timeout),
        )
        return await counted(path, request, lambda response: response.status)

    def _decrypt(self, event: MegolmEvent, room_id: str | None = None) -> Any:
        """nio catches its own errors only: what somebody encrypted may be no JSON for Python."""
        with senseless_dropped("a message that cannot be parsed"):
            return self._nio_decrypt(event, room_id)
        return None

    def _share_keys(self) -> dict[str, Any]:
        """The body of /keys/upload, with one-time keys that are saved before the upload.

        nio saves one-time keys afterwards: after a crash in between, or a lost answer, the server
        has keys that open nothing, and refuses our keys of the same ids for good.
        """
        keys: dict[str, Any] = self._nio_share_keys()
        self.olm.save_account()
        return keys

    def _generate(self, count: int) -> None:
        """No more keys before the keys that may not be out yet have been sent again."""
        if not self.olm.account.one_time_keys["curve25519"]:
            self._nio_generate(count)

    def _index_ok(self, index: int, event: MegolmEvent) -> bool:
        self.positions[event.event_id] = f"{event.sender_key} {event.session_id} {index}"
        return bool(self._nio_index_ok(index, event))

    def _handle_decrypt_to_device(self, to_device_event: ToDeviceEvent) -> ToDeviceEvent | None:
        """A malformed to-device event, from anybody on any server, would end the sync loop."""
        if isinstance(to_device_event, KeyVerificationEvent):
            return None  # nio's own SAS does not interoperate; it must not answer either
        if not self._judge.is_admin(getattr(to_device_event, "sender", "")):
            return None  # nio would keep whatever keys and requests anybody sends, for good
        # A one-time key is used up, a session begun and a room key kept: all or nothing.
        # Killed in between, the key came again and could not be read any more, for good.
        transaction = self.olm.store.database.atomic()
        with senseless_dropped("a malformed to-device event"), transaction:
            return super()._handle_decrypt_to_device(to_device_event)
        return None

    async def keys_query(self) -> KeysQueryResponse | KeysQueryError:
        """nio drops the cross-signing half of the answer; the answer is judged here, each time.

        Only for the users whom we listen to: nio asks for everybody in every room, and keeps all.
        """
        async with self._judging:  # nobody acts on keys that are known and not judged yet
            wanted = {it for it in self.olm.users_for_key_query if self._judge.is_admin(it)}
            self.olm.users_for_key_query = set(wanted)
            if not wanted:  # or another task was faster; nio would raise
                return KeysQueryResponse({}, {})
            try:
                response: KeysQueryResponse | KeysQueryError = await super().keys_query()
                if isinstance(response, KeysQueryResponse):
                    answer = await raw_answer(response)
                    for user_id in response.device_keys:
                        await self._apply_trust(
                            user_id, await self._judge.trusted(user_id, answer)
                        )
            except BaseException:
                self.olm.users_for_key_query |= wanted  # not judged, so it must be asked again
                raise
            return response

    async def refresh_keys(self, *user_ids: str) -> None:
        """Ask for these users' devices now. Raises HomeserverError."""
        self.olm.users_for_key_query.update(user_ids)
        await expect(KeysQueryResponse, self.keys_query())

    async def _apply_trust(self, user_id: str, trusted: dict[str, Any]) -> None:
        self._judged.add(user_id)
        for device in self.device_store.active_user_devices(user_id):
            keys = trusted.get(device.id, {}).get("keys", {})
            good = (
                keys.get(f"ed25519:{device.id}") == device.ed25519
                and keys.get(f"curve25519:{device.id}") == device.curve25519
            )
            # Asked first: both acts rotate the session of every room with this user.
            if good and not self.olm.is_device_verified(device):
                self.verify_device(device)
            elif not good and not self.olm.is_device_blacklisted(device):
                self.blacklist_device(device)

    def trusted_devices(self, user_id: str) -> list[OlmDevice]:
        """The user's present devices that count."""
        if user_id not in self._judged:
            return []
        return [
            device for device in self.device_store.active_user_devices(user_id) if device.verified
        ]

    def trusted_device_of(self, sender: str, room_id: str, sender_key: str, session: str) -> str:
        """The trusted device of `sender` that a megolm session belongs to; empty if to none.

        The session must have come straight from the device (not forwarded) and carry the device's
        Ed25519 key. The device id in the event is anybody's claim, and not used.
        """
        megolm = self.olm.inbound_group_store.get(room_id, sender_key, session)
        if megolm is None or megolm.forwarding_chain:
            return ""
        found = (
            device.id
            for device in self.trusted_devices(sender)
            if device.curve25519 == sender_key and device.ed25519 == megolm.ed25519
        )
        return next(found, "")

    def keep_encrypted(self, *room_ids: str) -> None:
        """Treat these rooms as encrypted, whatever the state of the rooms says now.

        nio believes the state that the server serves, and nio's own memory is lost with the store:
        a server that leaves `m.room.encryption` out would have us answer in clear.
        """
        for room_id in room_ids:
            self.encrypted_rooms.add(room_id)  # for rooms that nio has still to hear of
            if room_id in self.rooms:
                self.rooms[room_id].encrypted = True

    async def after_sync(self, response: SyncResponse) -> None:
        """The work of nio's own loop between two syncs, and the work forgotten there.

        A one-time-key count of zero is falsy to nio: nio would never refill, and nobody new could
        reach the bot. Fallback keys (MSC2732) nio does not have at all.
        """
        self.olm.uploaded_key_count = response.device_key_count.signed_curve25519 or 0
        if self.should_upload_keys:
            await expect(KeysUploadResponse, self.keys_upload())
        if self.should_query_keys:
            await expect(KeysQueryResponse, self.keys_query())
        with suppress(HomeserverError):  # mends broken Olm sessions; the next sync tries again
            await expect(list, self.send_to_device_messages())
            if self.should_claim_keys:
                missing = self.get_users_for_key_claiming()
                await expect(KeysClaimResponse, self.keys_claim(missing))

    def new_fallback_key(self) -> dict[str, Any]:
        """A body for /keys/upload; call `fallback_key_published` once it is there."""
        account = self.olm.account._account
        account.generate_fallback_key()
        self.olm.save_account()
        [(key_id, public)] = account.fallback_key.items()
        key: dict[str, Any] = {"key": _base64_of(public), "fallback": True}
        signature = account.sign(canonical(key)).to_base64()
        key["signatures"] = {self.user_id: {f"ed25519:{self.device_id}": signature}}
        return {"fallback_keys": {f"signed_curve25519:{key_id}": key}}

    def fallback_key_published(self) -> None:
        self.olm.account._account.mark_keys_as_published()
        self.olm.save_account()


def _check_whole(path: Path) -> None:
    """Raises sqlite3.DatabaseError: damage would else show up at some later message."""
    if path.exists():
        with closing(sqlite3.connect(path)) as db:
            [(found,)] = db.execute("PRAGMA quick_check(1)")
        if found != "ok":
            raise sqlite3.DatabaseError(found)


def _base64_of(key: Any) -> str:
    return str(key.to_base64()) if hasattr(key, "to_base64") else str(key)
