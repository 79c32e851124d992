"""Which cross-signing identity counts for a managed bot.

For a bot that we sign for it is the one that was made here; its master key is sealed beside the
seed. For a bot that signs itself it is the first one seen on its device. What counts is kept as a
pin.
"""

from collections.abc import Callable
from typing import Any

from adminbot.accounts.signing import Signer
from adminbot.crypto.crosssigning import master_key
from adminbot.store import Bot, Pin, Store


class Identities:
    """Compares what the server shows with what counts.

    `ring`: called with a bot, the master key that counts and the other that is shown, again and
    again until it is noted that everybody was told.
    """

    def __init__(
        self, store: Store, signer: Signer, ring: Callable[[Bot, str, str], None]
    ) -> None:
        self._store = store
        self._signer = signer
        self._ring = ring

    async def counts(self, bot: Bot, answer: dict[str, Any]) -> str:
        """The master key that counts for a bot; empty if there is none yet.

        Args:
            answer: of /keys/query. If another identity than the one that counts is in it, `ring`.
        """
        seen = master_key(answer, str(bot.user_id))
        pin = await self._store.bot_pins.find(bot.user_id)
        if bot.own_identity:
            counting = pin.master_key if pin else seen or ""
        else:
            kept = await self._signer.kept(bot.user_id)
            counting = kept.master if kept else ""
            if kept is None or not kept.is_out:
                return counting  # nothing of ours was ever shown, so nothing was replaced
        if counting and (pin is None or pin.master_key != counting):
            await self._store.bot_pins.pin(bot.user_id, counting)
            pin = Pin(counting, verified=False, alarmed=None)
        if seen and seen != counting and pin and pin.alarmed != seen:
            self._ring(bot, counting, seen)
        return counting
