"""Takes away all that `setup` made: cards, rooms, account, state, settings; in that order.

Each step may be repeated. Cut off and run again, it finishes: the state goes only when nothing on
the server is left to be done, and the settings, by which all is found, go last. Cut off between
these two, it asks for `--files-only`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adminbot.chat.own_identity import current_session
from adminbot.config import Settings
from adminbot.errors import HomeserverError, HomeserverUnreachable, SetupError, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.setup.env_file import drop_settings
from adminbot.setup.journal import Journal
from adminbot.store import Store
from adminbot.store.database import DATABASE
from adminbot.store.owner import SoleOwner

Say = Callable[[str], None]

_CLOSING = "closing our account"  # the fact: from here on a dead token is what we wanted
_STATE = (f"{DATABASE}-wal", f"{DATABASE}-shm", "control", "lock", DATABASE)
_CRYPTO = ("crypto.db-wal", "crypto.db-shm", "crypto.db")
_PATIENCE = timedelta(seconds=8)
_FILES_ONLY = "With `--files-only` the files go, and the account stays as it is."


@dataclass(frozen=True, slots=True)
class Extent:
    """What there is: rooms that the bot is in, cards that can be read, bots that stay behind.

    `undelivered`: cards that nobody has, or perhaps half of.
    """

    rooms: int
    cards: int
    undelivered: int
    bots: tuple[str, ...]


class Undoing:
    """The account on the server, and the state about it. Raises HomeserverError, StateError."""

    def __init__(self, settings: Settings, store: Store, http: HttpClient) -> None:
        self._own = settings.user_id
        self._store = store
        self._account = ClientApi(http)
        self._synapse = SynapseAdmin(http)

    async def extent(self) -> Extent:
        """What there is. Changes nothing. Raises HomeserverError: the account cannot be closed."""
        bots = tuple(bot.user_id.localpart for bot in await self._store.bots.all())
        cards = await self._store.cards.open()
        out = sum(card.block_id is not None for card in cards)
        try:
            rooms = await self._account.joined_rooms()
            await self._synapse.has_no_rate_limit(self._own)  # refused to who is no server admin
        except TokenRejected:
            if not await self._store.facts.get(_CLOSING):
                raise
            return Extent(0, 0, len(cards) - out, bots)
        return Extent(len(rooms), out, len(cards) - out, bots)

    async def close_account(self, say: Say) -> None:
        """Take back what can be read of cards, leave all rooms, deactivate the account."""
        try:
            await self._take_back_cards(say)
            for room_id in await self._account.joined_rooms():
                await _unless_gone(self._account.leave(room_id))
            say("✅ rooms left")
            await self._store.facts.set(_CLOSING, "1")
            await self._synapse.deactivate(self._own)
        except TokenRejected:  # by an earlier try, whose answer did not reach us
            if not await self._store.facts.get(_CLOSING):
                raise
        say(f"✅ account {self._own} deactivated")

    async def _take_back_cards(self, say: Say) -> None:
        cards = [card for card in await self._store.cards.open() if card.room_id and card.block_id]
        for card in cards:
            for event_id in (card.block_id, card.intro_id):
                txn = f"undo{event_id}"
                await _unless_gone(self._account.redact(str(card.room_id), str(event_id), txn=txn))
            await self._store.cards.gone(card.id)
        if cards:
            say("✅ cards taken back")


async def _unless_gone(request: Awaitable[None]) -> None:
    """A room that we are not in any more is as good as left, and its cards as taken back."""
    try:
        await request
    except HomeserverError as exc:
        if exc.status not in (403, 404):
            raise


@asynccontextmanager
async def undoing(settings: Settings, store: Store) -> AsyncIterator[Undoing]:
    """The account as which the service would start.

    Raises SetupError: another store key; the homeserver gives no answer, or refuses the token.
    """
    session = await current_session(store, settings.session)
    async with open_http(
        settings.homeserver, session.token, patience=_PATIENCE, ca_file=settings.ca_file
    ) as http:
        try:
            yield Undoing(settings, store, http)
        except TokenRejected as exc:
            raise SetupError(str(exc), f"A new one: `adminbot login`. {_FILES_ONLY}") from exc
        except HomeserverUnreachable as exc:
            raise SetupError(str(exc), f"Try again later. {_FILES_ONLY}") from exc


def remove_files(settings: Settings, env_file: Path, say: Say) -> None:
    """The state, then the settings. What adminbot did not make stays, and is named.

    Raises SetupError: a file cannot be removed, or the service was started meanwhile.
    """
    with SoleOwner(settings.data_dir):
        for directory, names in (
            (settings.data_dir / "crypto", _CRYPTO),
            (settings.data_dir, _STATE),
        ):
            for name in names:
                _remove(directory / name)
            if directory.is_dir():
                _remove_if_empty(directory, say)
    Journal(env_file).done()
    if env_file.exists():
        kept = drop_settings(env_file)
        say(f"✅ settings taken out of {env_file}" if kept else f"✅ {env_file} removed")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise SetupError(f"{path} cannot be removed.", "Whose is it?") from exc


def _remove_if_empty(directory: Path, say: Say) -> None:
    left = sorted(path.name for path in directory.iterdir())
    if left:
        say(f"⚠️ {directory} stays, since there is more in it: {', '.join(left[:5])}")
        return
    try:
        directory.rmdir()
    except OSError:  # a mount point, a link, or the directory above is somebody else's
        say(f"⚠️ {directory} stays, empty: removing it is not up to me.")
    else:
        say(f"✅ {directory} removed")
