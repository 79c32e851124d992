"""Which devices may command and receive: the pins, applied to raw /keys/query answers."""

import enum
import logging
from dataclasses import dataclass
from typing import Any

from adminbot.config import Trust
from adminbot.crypto.crosssigning import master_key, trusted_devices
from adminbot.store import Pin, Store
from adminbot.values.ids import UserId
from adminbot.values.signal import Signal

log = logging.getLogger(__name__)


class PinState(enum.Enum):
    """What is known of a person's cross-signing identity."""

    UNKNOWN = "unknown"
    NO_IDENTITY = "no identity"
    AS_PINNED = "as pinned"
    NOT_VERIFIED = "as pinned, emoji not compared"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Asked:
    """A person was asked to compare emoji. `before`: we had verified the person before.

    `still_invited`: our invitation to the chat with the request is not accepted yet.
    """

    before: bool
    still_invited: bool


class TrustPolicy:
    """Knows the admins and the pins; pins the first identity that an admin shows."""

    def __init__(self, mode: Trust, admins: tuple[UserId, ...], store: Store) -> None:
        self._mode = mode
        self._admins = {str(admin) for admin in admins}
        self._store = store
        self._standing: dict[str, PinState] = {}
        # User id, master key that it shows now: again and again until `store.pins.alarmed`.
        self.identity_changed: Signal[[UserId, str]] = Signal()

    def is_admin(self, user_id: str) -> bool:
        return user_id in self._admins

    @property
    def mode(self) -> Trust:
        return self._mode

    @property
    def admins(self) -> frozenset[str]:
        return frozenset(self._admins)

    def standing(self, user_id: str) -> PinState:
        """As of the newest /keys/query answer."""
        return self._standing.get(user_id, PinState.UNKNOWN)

    def may_receive(self, user_id: str) -> bool:
        """Whether a person's trusted devices may get secrets, and do everything."""
        return self._mode is Trust.ANY or self.standing(user_id) is PinState.AS_PINNED

    async def verified(self, user_id: UserId, master: str) -> None:
        """Emoji were compared with a person's identity `master`, on both sides."""
        await self._store.audit.by_shell("verify", user_id)  # where the emoji were shown
        await self._store.pins.verified(user_id, master)
        if self.standing(str(user_id)) is PinState.NOT_VERIFIED:
            self._standing[str(user_id)] = PinState.AS_PINNED

    async def trusted(self, user_id: str, answer: dict[str, Any]) -> dict[str, Any]:
        """A person's devices that count: device id → device keys.

        Only an admin's devices count, if signed by the pinned identity (in mode `any`: all). If
        no identity is pinned yet, the identity in `answer` is pinned here. If `answer` shows
        another identity than the pinned, no device counts.

        In mode `verified` devices count also before emoji were compared, so that the owner can
        ask for the comparison. `standing` and `may_receive` say that nothing else is allowed yet.

        Args:
            answer: of /keys/query.
        """
        if user_id not in self._admins:
            return {}
        if self._mode is Trust.ANY:
            return trusted_devices(answer, user_id, None)
        seen = master_key(answer, user_id)
        pin = await self._store.pins.find(user_id)
        if seen is None and pin is None:
            self._standing[user_id] = PinState.NO_IDENTITY
            return {}
        if pin is None:
            pin = Pin(str(seen), verified=False, alarmed=None)
            await self._store.pins.pin(UserId.parse(user_id), pin.master_key)
            log.info("identity pinned user=%s master_key=%s", user_id, seen)
        if seen != pin.master_key:
            self._changed(user_id, seen or "none", pin)
            return {}
        verified = pin.verified or self._mode is not Trust.VERIFIED
        self._standing[user_id] = PinState.AS_PINNED if verified else PinState.NOT_VERIFIED
        return trusted_devices(answer, user_id, pin.master_key)

    def _changed(self, user_id: str, seen: str, pin: Pin) -> None:
        if self.standing(user_id) is not PinState.CHANGED:
            log.warning("identity CHANGED, nothing is taken from or given to user=%s", user_id)
        self._standing[user_id] = PinState.CHANGED
        if seen != pin.alarmed:
            self.identity_changed(UserId.parse(user_id), seen)
