"""The service's end of the control socket, by word of the shell."""

from collections.abc import Awaitable, Callable

from adminbot.app.wiring import Service
from adminbot.control import Line, Word
from adminbot.values.clock import now
from adminbot.verification import shell

_STARTING = (
    "The service is still starting: it waits for the homeserver, or syncs for the first time. "
    "Its log says which."
)


class Shell:
    """Answers the words. `service`: None until the first sync is through."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.words: dict[str, Word] = {
            "verify": self._once_up(_verify),
            "health": self._once_up(_health),
            "doctor": self._once_up(_doctor),
        }

    def _once_up(self, word: Callable[[Service, object, Line], Awaitable[None]]) -> Word:
        async def answer(value: object, line: Line) -> None:
            if self.service is None:
                await line.send({"failed": _STARTING, "starting": True})
            else:
                await word(self.service, value, line)

        return answer


async def _verify(service: Service, value: object, line: Line) -> None:
    await shell.attend(service.verifications, value, line)


async def _doctor(service: Service, _: object, line: Line) -> None:
    async for finding in service.examine():
        await line.write({"finding": finding.to_json()})
    await line.write({"done": True})


async def _health(service: Service, _: object, line: Line) -> None:
    """How old the last sync is, in seconds."""
    done_at = service.sync.done_at
    age_s = (now() - done_at).total_seconds() if done_at else None
    await line.send({"done": {"sync_age_s": age_s}})
