"""Which managed account a person means, by what they typed."""

from dataclasses import dataclass

from adminbot.accounts.act import Acts
from adminbot.errors import NotManaged, Refused, UsageError
from adminbot.store import Bot, Store
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class Own:
    """adminbot's own account, and the device that it runs on."""

    user_id: UserId
    device_id: str


class Registry:
    """Finds the bots that were made here, and tells our own account from them."""

    def __init__(self, own: Own, store: Store, acts: Acts) -> None:
        self.own = own
        self._store = store
        self._acts = acts

    @property
    def server(self) -> str:
        return self.own.user_id.server

    def user_id(self, typed: str) -> UserId:
        """Whom a person means: a name, `@name`, or a full user id. Raises NotManaged."""
        bare = typed.strip().removeprefix("@")
        localpart, colon, server = bare.partition(":")
        if not localpart or (colon and server != self.server):
            raise NotManaged(typed)
        return UserId(localpart.lower(), self.server)

    async def get(self, typed: str) -> Bot:
        """The bot that a person means.

        Raises:
            NotManaged: no bot of that name was made here.
            Refused: the account is our own, or the bot is still being made.
        """
        user_id = self.user_id(typed)
        if user_id == self.own.user_id:
            raise Refused(
                f"`{user_id}` is my own account, so I leave it alone.",
                f"To renew my own token: `!rotate {user_id.localpart} --me-too`",
            )
        bot = await self._store.bots.find(user_id)
        if bot is None and self._acts.is_held_by_others(user_id):
            raise Refused(
                f"`{user_id}` is still being made, and has no login yet.", "Wait for that answer."
            )
        if bot is None:
            raise NotManaged(typed)
        return bot

    def check_own(self, typed: str) -> None:
        """Raises UsageError unless our own account is meant."""
        if self.user_id(typed) != self.own.user_id:
            raise UsageError(
                "`--me-too` goes with my own name and no other. Nothing was changed.",
                f"Leave it out: it says that you mean `{self.own.user_id}`.",
            )

    async def all(self) -> list[Bot]:
        """Every bot that was made here and not deleted."""
        return await self._store.bots.all()
