"""Finds the managed account that a typed name means."""

from dataclasses import dataclass
from difflib import get_close_matches

from adminbot.accounts.act import Acts
from adminbot.errors import NotManaged, OffLimits, Paused, Refused, UsageError
from adminbot.store import Bot, Store
from adminbot.values.ids import UserId

_FEW = 2  # letters too many or too few


@dataclass(frozen=True, slots=True)
class Own:
    """adminbot's own account and device; `admins`: who may command, by the settings."""

    user_id: UserId
    device_id: str
    admins: frozenset[UserId] = frozenset()


class Registry:
    """Finds the bots made here, and tells our own account from bots."""

    def __init__(self, own: Own, store: Store, acts: Acts) -> None:
        self.own = own
        self._store = store
        self._acts = acts

    @property
    def server(self) -> str:
        return self.own.user_id.server

    def user_id(self, typed: str) -> UserId:
        """The user id of a typed name, `@name` or full user id. Raises NotManaged."""
        bare = typed.strip().removeprefix("@")
        localpart, colon, server = bare.partition(":")
        if not localpart or (colon and server != self.server):
            raise NotManaged(typed)
        # A phone's keyboard capitalizes; bots have lower-case localparts (`BotName.parse`).
        return UserId(localpart.lower(), self.server)

    def check_unprotected(self, user_id: UserId) -> None:
        """Raises OffLimits for our own account and our admins' accounts: no command changes these.

        Server admins are protected, too; only the server knows who is one.
        """
        if user_id == self.own.user_id:
            raise OffLimits(f"`{user_id}` is my own account, so I leave it alone.")
        if user_id in self.own.admins:
            raise OffLimits(
                f"`{user_id}` is one of my admins, so I leave that account alone.",
                "Admins care for their own accounts, in their own app.",
            )

    async def get(self, typed: str) -> Bot:
        """The bot of a typed name.

        Raises:
            NotManaged: no bot of this name was made here.
            OffLimits: the account is our own, or an admin's.
            Refused: the bot is still being made.
        """
        user_id = self.user_id(typed)
        if user_id == self.own.user_id:
            raise OffLimits(
                f"`{user_id}` is my own account, so I leave it alone.",
                f"To renew my own token: `!rotate {user_id.localpart} --me-too`",
            )
        bot = await self._store.bots.find(user_id)
        # While a bot is being made the store has no row of the bot: only the hold tells.
        if bot is None and self._acts.is_held_by_others(user_id):
            raise Refused(
                f"`{user_id}` is still being made, and has no login yet.", "Wait for that answer."
            )
        if bot is None:
            raise NotManaged(typed, *await self._nearest(user_id.localpart))
        # An adopted account may have become an admin's by a change of the settings.
        self.check_unprotected(user_id)
        return bot

    async def get_running(self, typed: str) -> Bot:
        """As `get`, for what needs a login or acts as the bot. Raises Paused, too."""
        bot = await self.get(typed)
        if bot.is_paused:
            raise Paused(bot.user_id)
        return bot

    async def _nearest(self, name: str) -> list[str]:
        """The name of the bot that was probably meant, if one is like it."""
        # To compare costs: of thousands of names only the neighbours of about the same length.
        names = await self._store.bots.near(UserId(name, self.server))
        alike = [it for it in names if abs(len(it) - len(name)) <= _FEW]
        return get_close_matches(name, alike, n=1, cutoff=0.7)

    def check_own(self, typed: str) -> None:
        """Raises UsageError or NotManaged unless `typed` means our own account."""
        if self.user_id(typed) != self.own.user_id:
            raise UsageError(
                "`--me-too` goes with my own name and no other. Nothing was changed.",
                f"Leave it out: it says that you mean `{self.own.user_id}`.",
            )

    async def known(self, user_id: UserId) -> Bot | None:
        """The bot of a user id, if there is one."""
        return await self._store.bots.find(user_id)

    async def all(self) -> list[Bot]:
        """Every bot in our care. Reads them all: of many, `worst_first` takes a page."""
        return await self._store.bots.all()

    async def worst_first(
        self, word: str = "", *, most: int, skip: int = 0
    ) -> tuple[list[Bot], int]:
        """As `Bots.worst_first`."""
        return await self._store.bots.worst_first(word, most=most, skip=skip)
