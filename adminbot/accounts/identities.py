"""Which cross-signing identity counts for a managed bot.

For a bot that we sign for, the identity made here counts; the master key is sealed beside the
seed. For a bot that signs itself, the first identity seen on its account counts. `store.bot_pins`
keeps the identity that counts.
"""

from collections.abc import Callable
from typing import Any

from adminbot.accounts.signing import Signer
from adminbot.crypto.crosssigning import master_key
from adminbot.store import Bot, Pin, Store


class Identities:
    """Compares the identity on the server with the identity that counts.

    `ring`: called with (bot, master key that counts, other master key), again and again until
    `store.bot_pins.alarmed` has noted the other master key.
    """

    def __init__(
        self, store: Store, signer: Signer, ring: Callable[[Bot, str, str], None]
    ) -> None:
        self._store = store
        self._signer = signer
        self._ring = ring

    async def counts(self, bot: Bot, answer: dict[str, Any]) -> str:
        """The master key (unpadded base64) that counts for a bot; empty if there is none yet.

        Rings when `answer`, a raw /keys/query answer, shows another identity than the identity
        that counted before. Raises StateError.
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
            await self._store.bot_pins.pin(bot.user_id, counting)  # forgets the last alarm, too
            pin = Pin(counting, verified=False, alarmed=None)
        if seen and seen != counting and pin and pin.alarmed != seen:
            self._ring(bot, counting, seen)
        return counting
