"""How a bot's account comes to be: only if it was not there, whatever the network does."""

import logging
from dataclasses import dataclass

from adminbot.accounts.order import Order
from adminbot.accounts.sessions import Sessions
from adminbot.errors import HomeserverError, HomeserverUnreachable, NameTaken
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import ActNote, Bot
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret, new_password

log = logging.getLogger(__name__)

_TRIES = 5
MAKE = "make the account"  # the step after which, cut off, nobody knows whether there is one


@dataclass(slots=True)
class Attempt:
    """One making of an account; `may_be_ours`: one that is there now may have been made by it.

    That is so once an outcome is unknown: an answer was lost, or an earlier run was cut off.
    """

    may_be_ours: bool = False


class NewAccounts:
    """Makes accounts with their first session: by shared secret in one call, else in three."""

    def __init__(
        self, synapse: SynapseAdmin, sessions: Sessions, shared_secret: Secret | None
    ) -> None:
        self._synapse = synapse
        self._sessions = sessions
        self._shared_secret = shared_secret

    async def make(
        self, bot: Bot, noted: ActNote, order: Order, attempt: Attempt
    ) -> tuple[Session, Secret]:
        """Create if absent, whatever the network does; what is ours already is taken over.

        Stopped anywhere: there is no account, or one without a device but the noted one, whose
        token and password nobody has. `is_ours` tells it from somebody else's, and it gets
        its session in place, which kills that token.

        Raises:
            NameTaken: somebody else has it. With no outcome unknown that is the server's word and
                final, however new and empty the account looks.
        """
        for _ in range(_TRIES):
            try:
                return await self._create_once(bot, order, attempt)
            except HomeserverUnreachable as exc:
                log.warning("outcome unknown, looking it up user=%s why=%s", bot.user_id, exc)
                attempt.may_be_ours = True
            except NameTaken:
                if not await self.is_ours(attempt, noted, bot.user_id):
                    raise
            except HomeserverError as exc:
                if exc.errcode != "M_RESOURCE_LIMIT_EXCEEDED":
                    raise
                # The server is full (MAU), yet it has made the account before it said so.
                attempt.may_be_ours = True
            if await self.is_ours(attempt, noted, bot.user_id):
                await order.will("give it its name")
                await self._synapse.set_up(
                    bot.user_id, display_name=bot.display_name, password=new_password()
                )
                return await self._sessions.renew_in_place(bot, order)
        raise HomeserverUnreachable("several tries")

    async def _create_once(
        self, bot: Bot, order: Order, attempt: Attempt
    ) -> tuple[Session, Secret]:
        password = new_password()
        await order.will(MAKE)
        if self._shared_secret:
            session = await self._synapse.register(
                self._shared_secret,
                bot.user_id.localpart,
                password=password,
                display_name=bot.display_name,
                device_id=str(bot.device_id),
            )
            attempt.may_be_ours = True
            return session, password
        await self._synapse.create_blank(bot.user_id)
        attempt.may_be_ours = True
        await order.will("give it its name")
        await self._synapse.set_up(bot.user_id, display_name=bot.display_name, password=password)
        return await self._sessions.log_in(bot, password, order), password

    async def is_ours(self, attempt: Attempt, noted: ActNote, user_id: UserId) -> bool:
        """Whether the account that is there now came of this attempt. Raises HomeserverError."""
        return attempt.may_be_ours and await self._was_made_by(noted, user_id)

    async def _was_made_by(self, noted: ActNote, user_id: UserId) -> bool:
        """Whether the account that is there now is what this act made.

        It was not there when the act was noted, and an outcome is unknown. A person's account that
        came since would have a device of its own (or be an admin's); ours has the noted one or
        none.
        """
        found = await self._synapse.find_account(user_id)
        if found is None or found.is_admin or found.is_deactivated:
            return False
        devices = {device.device_id for device in await self._synapse.devices(user_id)}
        return devices <= {noted.device_id}
