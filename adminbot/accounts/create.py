"""How a bot comes to be: its account, its first session, its card."""

from dataclasses import dataclass, replace

from adminbot.accounts.act import Act, Acts, Order
from adminbot.accounts.backends.base import (
    MAKE,
    AccountBackend,
    Attempt,
    Can,
    Target,
    check_can,
)
from adminbot.accounts.handover import HandOver, Purpose
from adminbot.accounts.registry import Registry
from adminbot.accounts.signing import Signer
from adminbot.errors import AdminbotError, HomeserverError, Refused, UsageError
from adminbot.store import Bot, Store
from adminbot.values.clock import now
from adminbot.values.ids import BotName, UserId, new_device_id
from adminbot.values.secret import Secret


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new bot shall be like.

    `own_identity`: its program makes its cross-signing identity itself. `recovery`: a recovery
    key comes on the card, for programs on the Rust SDK.
    """

    display_name: str
    device_id: str | None
    password: bool
    own_identity: bool
    recovery: bool


class Creation:
    """Makes bots, and touches no account that was there before."""

    def __init__(
        self,
        registry: Registry,
        backend: AccountBackend,
        acts: Acts,
        signer: Signer,
        handover: HandOver,
        store: Store,
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._signer = signer
        self._handover = handover
        self._store = store

    async def create(self, name: BotName, wanted: Wanted, order: Order) -> tuple[Bot, int]:
        """Make the account with one device and its token; returns the bot and its card's id.

        First the name is seen to be free, then the act is noted with the device id, then the
        account is made, then bot, sealed card and success are noted at once. A crash after the
        account was made leaves the notes, MAKE among them: the second run finds an account that
        was not there before and has no device but the noted one, and takes it over. A recovery
        key is kept before what it opens is published, and until it is on the card.

        Raises:
            NameTaken, UsageError: the name cannot be used; nothing was changed.
            HomeserverError: it did not work, and the text says what is true now.
        """
        user_id = UserId(name.localpart, self._registry.server)
        async with self._acts.begin("newbot", user_id, order) as act:
            self._acts.check_nobody_waits(user_id)
            target = Target(user_id, await self._device(user_id, wanted, act), wanted.display_name)
            bot = _bot(target, wanted, order)
            attempt = Attempt(MAKE in act.earlier_steps)
            try:
                login = await self._backend.make(target, act, attempt)
                extra = await self._recovery(user_id, act) if wanted.recovery else {}
            except (HomeserverError, Refused) as exc:
                await self._keep_half_made(bot, target, attempt, exc)
                raise
            return bot, await self._handover.hand_over(bot, login, order, Purpose.NEW, extra)

    async def _device(self, user_id: UserId, wanted: Wanted, act: Act) -> str:
        """The device id that is noted with the act; at first the name has to be free."""
        if act.noted_device:
            return act.noted_device
        if wanted.password:
            check_can(self._backend, Can.PASSWORD, "Leave `--password` out.")
        await self._backend.check_name_free(user_id)
        if wanted.device_id == self._registry.own.device_id:
            raise UsageError("That device id is my own.", "Leave `--device` out, or pick another.")
        return await act.note(wanted.device_id or new_device_id(user_id.localpart))

    async def _recovery(self, user_id: UserId, act: Act) -> dict[str, Secret]:
        await act.step("publish its identity")
        return {"MATRIX_RECOVERY_KEY": await self._signer.ensure_with_recovery(user_id)}

    async def _keep_half_made(
        self, bot: Bot, target: Target, attempt: Attempt, exc: AdminbotError
    ) -> None:
        """An account that was made, and could not log in, is ours all the same: `rotate` helps."""
        try:
            made = await self._backend.is_ours(target, attempt)
        except HomeserverError:
            made = False
        if made:
            await self._store.bots.add(replace(bot, token_at=None))
            exc.hint = (
                f"The account is made, but has no login yet: `!rotate {bot.user_id.localpart}`"
            )


def _bot(target: Target, wanted: Wanted, order: Order) -> Bot:
    return Bot(
        user_id=target.user_id,
        display_name=wanted.display_name,
        device_id=target.device_id,
        has_password=wanted.password,
        made_by=order.who,
        made_at=now(),
        token_at=now(),
        own_identity=wanted.own_identity,
    )
