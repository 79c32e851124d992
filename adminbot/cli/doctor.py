"""`adminbot doctor`: what is wrong, and what mends it. A running service is asked."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from adminbot import control
from adminbot.config import Settings
from adminbot.doctor import examine
from adminbot.doctor.finding import Finding, Level
from adminbot.doctor.local import look_at_settings
from adminbot.doctor.subject import (
    NOT_RUNNING,
    OTHER_VERSION,
    SILENT,
    STARTING,
    from_outside,
)
from adminbot.errors import SetupError

_ANSWER_S = 30  # the service leaves a check that hangs after 20


async def main(args: argparse.Namespace) -> None:
    """A line for each check. Raises SetupError if one of them says ❌."""
    found: list[Finding] = []
    async for finding in _all(args):
        found.append(finding)
        if not args.json:
            print("\n".join(finding.lines()).replace("`", ""), flush=True)
    failed = [finding for finding in found if finding.level is Level.ERROR]
    if args.json:
        print(json.dumps({"ok": not failed, "findings": [it.to_json() for it in found]}, indent=2))
    if failed:
        count = "One check says" if len(failed) == 1 else f"{len(failed)} checks say"
        raise SetupError(f"{count} ❌: {', '.join(finding.check for finding in failed)}.")


async def _all(args: argparse.Namespace) -> AsyncIterator[Finding]:
    finding, settings = look_at_settings(args.env_file)
    yield finding
    if settings is None:
        remedy = "Mend the settings first."
        yield Finding("all other checks", Level.WARNING, "not looked at", remedy)
        return
    async for finding in _of(settings):
        yield finding


async def _of(settings: Settings) -> AsyncIterator[Finding]:
    """From the service, if it serves; else by looking ourselves."""
    has_told = False
    try:
        async for finding in _from_service(settings.data_dir):
            has_told = True
            yield finding
    except SetupError as exc:
        if has_told:
            raise
        service = exc
    else:
        return
    async with from_outside(settings, service) as subject:
        async for finding in examine(subject):
            yield finding


async def _from_service(data_dir: Path) -> AsyncIterator[Finding]:
    """Raises SetupError: why the service does not tell, or no more."""
    try:
        async with control.dial(data_dir) as line:
            await line.send({"doctor": True})
            while "finding" in (answer := await _next(line)):
                yield Finding.from_json(answer["finding"])
    except SetupError as exc:
        if exc.__cause__ is None or isinstance(exc.__cause__, PermissionError):
            raise  # it went away in between, or is another user's
        raise NOT_RUNNING from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise OTHER_VERSION from exc
    if answer.get("starting") is True:
        raise STARTING
    if "done" not in answer:
        raise OTHER_VERSION


async def _next(line: control.Line) -> control.JSON:
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await line.hear()
    except TimeoutError:
        raise SILENT from None
