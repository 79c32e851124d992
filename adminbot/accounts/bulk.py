"""One command for many accounts: a part for each, some at once; what fails keeps no other back.

Each part is an act by itself, noted and braked like any other. After a crash the second run leaves
alone what is done, and goes on with the rest.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field

from adminbot.accounts.act import Order
from adminbot.errors import AdminbotError, Refused, StateError
from adminbot.store import Store
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

# Told after each part, and of each long wait: how far it is, and the sentence about the wait.
Tell = Callable[["Tally", str], None]
# Makes the contents of cards of the contents of single cards.
Join = Callable[[Iterable[str]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be done to one account."""

    user_id: UserId
    do: Callable[[Order], Awaitable[object]]


@dataclass(slots=True)
class Tally:
    """What became of the parts so far.

    `failed`: by account, why. `left`: the parts that were not begun, and `why_left`.
    """

    total: int
    done: list[UserId] = field(default_factory=list)
    failed: dict[UserId, AdminbotError] = field(default_factory=dict)
    left: list[UserId] = field(default_factory=list)
    why_left: str = ""

    @property
    def outcomes(self) -> dict[str, str]:
        """How the parts ended that did not end well, for the audit."""
        return {str(user_id): type(exc).__name__ for user_id, exc in self.failed.items()}


class Bulk:
    """Does the same to many accounts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(
        self,
        command: str,
        parts: Sequence[Part],
        order: Order,
        tell: Tell,
        *,
        at_once: int,
        is_brake: bool = False,
    ) -> Tally:
        """Do all parts, `at_once` at a time, in order.

        `!cancel` lets no further part begin, and neither does a lockdown, unless the parts are
        brakes; what is under way is finished. A part that failed before a crash is tried again.

        Raises StateError: nothing is lost, and the same order goes on where this stopped.
        """
        await self._store.acts.begin(
            order.event_id,
            who=order.who,
            command=command,
            target=f"{len(parts)} accounts",
            device_id=None,
            part_of=order.event_id,
            typed_on=order.typed_on,
        )
        earlier = await self._store.acts.parts(order.event_id)
        tally = Tally(len(parts))
        waiting = iter(parts)

        async def work() -> None:
            for part in waiting:
                note = earlier.get(str(part.user_id))
                if note and note.outcome == "done":
                    tally.done.append(part.user_id)
                elif tally.why_left or await self._must_stop(order, tally, is_brake):
                    tally.left.append(part.user_id)
                else:
                    await self._do(part, order, tally, tell)

        await _all_of(work, at_once)
        return tally

    async def finish(self, order: Order, tally: Tally, join: Join) -> list[int]:
        """Make the cards of all that has a login by this order, and end what failed.

        Returns the ids of the cards. Raises StateError.
        """
        sections = await self._store.sections.of(order.event_id)
        return await self._store.cards_of_sections(
            order.event_id, order.who, list(join(sections)), tally.outcomes
        )

    async def _must_stop(self, order: Order, tally: Tally, is_brake: bool) -> bool:
        """Whether no further part may begin; notes why."""
        if await self._store.acts.is_stopped(order.event_id):
            tally.why_left = "you stopped me."
        elif not is_brake:
            try:
                await order.check()
            except Refused as exc:
                tally.why_left = exc.message()
        return bool(tally.why_left)

    async def _do(self, part: Part, order: Order, tally: Tally, tell: Tell) -> None:
        async def say(text: str) -> None:
            tell(tally, text)

        try:
            await part.do(order.part(part.user_id, say))
        except StateError:
            raise
        except AdminbotError as exc:
            tally.failed[part.user_id] = exc
        except Exception:  # a bug: it shall not keep the others' logins from their card
            ref = secrets.token_hex(4)
            log.exception("part failed user=%s ref=%s", part.user_id, ref)
            tally.failed[part.user_id] = Refused(
                f"Something broke on my side; the log has it under `{ref}`."
            )
        else:
            tally.done.append(part.user_id)
        tell(tally, "")


async def _all_of(work: Callable[[], Coroutine[None, None, None]], count: int) -> None:
    """Run so many workers to their end. Raises the first error of a worker, not a group."""
    workers = [asyncio.create_task(work()) for _ in range(count)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
