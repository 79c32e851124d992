"""`adminbot doctor`: what is wrong, and what mends it. A running service is asked."""

import argparse
import json
from collections.abc import AsyncIterator

from adminbot import control
from adminbot.config import Settings
from adminbot.doctor import examine
from adminbot.doctor.finding import Finding, Level
from adminbot.doctor.local import look_at_settings
from adminbot.doctor.subject import from_outside
from adminbot.errors import SetupError


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
    is_starting = False
    try:
        async with control.dial(settings.data_dir) as line:
            await line.send({"doctor": True})
            answer = await line.hear()
            while "finding" in answer:
                yield Finding.from_json(answer["finding"])
                answer = await line.hear()
            if "done" in answer:
                return
            is_starting = answer.get("starting") is True
            if not is_starting:  # a service of an older version: its state is not to be opened
                raise SetupError(str(answer.get("failed")), "Restart the service.")
    except SetupError as exc:
        if exc.__cause__ is None:  # it went away in between
            raise
    async with from_outside(settings, beside=is_starting) as subject:
        async for finding in examine(subject):
            yield finding
