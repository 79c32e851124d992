"""What is remembered, what is forgotten, and that nothing secret rests in clear."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adminbot.errors import SetupError
from adminbot.store import (
    Bot,
    InboxMessage,
    Pin,
    Question,
    Store,
    identity_of,
    open_store,
    recovery_of,
    schema,
)
from adminbot.store.schema import MIGRATIONS
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

KEY = bytes(range(32))
YOU = UserId("you", "example.org")
NANO = UserId("nano", "example.org")
TOKEN = "syt_bmFub2JvdA_hunter2"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, WHEN, WHEN)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@asynccontextmanager
async def opened(data_dir: Path, key: bytes = KEY) -> AsyncIterator[Store]:
    async with open_store(data_dir, Sealer(key)) as store:
        yield store


@pytest.fixture
async def store(data_dir: Path) -> AsyncIterator[Store]:
    async with opened(data_dir) as store:
        yield store


def found_in_files(data_dir: Path, wanted: bytes) -> list[str]:
    """The files, the write-ahead log among them, that hold these bytes or a piece of them."""
    pieces = [wanted[start : start + 32] for start in range(0, len(wanted), 500)]
    return [
        str(path.relative_to(data_dir))
        for path in data_dir.rglob("*")
        if path.is_file() and any(piece in path.read_bytes() for piece in pieces)
    ]


def question(answer: str = "yes", room_id: str = "!r") -> Question:
    return Question(YOU, room_id, "$q", "revoke nano", answer, WHEN)


# -- opening


async def test_an_empty_directory_becomes_a_store_of_the_newest_version(data_dir: Path) -> None:
    async with opened(data_dir / "deep" / "er") as store:
        await store.inbox.receive([], since="s1")
    async with opened(data_dir / "deep" / "er") as store:
        assert await store.facts.get("since") == "s1"
        assert await store.facts.get("other") is None
    with sqlite3.connect(data_dir / "deep/er/adminbot.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    db.close()
    assert (data_dir / "deep/er").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("done", range(len(MIGRATIONS)))
async def test_every_older_version_is_brought_up_to_date(done: int, data_dir: Path) -> None:
    db = sqlite3.connect(data_dir / "adminbot.db")
    for script in MIGRATIONS[:done]:
        db.executescript(script)
    db.execute(f"PRAGMA user_version = {done}")
    db.commit()
    db.close()

    async with opened(data_dir) as store:
        await store.bots.add(BOT)
        assert await store.bots.all() == [BOT]


async def test_a_newer_version_is_refused_and_left_as_it_is(data_dir: Path) -> None:
    async with opened(data_dir):
        pass
    db = sqlite3.connect(data_dir / "adminbot.db")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(SetupError, match="newer adminbot"):
        async with opened(data_dir):
            pass

    db = sqlite3.connect(data_dir / "adminbot.db")
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    db.close()


async def test_a_migration_may_end_in_a_comment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = (*MIGRATIONS, "CREATE TABLE more (name TEXT) STRICT; -- what for")
    monkeypatch.setattr(schema, "MIGRATIONS", added)
    async with opened(data_dir) as store:
        await store.facts.set("since", "s1")
    db = sqlite3.connect(data_dir / "adminbot.db")
    assert db.execute("PRAGMA user_version").fetchone() == (len(added),)
    assert db.execute("SELECT count(*) FROM more").fetchone() == (0,)
    db.close()


async def test_a_second_owner_is_refused_while_the_first_one_lives(data_dir: Path) -> None:
    async with opened(data_dir) as first:
        with pytest.raises(SetupError, match="Another adminbot already runs"):
            async with opened(data_dir):
                pass
        await first.inbox.receive([], since="mine")
    async with opened(data_dir) as second:
        assert await second.facts.get("since") == "mine"


async def test_a_directory_that_cannot_be_is_our_own_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written"):
        async with opened(tmp_path / "file" / "data"):
            pass


async def test_a_file_that_is_no_database_is_our_own_error(data_dir: Path) -> None:
    (data_dir / "adminbot.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(SetupError):
        async with opened(data_dir):
            pass


async def test_another_store_key_is_named_for_everything_that_was_sealed(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await store.sealed.set("seeds", "abc")
        await store.hand_over(BOT, event_id="$e", reader=YOU, card=TOKEN)
        await store.inbox.receive([InboxMessage("$e", "!ping", None)], since="s")

    async with opened(data_dir, bytes(32)) as store:
        for ask in (store.sealed.get("seeds"), store.cards.open(), store.inbox.unanswered()):
            with pytest.raises(SetupError, match="another ADMINBOT_STORE_KEY"):
                await ask


async def test_a_sealed_secret_cannot_be_moved_to_another_name(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await store.sealed.set("seeds", "abc")
        await store.sealed.set("healed session", "x")
    db = sqlite3.connect(data_dir / "adminbot.db")
    db.execute("UPDATE sealed SET blob = (SELECT blob FROM sealed WHERE name = 'seeds')")
    db.commit()
    db.close()

    async with opened(data_dir) as store:
        assert await store.sealed.get("seeds") == "abc"
        with pytest.raises(SetupError):
            await store.sealed.get("healed session")


async def test_secrets_facts_pins_and_rooms_are_remembered_and_replaced(store: Store) -> None:
    for value in ("one", "two"):
        await store.sealed.set("seeds", value)
        await store.pins.pin(YOU, value)
        await store.rooms.set_dm(YOU, value)
        assert await store.sealed.get("seeds") == value
        pin = await store.pins.find(str(YOU))
        assert pin == Pin(value, verified=False, alarmed=None)
        assert await store.rooms.dm(YOU) == value
    await store.sealed.drop("seeds")
    assert await store.sealed.get("seeds") is None
    assert await store.rooms.dm(NANO) is None


# -- bots and cards


async def test_a_bot_is_remembered_as_it_is(store: Store) -> None:
    older = replace(BOT, user_id=YOU, made_at=WHEN - timedelta(days=1), has_password=True)
    await store.bots.add(BOT)
    await store.bots.add(older)

    assert await store.bots.all() == [older, BOT]
    assert await store.bots.find(NANO) == BOT
    await store.signed_out(NANO, event_id="$out")
    assert await store.bots.find(NANO) == replace(BOT, device_id=None, token_at=None)
    await store.bot_deleted(NANO, event_id="$deleted")
    assert await store.bots.find(NANO) is None
    assert await store.bots.all() == [older]


async def test_a_card_rests_sealed_and_is_forgotten_once_it_is_shown(
    store: Store, data_dir: Path
) -> None:
    """Also by one who has the store key and reads the files, write-ahead log included."""
    text = f"card {TOKEN}".rjust(20_000)  # several pages of the file
    card_id = await store.hand_over(BOT, event_id="$e", reader=YOU, card=text)
    assert (await store.cards.find(card_id)).content == text
    assert found_in_files(data_dir, b"Nano"), "the search finds what is there"
    assert found_in_files(data_dir, TOKEN.encode()) == []
    sealed = await sealed_card(data_dir)
    assert found_in_files(data_dir, sealed)

    await store.cards.goes_to(card_id, "!dm")
    await store.cards.shown(card_id, intro_id="$i", block_id="$b", vanishes_at=WHEN)

    [card] = await store.cards.open()
    assert card.content is None
    assert (card.room_id, card.intro_id, card.block_id) == ("!dm", "$i", "$b")
    assert card.vanishes_at == WHEN
    assert found_in_files(data_dir, sealed) == []


async def test_a_card_that_was_never_shown_is_forgotten_when_a_newer_one_comes(
    store: Store, data_dir: Path
) -> None:
    first = await store.hand_over(BOT, event_id="$1", reader=YOU, card="one")
    sealed = await sealed_card(data_dir)
    second = await store.hand_over(BOT, event_id="$2", reader=YOU, card="two")

    assert [card.id for card in await store.cards.open()] == [second]
    assert (await store.cards.find(first)).content is None
    assert found_in_files(data_dir, sealed) == []


async def test_a_shown_card_stays_open_beside_a_newer_one_until_it_is_gone(store: Store) -> None:
    """It still hangs in the chat: somebody has to take it back."""
    first = await store.hand_over(BOT, event_id="$1", reader=YOU, card="one")
    await store.cards.goes_to(first, "!dm")
    await store.cards.shown(first, intro_id="$i", block_id="$b", vanishes_at=WHEN)
    other = replace(BOT, user_id=YOU)
    unsent = await store.hand_over(other, event_id="$2", reader=YOU, card="two")
    await store.hand_over(BOT, event_id="$3", reader=YOU, card="three")
    assert first in [card.id for card in await store.cards.open()]
    assert unsent in [card.id for card in await store.cards.open()]

    await store.cards.gone(first)
    assert first not in [card.id for card in await store.cards.open()]


async def test_a_card_that_is_void_before_it_is_out_is_due_as_soon_as_it_is(store: Store) -> None:
    """Its first message may be out: it is gone on with, and taken back at once."""
    first = await store.hand_over(BOT, event_id="$1", reader=YOU, card="one")
    await store.cards.goes_to(first, "!dm")
    await store.hand_over(BOT, event_id="$2", reader=YOU, card="two")
    assert (await store.cards.find(first)).content == "one"

    later = now() + timedelta(hours=1)
    await store.cards.shown(first, intro_id="$i", block_id="$b", vanishes_at=later)
    card = await store.cards.find(first)
    assert card.content is None
    assert card.vanishes_at
    assert card.vanishes_at <= now()


async def test_a_new_device_is_awaited_until_it_came(store: Store) -> None:
    """In place nothing new is awaited; what still is, is looked for eagerly again."""
    await store.hand_over(BOT, event_id="$1", reader=YOU, card="new")
    [first] = await store.awaited.all()
    assert (first.user_id, first.device_id, first.tell) == (NANO, "NANO1", YOU)
    await store.hand_over(BOT, event_id="$2", reader=YOU, card="rotated")
    [again] = await store.awaited.all()
    assert again.since > first.since
    await store.awaited.arrived(again)
    await store.hand_over(BOT, event_id="$3", reader=YOU, card="rotated")
    assert await store.awaited.all() == []

    fresh = replace(BOT, device_id="NANO2")
    await store.hand_over(fresh, event_id="$4", reader=YOU, card="new device")
    await store.awaited.arrived(again)  # late news of the old one
    assert [it.device_id for it in await store.awaited.all()] == ["NANO2"]
    await store.signed_out(NANO, event_id="$5")
    assert await store.awaited.all() == []


async def test_what_signs_a_bot_goes_with_it(store: Store) -> None:
    secrets = {identity_of(NANO): "seed", recovery_of(NANO): "key", identity_of(YOU): "other"}
    await store.sealed.set_all(secrets)
    await store.hand_over(BOT, event_id="$1", reader=YOU, card="new")
    assert await store.sealed.get(recovery_of(NANO)) is None, "it is on the card"
    assert await store.sealed.get(identity_of(NANO)) == "seed"
    await store.bot_deleted(NANO, event_id="$2")
    assert await store.sealed.get(identity_of(NANO)) is None
    assert await store.sealed.get(identity_of(YOU)) == "other"

    await store.signs_itself(YOU)
    assert await store.sealed.get(identity_of(YOU)) is None


async def test_a_pin_knows_of_emoji_and_forgets_them_with_the_identity(store: Store) -> None:
    await store.pins.pin(YOU, "one")
    await store.pins.verified(YOU, "another")
    assert await store.pins.find(str(YOU)) == Pin("one", verified=False, alarmed=None)
    await store.pins.verified(YOU, "one")
    await store.pins.alarmed(YOU, "two")
    assert await store.pins.find(str(YOU)) == Pin("one", verified=True, alarmed="two")
    await store.pins.pin(YOU, "two")
    assert await store.pins.find(str(YOU)) == Pin("two", verified=False, alarmed=None)


async def test_a_file_of_the_first_version_is_brought_up_to_date(data_dir: Path) -> None:
    db = sqlite3.connect(data_dir / "adminbot.db")
    db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    made = WHEN.isoformat()
    row = (str(NANO), "Nano", "NANO1", 0, str(YOU), made, made, None)
    db.execute("INSERT INTO bot VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO pin VALUES (?, ?, ?)", (str(YOU), "one", made))
    db.commit()
    db.close()
    async with opened(data_dir) as store:
        assert await store.bots.all() == [BOT]
        assert await store.pins.find(str(YOU)) == Pin("one", verified=False, alarmed=None)


async def sealed_card(data_dir: Path) -> bytes:
    db = sqlite3.connect(data_dir / "adminbot.db")
    try:
        [(blob,)] = db.execute("SELECT content FROM card WHERE content IS NOT NULL")
    finally:
        db.close()
    assert isinstance(blob, bytes)
    return blob


# -- the inbox


async def test_a_message_is_taken_in_once_in_order_and_with_the_sync_token(store: Store) -> None:
    letters = [InboxMessage("$b", "1", None, "k s 0"), InboxMessage("$a", "2", None, "k s 1")]
    assert await store.inbox.receive(letters, since="s1") == ["$b", "$a"]
    assert await store.inbox.receive([*letters, InboxMessage("$c", "3", None)], since="s2") == [
        "$c"
    ]

    assert [letter.content for letter in await store.inbox.unanswered()] == ["1", "2", "3"]
    assert await store.facts.get("since") == "s2"


async def test_an_answered_message_does_not_come_again(store: Store) -> None:
    letter = InboxMessage("$a", "!newbot x", None, "k s 0")
    await store.inbox.receive([letter], since="s1")
    await store.inbox.answered("$a")

    assert await store.inbox.receive([letter], since="s2") == []
    assert await store.inbox.unanswered() == []


async def test_the_same_ciphertext_under_another_event_id_is_not_taken_in(store: Store) -> None:
    assert await store.inbox.receive([InboxMessage("$a", "!newbot x", None, "k s 0")], since="s1")
    await store.inbox.answered("$a")

    assert (
        await store.inbox.receive([InboxMessage("$b", "!newbot x", None, "k s 0")], since="s2")
        == []
    )
    assert await store.inbox.receive(
        [InboxMessage("$c", "!newbot x", None, "k s 1")], since="s3"
    ) == ["$c"]
    assert await store.inbox.receive([InboxMessage("$d", "x", None, "k t 0")], since="s4") == [
        "$d"
    ]


async def test_many_messages_without_a_ciphertext_are_all_taken_in(store: Store) -> None:
    letters = [InboxMessage(f"${n}", "reaction", None, None) for n in range(5)]

    assert len(await store.inbox.receive(letters, since="s")) == 5


async def test_a_message_rests_sealed_and_is_forgotten_once_it_is_answered(
    store: Store, data_dir: Path
) -> None:
    await store.inbox.receive([InboxMessage("$a", "hunter2 typed", None)], since="s")
    await store.inbox.decided("$a", "hunter2 answered", "done")
    [letter] = await store.inbox.unanswered()
    assert (letter.content, letter.reply) == ("hunter2 typed", "hunter2 answered")
    await store.inbox.answered("$a")

    assert await store.inbox.unanswered() == []
    assert found_in_files(data_dir, b"hunter2") == []


# -- acts and questions


async def test_an_act_is_noted_once_and_ends_once(store: Store) -> None:
    first = await store.acts.begin(
        "$a", who=YOU, command="newbot", target=str(NANO), device_id="D1"
    )
    again = await store.acts.begin(
        "$a", who=YOU, command="newbot", target=str(NANO), device_id="D2"
    )
    assert again == first
    assert again.device_id == "D1"
    assert again.outcome is None

    await store.inbox.decided("$a", "reply", "done")
    await store.inbox.decided("$a", "reply", "NameTaken")
    act = await store.acts.find("$a")
    assert act
    assert act.outcome == "done"
    assert await store.acts.find("$b") is None


async def test_what_changes_a_bot_ends_its_act_at_once(store: Store) -> None:
    """A crash right after it must not lead to doing it again."""
    for name in ("$made", "$out", "$gone"):
        await store.acts.begin(name, who=YOU, command="x", target=str(NANO), device_id="D")
    await store.hand_over(BOT, event_id="$made", reader=YOU, card="c")
    await store.signed_out(NANO, event_id="$out")
    await store.bot_deleted(NANO, event_id="$gone")

    for name in ("$made", "$out", "$gone"):
        act = await store.acts.find(name)
        assert act
        assert act.outcome == "done"


async def test_the_same_word_asked_for_again_in_a_room_is_the_newer_question(store: Store) -> None:
    await store.questions.ask(question("nano"))
    await store.questions.ask(replace(question("nano"), line="deletebot nano", event_id="$2"))
    await store.questions.ask(question("other"))
    await store.questions.ask(question("nano", "!other"))

    found = {(q.room_id, q.answer): q.line for q in await store.questions.of(YOU)}
    assert len(found) == 3
    assert found["!r", "nano"] == "deletebot nano"
    assert await store.questions.of(NANO) == []


async def test_an_agreed_question_becomes_the_message_that_answered_it(store: Store) -> None:
    other = replace(question("other"), event_id="$2")
    await store.questions.ask(question())
    await store.questions.ask(other)
    await store.inbox.receive([InboxMessage("$yes", "yes", None)], since="s")
    await store.inbox.settle(
        [question()], event_id="$yes", content="confirmed: revoke nano", reply=None
    )

    assert await store.questions.of(YOU) == [other]
    assert [letter.content for letter in await store.inbox.unanswered()] == [
        "confirmed: revoke nano"
    ]


async def test_a_declined_question_and_what_is_said_of_that_are_noted_at_once(
    store: Store,
) -> None:
    await store.questions.ask(question())
    await store.inbox.receive([InboxMessage("$no", "no", None)], since="s")
    await store.inbox.settle([question()], event_id="$no", content="no", reply="left as it is")

    assert await store.questions.of(YOU) == []
    [letter] = await store.inbox.unanswered()
    assert (letter.content, letter.reply) == ("no", "left as it is")


async def test_a_question_that_was_answered_before_it_was_seen_to_be_out_stays_closed(
    store: Store,
) -> None:
    """It is remembered with the answer that asks it; only one that is open learns its event id."""
    noted = replace(question(), event_id="about $cmd")
    await store.inbox.receive(
        [InboxMessage("$cmd", "x", None), InboxMessage("$yes", "yes", None)], since="s"
    )
    await store.inbox.decided("$cmd", "sure?", "done", noted)
    await store.questions.asked("about $cmd", "$q", question().expires_at.isoformat())
    assert await store.questions.of(YOU) == [replace(noted, event_id="$q")]

    await store.inbox.decided("$cmd", "sure?", "done", noted)
    await store.inbox.settle([noted], event_id="$yes", content="yes", reply=None)
    await store.questions.asked("about $cmd", "$q", question().expires_at.isoformat())
    assert await store.questions.of(YOU) == []


async def test_a_brake_counts_by_its_place_in_the_inbox(store: Store) -> None:
    """Whatever the clock says: only one that came after the message."""
    for event_id in ("$rotate", "$revoke", "$later"):
        await store.inbox.receive([InboxMessage(event_id, "x", None)], since="s")
    await store.acts.begin("$revoke", who=YOU, command="revoke", target=str(NANO), device_id=None)
    assert await store.acts.brake_after("$rotate", str(NANO)) == "revoke"
    assert await store.acts.brake_after("$later", str(NANO)) is None
    assert await store.acts.brake_after("$rotate", "@other:example.org") is None


async def test_a_failed_transaction_leaves_nothing_behind(store: Store) -> None:
    """Half a surrogate pair is no text to SQLite: the whole of it is undone, and it goes on."""
    with pytest.raises(UnicodeEncodeError):
        await store.inbox.receive(
            [InboxMessage("$a", "1", None), InboxMessage("\ud800", "2", None)], since="s2"
        )
    assert await store.inbox.unanswered() == []
    assert await store.facts.get("since") is None

    assert await store.inbox.receive([InboxMessage("$a", "1", None)], since="s3") == ["$a"]


async def test_times_are_aware() -> None:
    assert now().tzinfo is UTC
