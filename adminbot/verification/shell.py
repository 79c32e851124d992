"""`adminbot verify` at the service's end of the control socket.

The service sends {"say": text} and {"emoji": [[symbol, name], …], "numbers": […], "of":
transaction}; the shell answers the latter with {"match": true | false | null, "of": transaction}
(null: nobody answered). The last line is {"done": text} or {"failed": text}.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from adminbot.control import Garbled, Line
from adminbot.values.ids import UserId
from adminbot.verification.console import ConsoleSession
from adminbot.verification.service import Verifications

Answer = Callable[..., None]


async def attend(verifications: Verifications, value: object, line: Line) -> None:
    """Let the shell take part in the verification of a person, whose user id `value` is.

    Raises Garbled for what is not as it should be.
    """
    try:
        user_id = UserId.parse(str(value))
    except ValueError as exc:
        raise Garbled from exc
    with verifications.session(user_id) as session:
        telling = asyncio.create_task(_tell(session, line))
        hearing = asyncio.create_task(_hear(line, partial(verifications.answer, user_id)))
        both = {telling, hearing}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            found = await asyncio.gather(*both, return_exceptions=True)
    for result in found:
        if isinstance(result, Exception):
            raise result


async def _tell(session: ConsoleSession, line: Line) -> None:
    ended = False
    while not ended:
        update = await session.updates.get()
        await line.write(update)
        ended = "done" in update or "failed" in update


async def _hear(line: Line, answer: Answer) -> None:
    while said := await line.read():
        match, transaction = said.get("match"), said.get("of")
        if not isinstance(match, bool | None) or not isinstance(transaction, str):
            raise Garbled
        answer(transaction, match=match)
