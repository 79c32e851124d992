"""The accounts that were made here, the devices that are awaited, and the cards that go out."""

from datetime import datetime

import aiosqlite

from adminbot.store.acts import Acts
from adminbot.store.rows import (
    Awaited,
    Bot,
    Card,
    Pin,
    awaited_of,
    bot_of,
    card_of,
    identity_of,
    recovery_of,
)
from adminbot.values.clock import now
from adminbot.values.ids import UserId


class Bots(Acts):
    """Bots and their cards; what belongs together is written together."""

    # -- bots

    async def bots(self) -> list[Bot]:
        """The bots that are not deleted, oldest first."""
        rows = await self._all("SELECT * FROM bot WHERE deleted_at IS NULL ORDER BY made_at")
        return [bot_of(row) for row in rows]

    async def find_bot(self, user_id: UserId) -> Bot | None:
        row = await self._one(
            "SELECT * FROM bot WHERE user_id = ? AND deleted_at IS NULL", str(user_id)
        )
        return bot_of(row) if row else None

    async def add_bot(self, bot: Bot) -> None:
        """Remember an account that was made here."""
        async with self._transaction():
            await self._put_bot(bot)

    async def _put_bot(self, bot: Bot) -> None:
        await self._db.execute(
            "INSERT OR REPLACE INTO bot VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            (
                str(bot.user_id),
                bot.display_name,
                bot.device_id,
                int(bot.has_password),
                str(bot.made_by),
                bot.made_at.isoformat(),
                bot.token_at and bot.token_at.isoformat(),
                int(bot.own_identity),
            ),
        )

    async def hand_over(self, bot: Bot, *, event_id: str, reader: UserId, card: str) -> int:
        """Remember the bot's new token's date, its sealed card and the act's success, at once.

        Returns the card's id. From here on a crash cannot lose the secret.
        """
        async with self._transaction():
            before = await self.find_bot(bot.user_id)
            await self._put_bot(bot)
            await self._end_act(event_id, "done")
            await self._forget(recovery_of(bot.user_id))  # it is on the card
            is_new = before is None or before.device_id != bot.device_id
            await self._await_device(bot, reader, is_new=is_new)
            if bot.own_identity and is_new:  # its program starts afresh, and may make another one
                await self._forget_bot_pin(bot.user_id)
            dropped = await self._void_cards(bot.user_id)
            cursor = await self._db.execute(
                "INSERT INTO card (bot, reader, made_at, content) VALUES (?, ?, ?, ?)",
                (
                    str(bot.user_id),
                    str(reader),
                    now().isoformat(),
                    self._sealer.seal("card", card),
                ),
            )
        if dropped:
            await self._scrub()
        return int(cursor.lastrowid or 0)

    async def _void_cards(self, user_id: UserId) -> bool:
        """What is on a bot's cards is dead: those that are (or may be half) out are due.

        The others do not go out. Returns whether there were others.
        """
        due, whose = now().isoformat(), str(user_id)
        await self._db.execute(
            "UPDATE card SET vanishes_at = ? WHERE bot = ? AND room_id IS NOT NULL "
            "AND gone_at IS NULL",
            (due, whose),
        )
        dropped = await self._db.execute(
            "UPDATE card SET gone_at = ?, content = NULL WHERE bot = ? AND room_id IS NULL "
            "AND gone_at IS NULL",
            (due, whose),
        )
        return dropped.rowcount > 0

    async def _await_device(self, bot: Bot, tell: UserId, *, is_new: bool) -> None:
        """A new device is awaited; one that was awaited before is looked for eagerly again."""
        since = now().isoformat()
        if is_new:
            await self._db.execute(
                "INSERT OR REPLACE INTO awaited VALUES (?, ?, ?, ?)",
                (str(bot.user_id), bot.device_id, str(tell), since),
            )
        else:
            await self._db.execute(
                "UPDATE awaited SET tell = ?, since = ? WHERE user_id = ?",
                (str(tell), since, str(bot.user_id)),
            )

    async def awaited(self) -> list[Awaited]:
        """Bots whose device has still to show its keys, the newest first."""
        rows = await self._all(
            "SELECT awaited.*, bot.own_identity FROM awaited JOIN bot USING (user_id) "
            "ORDER BY since DESC"
        )
        return [awaited_of(row) for row in rows]

    async def is_awaited(self, awaited: Awaited) -> bool:
        """Whether that is still so: the bot may have been signed out or deleted."""
        row = await self._one(
            "SELECT 1 FROM awaited WHERE user_id = ? AND device_id = ?",
            str(awaited.user_id),
            awaited.device_id,
        )
        return row is not None

    async def arrived(self, awaited: Awaited) -> None:
        """This device need not be awaited any more (another one of the same bot may be)."""
        await self._write(
            "DELETE FROM awaited WHERE user_id = ? AND device_id = ?",
            str(awaited.user_id),
            awaited.device_id,
        )

    async def signs_itself(self, user_id: UserId) -> None:
        """The bot has an identity of its own: we keep none for it and sign nothing.

        The next one that is seen is the one that counts.
        """
        async with self._transaction():
            await self._db.execute(
                "UPDATE bot SET own_identity = 1 WHERE user_id = ?", (str(user_id),)
            )
            await self._forget(identity_of(user_id))
            await self._forget_bot_pin(user_id)

    async def find_bot_pin(self, user_id: UserId) -> Pin | None:
        """The identity that counts for a bot; None as long as none was published or seen."""
        row = await self._one("SELECT * FROM bot_pin WHERE user_id = ?", str(user_id))
        return Pin(row["master_key"], verified=False, alarmed=row["alarmed"]) if row else None

    async def pin_bot(self, user_id: UserId, master_key: str) -> None:
        """From now on this identity counts for a bot."""
        await self._write(
            "INSERT OR REPLACE INTO bot_pin VALUES (?, ?, NULL)", str(user_id), master_key
        )

    async def bot_alarmed(self, user_id: UserId, master_key: str) -> None:
        """Everybody was told that this bot shows another identity, namely this one."""
        await self._write(
            "UPDATE bot_pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id)
        )

    async def _forget_bot_pin(self, user_id: UserId) -> None:
        await self._db.execute("DELETE FROM bot_pin WHERE user_id = ?", (str(user_id),))

    async def signed_out(self, user_id: UserId, *, event_id: str) -> None:
        """The bot has no session any more; its next token needs a new device. Ends the act."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE bot SET device_id = NULL, token_at = NULL WHERE user_id = ?",
                (str(user_id),),
            )
            await self._db.execute("DELETE FROM awaited WHERE user_id = ?", (str(user_id),))
            dropped = await self._void_cards(user_id)
            await self._end_act(event_id, "done")
        if dropped:
            await self._scrub()

    async def bot_deleted(self, user_id: UserId, *, event_id: str) -> None:
        """The account is closed; the row stays as a memory. Ends the act."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE bot SET deleted_at = ? WHERE user_id = ?",
                (now().isoformat(), str(user_id)),
            )
            await self._db.execute("DELETE FROM awaited WHERE user_id = ?", (str(user_id),))
            await self._forget(identity_of(user_id))
            await self._forget_bot_pin(user_id)
            dropped = await self._void_cards(user_id)
            await self._end_act(event_id, "done")
        if dropped:
            await self._scrub()

    # -- cards

    async def card(self, card_id: int) -> Card:
        [row] = await self._all("SELECT * FROM card WHERE id = ?", card_id)
        return self._card(row)

    async def newer_card(self, card: Card) -> Card | None:
        """The newest card of the same bot, if it is not this one."""
        row = await self._one(
            "SELECT * FROM card WHERE bot = ? AND id > ? ORDER BY id DESC", str(card.bot), card.id
        )
        return self._card(row) if row else None

    async def open_cards(self) -> list[Card]:
        """Cards that are still to be sent or still to vanish, oldest first."""
        rows = await self._all("SELECT * FROM card WHERE gone_at IS NULL ORDER BY id")
        return [self._card(row) for row in rows]

    async def card_goes_to(self, card_id: int, room_id: str) -> bool:
        """Fix the room before the first send, so that a repeated send is the same send.

        Returns False if what is on the card is dead meanwhile: it must not go out.
        """
        async with self._transaction():
            cursor = await self._db.execute(
                "UPDATE card SET room_id = ? WHERE id = ? AND gone_at IS NULL", (room_id, card_id)
            )
        return cursor.rowcount > 0

    async def card_shown(
        self, card_id: int, *, intro_id: str, block_id: str, vanishes_at: datetime
    ) -> None:
        """Both messages are out: forget the content, remember when they vanish.

        That is at once for one that was void before it was out.
        """
        await self._write(
            "UPDATE card SET content = NULL, intro_id = ?, block_id = ?, "
            "vanishes_at = coalesce(vanishes_at, ?) WHERE id = ?",
            intro_id,
            block_id,
            vanishes_at.isoformat(),
            card_id,
        )
        await self._scrub()

    async def cards_vanish_by(self, moment: datetime) -> None:
        """No card that is out stays longer than that."""
        await self._write(
            "UPDATE card SET vanishes_at = min(vanishes_at, ?) WHERE vanishes_at IS NOT NULL",
            moment.isoformat(),
        )

    async def card_gone(self, card_id: int) -> None:
        await self._write(
            "UPDATE card SET gone_at = ?, content = NULL WHERE id = ?", now().isoformat(), card_id
        )
        await self._scrub()

    def _card(self, row: aiosqlite.Row) -> Card:
        return card_of(row, self._open("card", row["content"]) if row["content"] else None)
