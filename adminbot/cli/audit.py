"""`adminbot audit`: what was done, by whom, when, how it ended; and the word that cuts it."""

import argparse
import json
import sys
from datetime import datetime, timedelta

from adminbot.cli import UsageFault
from adminbot.cli.asking import ask
from adminbot.config import sources
from adminbot.errors import SetupError
from adminbot.store import SHELL, Entry, Store, open_store
from adminbot.values.clock import now
from adminbot.values.text import duration_of, one_line


async def main(args: argparse.Namespace) -> None:
    """Print the entries, the oldest first; or cut off old ones. The service may run."""
    settings = sources.load(args.env_file)
    about = _user_id(args.name, settings.user_id.server) if args.name else ""
    async with open_store(settings.data_dir, settings.sealer, alone=False) as store:
        if args.prune:
            await _prune(store, now() - _duration("--prune", args.prune), yes=args.yes)
            return
        moment = now() - _duration("--since", args.since) if args.since else None
        async for entry in store.audit.since(moment, about):
            print(_as_json(entry) if args.json else _as_line(entry))


def _duration(flag: str, text: str) -> timedelta:
    duration = duration_of(text)
    if not duration:
        raise UsageFault(f"{flag} wants a time such as 30d or 12h.")
    return duration


def _user_id(name: str, server: str) -> str:
    return name if ":" in name else f"@{name.removeprefix('@')}:{server}"


def _as_json(entry: Entry) -> str:
    return json.dumps(
        {
            "at": _moment(entry.at),
            "ended_at": _moment(entry.ended_at),
            "who": entry.who,
            "device": entry.device,
            "kind": entry.kind.value,
            "what": entry.what,
            "target": entry.target,
            "outcome": entry.outcome,
            "event_id": entry.event_id,
        }
    )


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _as_line(entry: Entry) -> str:
    moment = f"{entry.at:%Y-%m-%d %H:%M:%S}" if entry.at else ""
    who = f"{entry.who} on {entry.device}" if entry.device else entry.who
    parts = [moment, entry.kind.value, who, entry.what, entry.target, str(entry.outcome)]
    return one_line("  ".join(filter(None, parts)))


async def _prune(store: Store, before: datetime, *, yes: bool) -> None:
    print(f"Everything in the audit from before {before:%Y-%m-%d %H:%M} UTC goes for good.")
    if not yes:
        if not sys.stdin.isatty():
            raise SetupError("Left as it was: nobody to ask.", "Add --yes.")
        if ask("To cut it off, type prune: ").strip() != "prune":
            raise SetupError("Left as it was.")
    print(f"{await store.audit.prune(before, SHELL)} entries cut off.")
