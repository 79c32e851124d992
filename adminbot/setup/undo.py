"""Takes away all that `setup` made: cards, rooms, account, state, settings; in that order.

Each step may be repeated. Cut off anywhere and run again, it finishes: the state goes only when
nothing on the server is left to be done, and the settings, by which all is found, go last.
"""

from collections.abc import AsyncIterator, Callable
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

Say = Callable[[str], None]

_CLOSING = "closing our account"  # the fact: from here on a dead token is what we wanted
_STATE = ("adminbot.db-wal", "adminbot.db-shm", "control", "lock", "adminbot.db")
_CRYPTO = ("crypto.db-wal", "crypto.db-shm", "crypto.db")
_PATIENCE = timedelta(seconds=8)
_FILES_ONLY = "With `--files-only` the files go, and the account stays as it is."


@dataclass(frozen=True, slots=True)
class Extent:
    """How many rooms the bot is in, how many cards can still be read, which bots stay behind."""

    rooms: int
    cards: int
    bots: tuple[str, ...]


class Undoing:
    """The account on the server, and the state about it. Raises HomeserverError, StateError."""

    def __init__(self, settings: Settings, store: Store, http: HttpClient) -> None:
        self._own = settings.user_id
        self._store = store
        self._account = ClientApi(http)
        self._synapse = SynapseAdmin(http)

    async def extent(self) -> Extent:
        """What there is. Changes nothing. Raises SetupError: the account cannot be closed now."""
        bots = tuple(bot.user_id.localpart for bot in await self._store.bots.all())
        cards = [card for card in await self._store.cards.open() if card.block_id]
        try:
            rooms = await self._account.joined_rooms()
        except TokenRejected as exc:
            if await self._store.facts.get(_CLOSING):
                return Extent(0, 0, bots)
            hint = f"A new one: `adminbot login`. {_FILES_ONLY}"
            raise SetupError("The homeserver does not accept the access token.", hint) from exc
        except HomeserverUnreachable as exc:
            raise SetupError(str(exc), f"Try again later. {_FILES_ONLY}") from exc
        return Extent(len(rooms), len(cards), bots)

    async def close_account(self, say: Say) -> None:
        """Take back what can be read of cards, leave all rooms, deactivate the account."""
        await self._store.facts.set(_CLOSING, "1")
        try:
            await self._take_back_cards(say)
            for room_id in await self._account.joined_rooms():
                await self._account.leave(room_id)
            say("✅ rooms left")
            await self._synapse.deactivate(self._own)
        except TokenRejected:  # by an earlier run, which was cut off behind this
            pass
        say(f"✅ account {self._own} deactivated")

    async def _take_back_cards(self, say: Say) -> None:
        cards = [card for card in await self._store.cards.open() if card.room_id and card.block_id]
        for card in cards:
            for event_id in (card.block_id, card.intro_id):
                await self._redact(str(card.room_id), str(event_id))
            await self._store.cards.gone(card.id)
        if cards:
            say("✅ cards taken back")

    async def _redact(self, room_id: str, event_id: str) -> None:
        try:
            await self._account.redact(room_id, event_id, txn=f"undo{event_id}")
        except HomeserverError as exc:
            if exc.status not in (403, 404):  # these: the room is gone, and the card with it
                raise


@asynccontextmanager
async def undoing(settings: Settings, store: Store) -> AsyncIterator[Undoing]:
    """The account as which the service would start. Raises SetupError: another store key."""
    session = await current_session(store, settings.session)
    async with open_http(
        settings.homeserver, session.token, patience=_PATIENCE, ca_file=settings.ca_file
    ) as http:
        yield Undoing(settings, store, http)


def remove_files(settings: Settings, env_file: Path, say: Say) -> None:
    """The state, then the settings. What adminbot did not make stays, and is named."""
    for directory, names in ((settings.data_dir / "crypto", _CRYPTO), (settings.data_dir, _STATE)):
        for name in names:
            (directory / name).unlink(missing_ok=True)
        left = _remove_if_empty(directory)
        if left:
            say(f"⚠️ {directory} stays, since there is more in it: {', '.join(left[:5])}")
        elif directory == settings.data_dir:
            say(f"✅ {directory} removed")
    Journal(env_file).done()
    if env_file.exists():
        kept = drop_settings(env_file)
        say(f"✅ settings taken out of {env_file}" if kept else f"✅ {env_file} removed")


def _remove_if_empty(directory: Path) -> list[str]:
    """Returns the names of what is still in it, which keeps the directory."""
    if not directory.is_dir():
        return []
    left = sorted(path.name for path in directory.iterdir())
    if not left:
        directory.rmdir()
    return left
