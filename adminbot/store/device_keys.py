"""With which keys each bot's device was last trusted."""

from dataclasses import dataclass
from typing import NamedTuple

from adminbot.store.database import Database
from adminbot.values.ids import UserId


class ShownKeys(NamedTuple):
    """A device's two public keys, unpadded base64; `curve25519` is empty while not known."""

    ed25519: str
    curve25519: str

    def __str__(self) -> str:
        return " ".join(self)


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """The keys that a device was trusted with; `told`: the other keys that were told of."""

    device_id: str
    keys: ShownKeys
    told: str | None

    def are(self, shown: ShownKeys) -> bool:
        """Whether these are the keys shown, as far as they are known."""
        return self.keys in (shown, ShownKeys(shown.ed25519, ""))


class DeviceKeys:
    """The table of known device keys, at most one device a bot: the issued one."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, user_id: UserId, device_id: str) -> KnownKeys | None:
        """The keys known of a bot's device; None for a device that was not trusted yet."""
        row = await self._db.one(
            "SELECT * FROM device_key WHERE user_id = ? AND device_id = ?",
            str(user_id),
            device_id,
        )
        if row is None:
            return None
        return KnownKeys(device_id, ShownKeys(row["ed25519"], row["curve25519"]), row["told"])

    async def remember(self, user_id: UserId, device_id: str, keys: ShownKeys) -> None:
        """The device is trusted with these keys: whatever was told before is over.

        Does nothing if the device is the bot's no more: it may have been signed out meanwhile.
        """
        await self._db.write(
            "INSERT INTO device_key (user_id, device_id, ed25519, curve25519) "
            "SELECT user_id, device_id, ?, ? FROM bot "
            "WHERE user_id = ? AND device_id = ? AND deleted_at IS NULL "
            "ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, "
            "ed25519 = excluded.ed25519, curve25519 = excluded.curve25519, told = NULL",
            *keys,
            str(user_id),
            device_id,
        )

    async def told(self, user_id: UserId, device_id: str, keys: ShownKeys) -> None:
        """Somebody knows that the device shows these other keys."""
        await self._db.write(
            "UPDATE device_key SET told = ? WHERE user_id = ? AND device_id = ?",
            str(keys),
            str(user_id),
            device_id,
        )

    async def forget(self, user_id: UserId) -> None:
        """Within a transaction: the bot's device is gone, or gives way to a new one."""
        await self._db.execute("DELETE FROM device_key WHERE user_id = ?", str(user_id))
