"""`adminbot health`: does the service answer, and sync? For a container's health check."""

import argparse
import asyncio

from adminbot import control
from adminbot.config import sources
from adminbot.errors import SetupError
from adminbot.values.text import format_duration

_ANSWER_S = 5


async def main(args: argparse.Namespace) -> None:
    """Raises SetupError unless the service answers and its last sync is young enough."""
    settings = sources.load(args.env_file)
    try:
        async with asyncio.timeout(_ANSWER_S), control.dial(settings.data_dir) as line:
            await line.send({"health": True})
            answer = await line.hear()
    except TimeoutError as exc:
        raise SetupError(
            f"The service does not answer within {_ANSWER_S} seconds.", "Restart the service."
        ) from exc
    if "failed" in answer:
        raise SetupError(str(answer["failed"]))
    print(f"✅ the last sync is {_young(answer)} old")


def _young(answer: control.JSON) -> str:
    """The age of the last sync. Raises SetupError: it is too old, or there was none."""
    told = answer.get("done")
    age_s = told.get("sync_age_s") if isinstance(told, dict) else None
    if not isinstance(age_s, int | float):
        raise SetupError("The service cannot say when it last synced.")
    age = format_duration(int(age_s))
    if age_s >= control.OLD_SYNC.total_seconds():
        raise SetupError(
            f"The last sync of the service is {age} old: the homeserver does not answer, or the "
            "state cannot be written.",
            "`adminbot doctor` says which.",
        )
    return age
