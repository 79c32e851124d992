"""Making a bot: the account, the first session, the card."""

from dataclasses import dataclass, replace

from adminbot.accounts.act import Act, Acts, Order
from adminbot.accounts.backends.base import MAKE, AccountBackend, Attempt, Can, Login, Target
from adminbot.accounts.backends.checks import check_can
from adminbot.accounts.handover import (
    HandOver,
    PasswordOnly,
    Program,
    Purpose,
    leave_password_only,
)
from adminbot.accounts.registry import Registry
from adminbot.accounts.signing import Signer
from adminbot.errors import AdminbotError, HomeserverError, NameTaken, Refused, UsageError
from adminbot.store import Bot, Store
from adminbot.values.clock import now
from adminbot.values.ids import BotName, UserId, names_like, new_device_id
from adminbot.values.secret import Secret


@dataclass(frozen=True, slots=True)
class Wanted:
    """The person's wishes for a new bot.

    `device_id`: None for a generated id. `password`: the card carries the account's password, too.
    `own_identity`: the bot's program makes the cross-signing identity itself. `recovery`: the card
    carries a recovery key, for programs on the Rust SDK. `program`: what gets the login. `note`:
    what the bot is for.
    """

    display_name: str
    device_id: str | None
    password: bool
    own_identity: bool
    recovery: bool
    program: Program
    note: str = ""


class Creation:
    """Makes bots, and touches no account from before."""

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
        """Make the account with one device and a token; returns the bot and the card's id.

        The order: look whether the name is free; note the act with the device id; make the
        account; note bot, sealed card and success in one transaction. A crash after the account
        was made leaves the notes, MAKE among them. The second run then finds a new account with no
        device but the noted device, and takes the account over. A recovery key is sealed in the
        store before the secret storage is published, and stays there until the card has the key.

        Raises:
            NameTaken, UsageError: the name cannot be used; nothing was changed.
            Refused: the same account is being made already, this kind of account has no passwords,
                or a lockdown came into a long wait.
            Superseded: a brake came later than the order.
            HomeserverError: the server failed or said no; the hint says if the account was made.
        """
        user_id = UserId(name.localpart, self._registry.server)
        async with self._acts.begin("newbot", user_id, order) as act:
            self._acts.check_nobody_waits(user_id)
            target = Target(user_id, await self._device(user_id, wanted, act), wanted.display_name)
            bot = _bot(target, wanted, order)
            # With MAKE noted the earlier run may have made the account: nobody saw the answer.
            attempt = Attempt(MAKE in act.earlier_steps)
            try:
                login: Login | PasswordOnly = await self._backend.make(target, act, attempt)
                if wanted.program.logs_in:
                    login = await leave_password_only(self._backend, user_id, act)
                extra = await self._recovery(user_id, act) if wanted.recovery else {}
            except (HomeserverError, Refused) as exc:
                await self._keep_half_made(bot, target, attempt, exc)
                raise
            card_id = await self._handover.hand_over(
                bot, login, order, Purpose.NEW, wanted.program, extra
            )
            return bot, card_id

    async def _device(self, user_id: UserId, wanted: Wanted, act: Act) -> str:
        """The device id noted with the act; without a note the wishes are checked first.

        Raises NameTaken, UsageError, Refused.
        """
        if act.noted_device:  # the second run: the name is taken by now, perhaps by the first run
            return act.noted_device
        if wanted.program.logs_in:
            check_can(self._backend, Can.PASSWORD, "That program needs one.")
        if wanted.password:
            check_can(self._backend, Can.PASSWORD, "Leave `--password` out.")
        await self._check_name_free(user_id, act.who)
        # matrix-nio skips any user's device that has the id of adminbot's device. And a password
        # reset by an admin spares, on Synapse, a device with the id of the admin's device.
        if wanted.device_id == self._registry.own.device_id:
            raise UsageError("That device id is my own.", "Leave `--device` out, or pick another.")
        return await act.note(wanted.device_id or new_device_id(user_id.localpart))

    async def _check_name_free(self, user_id: UserId, reader: UserId) -> None:
        """Raises NameTaken, UsageError: with whose it is, and what to do."""
        try:
            await self._backend.check_name_free(user_id)
        except NameTaken as exc:
            raise await self._taken(user_id, reader) from exc

    async def _taken(self, user_id: UserId, reader: UserId) -> NameTaken:
        name, other = user_id.localpart, await self._free_name(user_id)
        if bot := await self._store.bots.find(user_id):
            whom = "you" if bot.made_by == reader else f"`{bot.made_by}`"
            how, when = ("adopted", bot.adopted_at) if bot.adopted_at else ("made", bot.made_at)
            whose = f"already exists: it is one of my bots, {how} {when:%Y-%m-%d} by {whom}"
            taken = NameTaken(user_id, whose=whose)
            taken.hint = f"For a new token: `!rotate {name}`. For another bot: `!newbot {other}`"
            return taken
        whose = "already exists, and is not one of my bots, so I leave it alone"
        if user_id == self._registry.own.user_id:
            whose = "already exists: it is my own account"
        elif await self._store.bots.was_deleted(user_id):
            whose = "already exists: it was one of my bots, is deleted, and its name stays taken"
        elif user_id not in self._registry.own.admins:
            taken = NameTaken(user_id, other, whose=whose)
            taken.hint += f". To take that one into care: `!adopt {name}`"
            return taken
        return NameTaken(user_id, other, whose=whose)

    async def _free_name(self, user_id: UserId) -> str:
        """A name like the taken one that nobody has yet, as far as the server says."""
        names = list(names_like(user_id.localpart))
        for name in names:
            try:
                await self._backend.check_name_free(UserId(name, user_id.server))
            except NameTaken:
                continue
            except (HomeserverError, UsageError):
                break  # a guess will do
            return name
        return names[0]

    async def _recovery(self, user_id: UserId, act: Act) -> dict[str, Secret]:
        await act.step("publish its identity")
        return {"recovery_key": await self._signer.ensure_with_recovery(user_id)}

    async def _keep_half_made(
        self, bot: Bot, target: Target, attempt: Attempt, exc: AdminbotError
    ) -> None:
        """Remember an account that was made and could not log in, so that `!rotate` can help.

        Puts the hint on `exc`. Without such an account nothing happens.
        """
        try:
            made = await self._backend.is_ours(target, attempt)
        except HomeserverError:  # unknown counts as not ours: it may be another person's account
            made = False
        if made:
            await self._store.bots.add(replace(bot, token_at=None))
            exc.hint = (
                f"The account is made, but has no login yet: `!rotate {bot.user_id.localpart}`"
            )


def _bot(target: Target, wanted: Wanted, order: Order) -> Bot:
    bot = Bot(
        user_id=target.user_id,
        display_name=wanted.display_name,
        device_id=target.device_id,
        has_password=wanted.password,
        made_by=order.who,
        made_at=now(),
        token_at=now(),
        own_identity=wanted.own_identity,
        note=wanted.note,
    )
    return wanted.program.of(bot)
