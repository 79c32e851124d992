"""With which keys each bot's device was last trusted."""

from dataclasses import dataclass

from adminbot.store.database import Database
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The Ed25519 key (unpadded base64) of a device; `told`: the other key that was told of."""

    device_id: str
    ed25519: str
    told: str | None


class DeviceKeys:
    """The table of known device keys, at most one a bot."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, user_id: UserId) -> KnownKey | None:
        row = await self._db.one("SELECT * FROM device_key WHERE user_id = ?", str(user_id))
        return KnownKey(row["device_id"], row["ed25519"], row["told"]) if row else None

    async def remember(self, user_id: UserId, device_id: str, ed25519: str) -> None:
        """The device is trusted with this key: whatever was told before is over."""
        await self._db.write(
            "INSERT INTO device_key (user_id, device_id, ed25519) VALUES (?, ?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, "
            "ed25519 = excluded.ed25519, told = NULL",
            str(user_id),
            device_id,
            ed25519,
        )

    async def told(self, user_id: UserId, ed25519: str) -> None:
        """The person knows that the device shows this other key."""
        await self._db.write(
            "UPDATE device_key SET told = ? WHERE user_id = ?", ed25519, str(user_id)
        )

    async def in_trouble(self) -> set[str]:
        """The user ids of the bots of whose other keys somebody was told."""
        rows = await self._db.all("SELECT user_id FROM device_key WHERE told IS NOT NULL")
        return {str(row["user_id"]) for row in rows}
