"""What the store gives back: values, not rows. Times are aware, UTC."""

from dataclasses import dataclass
from datetime import datetime

import aiosqlite

from adminbot.values.ids import UserId
from adminbot.values.text import safe_to_quote


@dataclass(frozen=True, slots=True)
class Bot:
    """An account that was made here."""

    user_id: UserId
    display_name: str
    device_id: str | None
    has_password: bool
    made_by: UserId
    made_at: datetime
    token_at: datetime | None
    own_identity: bool = False

    @property
    def called(self) -> str:
        """Its display name, fit to be repeated: one line, without marks."""
        return safe_to_quote(self.display_name, 100) or self.user_id.localpart


def identity_of(user_id: object) -> str:
    """Under which name what we keep of a bot's cross-signing identity is sealed."""
    return f"identity {user_id}"


def recovery_of(user_id: object) -> str:
    """Under which name a bot's recovery key is sealed, until a card holds it."""
    return f"recovery key {user_id}"


@dataclass(frozen=True, slots=True)
class Awaited:
    """A bot whose device `device_id` has still to show its keys; `tell` is told then."""

    user_id: UserId
    own_identity: bool
    device_id: str
    tell: UserId
    since: datetime


@dataclass(frozen=True, slots=True)
class Pin:
    """The cross-signing identity (master key, unpadded base64) that counts for a person.

    `verified`: emoji were compared with it. `alarmed`: another master key that was told of.
    """

    master_key: str
    verified: bool
    alarmed: str | None


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request to verify each other that is open with a person.

    `transaction`: its event id; empty while ours may or may not be out, and then `txn` is the
    transaction id that it was (to be) sent with. `since`: ISO time. `verified`: it came to its
    end, and the other side has perhaps still to hear so.
    """

    user_id: str
    room_id: str
    transaction: str
    txn: str
    since: str
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A secret on its way out (`content` is there), shown, or gone."""

    id: int
    bot: UserId
    reader: UserId
    made_at: datetime
    content: str | None
    room_id: str | None
    intro_id: str | None
    block_id: str | None
    vanishes_at: datetime | None


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message that wants an answer: sealed JSON as it came, and the answer once there is one."""

    event_id: str
    content: str
    reply: str | None
    megolm: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One change that somebody asked for; without outcome it is under way or was cut off."""

    event_id: str
    who: str
    command: str
    target: str
    began_at: datetime
    outcome: str | None
    device_id: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a person must still say before something happens.

    `answer`: the word to be typed. `tap`: ✅ under the question will do, too. `event_id`: that of
    the question. `megolm`: "sender_key session_id index" of the command that is asked about.
    """

    asked_of: UserId
    room_id: str
    event_id: str
    line: str
    answer: str
    expires_at: datetime
    tap: bool = False
    megolm: str | None = None


def bot_of(row: aiosqlite.Row) -> Bot:
    return Bot(
        user_id=UserId.parse(row["user_id"]),
        display_name=row["display_name"],
        device_id=row["device_id"],
        has_password=bool(row["has_password"]),
        made_by=UserId.parse(row["made_by"]),
        made_at=datetime.fromisoformat(row["made_at"]),
        token_at=_time(row["token_at"]),
        own_identity=bool(row["own_identity"]),
    )


def awaited_of(row: aiosqlite.Row) -> Awaited:
    return Awaited(
        user_id=UserId.parse(row["user_id"]),
        own_identity=bool(row["own_identity"]),
        device_id=row["device_id"],
        tell=UserId.parse(row["tell"]),
        since=datetime.fromisoformat(row["since"]),
    )


def act_of(row: aiosqlite.Row) -> Act:
    return Act(
        event_id=row["event_id"],
        who=row["who"],
        command=row["command"],
        target=row["target"],
        began_at=datetime.fromisoformat(row["began_at"]),
        outcome=row["outcome"],
        device_id=row["device_id"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def card_of(row: aiosqlite.Row, content: str | None) -> Card:
    return Card(
        id=row["id"],
        bot=UserId.parse(row["bot"]),
        reader=UserId.parse(row["reader"]),
        made_at=datetime.fromisoformat(row["made_at"]),
        content=content,
        room_id=row["room_id"],
        intro_id=row["intro_id"],
        block_id=row["block_id"],
        vanishes_at=_time(row["vanishes_at"]),
    )


def question_of(row: aiosqlite.Row) -> Question:
    return Question(
        asked_of=UserId.parse(row["asked_of"]),
        room_id=row["room_id"],
        event_id=row["event_id"],
        line=row["line"],
        answer=row["answer"],
        expires_at=datetime.fromisoformat(row["expires_at"]),
        tap=bool(row["tap"]),
        megolm=row["megolm"],
    )
