"""People's accounts: made, given a fresh password, shut out and let in again.

Server admins, our own account and our admins are protected; bots have commands of their own.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import MAKE, AccountBackend, Attempt, Can, Target
from adminbot.accounts.backends.checks import check_can
from adminbot.accounts.registry import Registry
from adminbot.errors import NameTaken, Protected, Refused, UsageError
from adminbot.homeserver.values import AccountState, Device, PersonSeen
from adminbot.store import CardKind, Store
from adminbot.values.ids import MOST_OF_A_USER_ID, BotName, UserId, names_like
from adminbot.values.secret import Secret, new_typed_password
from adminbot.values.text import safe_to_quote

# The content of a card with this password.
Phrase = Callable[[Secret], str]


class People:
    """Changes accounts of people on this server."""

    def __init__(
        self, registry: Registry, backend: AccountBackend, acts: Acts, store: Store
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._store = store

    # -- who is meant

    def user_id(self, typed: str) -> UserId:
        """The user id of a typed name, `@name` or full user id. Raises UsageError."""
        bare = typed.strip().removeprefix("@")
        localpart, colon, server = bare.partition(":")
        if colon and server != self._registry.server:
            raise UsageError(
                f"I care for accounts on {self._registry.server} only. Nothing was changed.",
                "`!users` lists them.",
            )
        try:  # old accounts may have capitals; a phone's keyboard makes one at the beginning
            is_whole = bool(colon) and typed.strip().startswith("@")
            name = localpart if is_whole else localpart.lower()
            user_id = UserId.parse(f"@{name}:{self._registry.server}")
        except ValueError:
            raise self._nobody(typed) from None
        if len(str(user_id).encode()) > MOST_OF_A_USER_ID:
            raise self._nobody(typed)  # no server has it, and some proxy would choke on it
        return user_id

    async def find(self, typed: str) -> AccountState:
        """The account of a person on this server, whatever its state. Raises UsageError."""
        user_id = self.user_id(typed)
        account = await self._backend.find(user_id)
        if account is None and user_id.localpart != user_id.localpart.lower():
            user_id = UserId(user_id.localpart.lower(), user_id.server)
            account = await self._backend.find(user_id)
        if account is None:
            raise self._nobody(typed)
        return account

    async def changeable(self, typed: str) -> AccountState:
        """The account of a person whom commands may change.

        Raises:
            UsageError: nobody of that name.
            Refused: a bot of ours or of a bridge, one of our admins, or a closed account.
            Protected: a server admin.
        """
        account = await self.find(typed)
        user_id = account.user_id
        self._registry.check_unprotected(user_id)
        if await self._store.bots.find(user_id):
            name = user_id.localpart
            raise Refused(
                f"`{user_id}` is one of my bots. Nothing was changed.",
                f"For bots: `!password {name}`, `!pause {name}`, `!resume {name}`",
            )
        if account.is_admin:
            raise Protected(user_id)
        if account.appservice_id:
            raise Refused(f"`{user_id}` belongs to a bridge, so I leave that account alone.")
        if account.is_deactivated:
            raise Refused(f"`{user_id}` is closed for good. Nothing was changed.")
        return account

    def _nobody(self, typed: str) -> UsageError:
        return UsageError(
            f"Nobody on this server is called “{safe_to_quote(typed, 40)}”. Nothing was changed.",
            "`!users` lists the people here.",
        )

    # -- looking

    async def page(self, word: str, *, start: int, count: int) -> tuple[list[PersonSeen], int]:
        """Some people by name, and how many there are; `word`: part of a name, or empty."""
        return await self._backend.people(word, start=start, count=count)

    async def bots_among(self, shown: Iterable[PersonSeen]) -> set[UserId]:
        """Whose account is ours or a bot of ours, though the server knows nothing of that."""
        bots = await self._store.bots.among([str(person.user_id) for person in shown])
        return {bot.user_id for bot in bots} | {self._registry.own.user_id}

    async def devices(self, user_id: UserId) -> list[Device]:
        """The person's sessions. Raises AccountGone."""
        return await self._backend.devices(user_id)

    async def rooms(self, user_id: UserId) -> int:
        """In how many rooms the person is."""
        return len(await self._backend.rooms(user_id))

    # -- changing; of an account that exists, only what is `changeable`

    async def new(self, name: BotName, display_name: str, order: Order, phrase: Phrase) -> int:
        """Make a person's account with a password and no session; returns the card's id.

        A crash after the account was made leaves the act's note, MAKE among its steps: the second
        run finds an account without sessions, and gives it another password.

        Raises: NameTaken, UsageError, Refused, HomeserverError.
        """
        user_id = UserId(name.localpart, self._registry.server)
        async with self._acts.begin("newuser", user_id, order) as act:
            check_can(self._backend, Can.PASSWORD)
            attempt = Attempt(MAKE in act.earlier_steps)
            password = new_typed_password()
            with _hints_for_people(user_id):
                if not attempt.may_be_ours:
                    await self._backend.check_name_free(user_id)
                await act.note()
                target = Target(user_id, "", display_name)
                await self._backend.make_person(target, password, act, attempt)
            return await self._card(user_id, order, phrase(password))

    async def reset_password(
        self, user_id: UserId, order: Order, phrase: Phrase, *, sign_out: bool
    ) -> int:
        """Give a person a fresh password; returns the card's id.

        If the process dies before the card is stored, the older password is valid, or one that
        nobody has. The second run makes another.

        Raises: Refused, HomeserverError.
        """
        async with self._acts.begin("resetpw", user_id, order) as act:
            check_can(self._backend, Can.PASSWORD)
            await act.note()
            password = new_typed_password()
            await self._backend.set_password(user_id, password, act, keep_sessions=not sign_out)
            return await self._card(user_id, order, phrase(password))

    async def lock(self, user_id: UserId, order: Order) -> None:
        """Let no session of a person do anything. Raises HomeserverError."""
        async with self._acts.begin("lock", user_id, order) as act:
            await act.note()
            await self._backend.lock(user_id, act)

    async def unlock(self, user_id: UserId, order: Order) -> None:
        """Undo `lock`. Raises HomeserverError."""
        async with self._acts.begin("unlock", user_id, order) as act:
            await act.note()
            await self._backend.unlock(user_id, act)

    async def _card(self, user_id: UserId, order: Order, card: str) -> int:
        return await self._store.give_card(
            CardKind.PERSON, user_id, event_id=order.event_id, reader=order.who, card=card
        )


@contextmanager
def _hints_for_people(user_id: UserId) -> Iterator[None]:
    """The backend's refusals of a name tell what to type for a bot; here it is a person's."""
    other = f"Pick another name: `!newuser {next(names_like(user_id.localpart))}`"
    try:
        yield
    except NameTaken as exc:
        exc.hint = f"{other}. For a new password: `!resetpw {user_id}`"
        raise
    except UsageError as exc:
        exc.hint = other
        raise
