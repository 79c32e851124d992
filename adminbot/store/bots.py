"""The accounts in our care: made here, or adopted."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import folded, safe_to_quote


@dataclass(frozen=True, slots=True)
class Bot:
    """An account made or adopted here. Times are UTC.

    `device_id`: None when the bot is signed out (the next token gets a new device), or when the
    program picks the device and has not shown it yet. `has_password`: cards carry a password, too.
    `token_at`: when the newest token or password was given out, or None. `own_identity`: the bot's
    program makes the cross-signing identity itself. `app`: the name of the program's profile,
    empty for the plain form. `room_id`, `room_alias`: the room in its settings, or empty. `note`:
    what the bot is for, in a person's words. `is_paused`: the account was locked by us.
    `adopted_at`: when an account from before came into care, None for an account made here.
    """

    user_id: UserId
    display_name: str
    device_id: str | None
    has_password: bool
    made_by: UserId
    made_at: datetime
    token_at: datetime | None
    own_identity: bool = False
    app: str = ""
    room_id: str = ""
    room_alias: str = ""
    note: str = ""
    is_paused: bool = False
    adopted_at: datetime | None = None

    @property
    def called(self) -> str:
        """The display name, fit to be quoted: one line, without marks."""
        return safe_to_quote(self.display_name, 100) or self.user_id.localpart

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            user_id=UserId.parse(row["user_id"]),
            display_name=row["display_name"],
            device_id=row["device_id"],
            has_password=bool(row["has_password"]),
            made_by=UserId.parse(row["made_by"]),
            made_at=datetime.fromisoformat(row["made_at"]),
            token_at=datetime.fromisoformat(row["token_at"]) if row["token_at"] else None,
            own_identity=bool(row["own_identity"]),
            app=row["app"],
            room_id=row["room_id"],
            room_alias=row["room_alias"],
            note=row["note"],
            is_paused=bool(row["paused"]),
            adopted_at=datetime.fromisoformat(row["adopted_at"]) if row["adopted_at"] else None,
        )


_IN_TROUBLE = """SELECT user_id FROM device_key WHERE told IS NOT NULL
    UNION SELECT user_id FROM bot_pin WHERE alarmed IS NOT NULL"""
_ORDER = "token_at IS NOT NULL, coalesce(token_at, made_at), user_id"  # there is an index for it
_TROUBLED = f"""SELECT * FROM bot WHERE deleted_at IS NULL AND user_id IN ({_IN_TROUBLE})
    ORDER BY {_ORDER}"""  # noqa: S608 (constants only)
_OTHERS = f"""SELECT * FROM bot WHERE deleted_at IS NULL AND user_id NOT IN ({_IN_TROUBLE})
    ORDER BY {_ORDER} LIMIT ? OFFSET ?"""  # noqa: S608 (constants only)
# What a person may look for in a bot; the plain form is called env. SQLite's own LIKE is quick,
# and knows capitals of the English alphabet only; `folded` is ours (opening.py), and slow.
_WITH_WORD = f"""SELECT *, count(*) OVER () AS found FROM bot WHERE deleted_at IS NULL AND (
    (app = '' AND ?1 = 'env') OR CASE WHEN length(?1) = length(CAST(?1 AS BLOB))
    THEN user_id LIKE '@' || ?2 || ':%' ESCAPE '|' OR display_name LIKE ?2 ESCAPE '|'
        OR note LIKE ?2 ESCAPE '|' OR app LIKE ?2 ESCAPE '|'
    ELSE instr(folded(display_name || char(10) || note), ?1) END)
    ORDER BY user_id NOT IN ({_IN_TROUBLE}), {_ORDER}
    LIMIT ?3 OFFSET ?4"""  # noqa: S608 (constants only)
_NEAR = """SELECT user_id FROM (SELECT user_id FROM bot
        WHERE user_id < ?1 AND user_id >= ?2 AND deleted_at IS NULL
        ORDER BY user_id DESC LIMIT ?3)
    UNION SELECT user_id FROM (SELECT user_id FROM bot
        WHERE user_id >= ?1 AND substr(user_id, 1, length(?2)) = ?2 AND deleted_at IS NULL
        ORDER BY user_id LIMIT ?3)"""


class Bots:
    """The table of bots; a deleted bot's row stays as a memory."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Bot]:
        """The bots that are not deleted, oldest first."""
        rows = await self._db.all("SELECT * FROM bot WHERE deleted_at IS NULL ORDER BY made_at")
        return [Bot.from_row(row) for row in rows]

    async def worst_first(
        self, word: str = "", *, most: int, skip: int = 0
    ) -> tuple[list[Bot], int]:
        """Some of the bots in order of trouble by what is known here, and how many there are.

        First those that somebody was alarmed about, then the signed out, then the oldest token.
        With `word`: only the bots with that in their name, display name, note or app. Of a page
        behind the last one the number is not known.
        """
        if word:
            word = folded(word)
            pattern = re.sub("[|%_]", r"|\g<0>", word)
            rows = await self._db.all(_WITH_WORD, word, f"%{pattern}%", most, skip)
            return [Bot.from_row(row) for row in rows], int(rows[0]["found"]) if rows else 0
        [row] = await self._db.all("SELECT count(*) AS bots FROM bot WHERE deleted_at IS NULL")
        troubled = await self._db.all(_TROUBLED)
        page = list(troubled[skip : skip + most])
        # Of many bots few are in trouble, and an index has the order of the others.
        page += await self._db.all(_OTHERS, most - len(page), max(0, skip - len(troubled)))
        return [Bot.from_row(it) for it in page], int(row["bots"])

    async def among(self, user_ids: Collection[str]) -> list[Bot]:
        """The bots that are not deleted, of these users."""
        rows = await self._db.all(
            "SELECT * FROM bot WHERE deleted_at IS NULL "
            "AND user_id IN (SELECT value FROM json_each(?))",
            json.dumps(list(user_ids)),
        )
        return [Bot.from_row(row) for row in rows]

    async def near(self, user_id: UserId, *, most: int = 100) -> list[str]:
        """Names of bots on both sides of a name in the alphabet, with the same first letter."""
        first = f"@{user_id.localpart[:1]}"
        rows = await self._db.all(_NEAR, str(user_id), first, most)
        return [UserId.parse(row["user_id"]).localpart for row in rows]

    async def find(self, user_id: UserId) -> Bot | None:
        row = await self._db.one(
            "SELECT * FROM bot WHERE user_id = ? AND deleted_at IS NULL", str(user_id)
        )
        return Bot.from_row(row) if row else None

    async def was_deleted(self, user_id: UserId) -> bool:
        row = await self._db.one(
            "SELECT 1 FROM bot WHERE user_id = ? AND deleted_at IS NOT NULL", str(user_id)
        )
        return row is not None

    async def add(self, bot: Bot) -> None:
        """Remember an account made here."""
        async with self._db.transaction():
            await self.put(bot)

    async def put(self, bot: Bot) -> None:
        """Within a transaction: insert or replace the bot; a deleted bot is no longer deleted.

        Name, note and pause of a bot that is there stay as they are.
        """
        await self._db.execute(
            "INSERT INTO bot (user_id, display_name, device_id, has_password, made_by, made_at, "
            "token_at, own_identity, app, room_id, room_alias, note, paused, adopted_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET "
            "device_id = excluded.device_id, has_password = excluded.has_password, "
            "made_by = excluded.made_by, made_at = excluded.made_at, "
            "token_at = excluded.token_at, own_identity = excluded.own_identity, "
            "app = excluded.app, room_id = excluded.room_id, room_alias = excluded.room_alias, "
            # These may have been set since the caller read the bot: `set_note` and the like.
            "display_name = CASE WHEN deleted_at IS NULL THEN display_name "
            "ELSE excluded.display_name END, "
            "note = CASE WHEN deleted_at IS NULL THEN note ELSE excluded.note END, "
            "paused = CASE WHEN deleted_at IS NULL THEN paused ELSE excluded.paused END, "
            "adopted_at = excluded.adopted_at, deleted_at = NULL",
            str(bot.user_id),
            bot.display_name,
            bot.device_id,
            int(bot.has_password),
            str(bot.made_by),
            bot.made_at.isoformat(),
            bot.token_at and bot.token_at.isoformat(),
            int(bot.own_identity),
            bot.app,
            bot.room_id,
            bot.room_alias,
            bot.note,
            int(bot.is_paused),
            bot.adopted_at and bot.adopted_at.isoformat(),
        )

    async def set_own_identity(self, user_id: UserId) -> None:
        """Within a transaction: the bot's program makes the identity itself."""
        await self._db.execute("UPDATE bot SET own_identity = 1 WHERE user_id = ?", str(user_id))

    async def set_device(self, user_id: UserId, device_id: str) -> None:
        """Within a transaction: the device that the program of a bot with a login picked."""
        await self._db.execute(
            "UPDATE bot SET device_id = ? WHERE user_id = ? "
            "AND device_id IS NULL AND token_at IS NOT NULL AND deleted_at IS NULL",
            device_id,
            str(user_id),
        )

    async def set_display_name(self, user_id: UserId, name: str) -> None:
        """What the bot is called."""
        await self._db.write(
            "UPDATE bot SET display_name = ? WHERE user_id = ?", name, str(user_id)
        )

    async def set_note(self, user_id: UserId, note: str) -> None:
        """Within a transaction."""
        await self._db.execute("UPDATE bot SET note = ? WHERE user_id = ?", note, str(user_id))

    async def set_paused(self, user_id: UserId, *, paused: bool) -> None:
        """Within a transaction."""
        await self._db.execute(
            "UPDATE bot SET paused = ? WHERE user_id = ?", int(paused), str(user_id)
        )

    async def set_signed_out(self, user_id: UserId) -> None:
        """Within a transaction."""
        await self._db.execute(
            "UPDATE bot SET device_id = NULL, token_at = NULL WHERE user_id = ?", str(user_id)
        )

    async def set_deleted(self, user_id: UserId) -> None:
        """Within a transaction."""
        await self._db.execute(
            "UPDATE bot SET deleted_at = ? WHERE user_id = ?", now().isoformat(), str(user_id)
        )
