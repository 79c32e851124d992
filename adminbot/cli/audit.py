"""`adminbot audit`: what was done, by whom, when, how it ended; and the word that cuts it."""

import argparse
import json
import os
import sys
from datetime import datetime, timedelta

from adminbot.cli import UsageFault
from adminbot.cli.asking import ask
from adminbot.config import sources
from adminbot.errors import SetupError
from adminbot.store import BY_TAP, SHELL, Entry, Store, open_store
from adminbot.store.database import DATABASE
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import duration_of, one_line, safe_to_quote


async def main(args: argparse.Namespace) -> None:
    """Print the entries, the oldest first; or cut off old ones. The service may run."""
    _check_combined(args)
    settings = sources.load(args.env_file)
    if not (settings.data_dir / DATABASE).is_file():
        raise SetupError(f"There is no state in {settings.data_dir}.", "Check ADMINBOT_DATA_DIR.")
    about = _user_id(args.name, settings.user_id.server) if args.name else ""
    async with open_store(settings.data_dir, settings.sealer, alone=False) as store:
        if args.prune:
            await _prune(store, now() - _duration("--prune", args.prune), yes=args.yes)
            return
        moment = now() - _duration("--since", args.since) if args.since else None
        async for entry in store.audit.since(moment, about):
            if not _printed(_as_json(entry) if args.json else _as_line(entry)):
                return


def _check_combined(args: argparse.Namespace) -> None:
    """Raises UsageFault: something that was typed would be ignored."""
    if args.prune and (args.name or args.since or args.json):
        raise UsageFault("--prune cuts off whatever is older: it goes with --yes only.")
    if args.yes and not args.prune:
        raise UsageFault("--yes goes with --prune.")


def _printed(line: str) -> bool:
    """Print a line at once; False if nobody reads any more, such as `head`."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _duration(flag: str, text: str) -> timedelta:
    duration = duration_of(text)
    if not duration:
        raise UsageFault(f"{flag} wants a time such as 30d or 12h.")
    return duration


def _user_id(name: str, server: str) -> str:
    """Raises UsageFault: not the name of any account."""
    try:
        return str(UserId.parse(name if ":" in name else f"@{name.removeprefix('@')}:{server}"))
    except ValueError:
        raise UsageFault(
            f"{safe_to_quote(name)} is no name: type nanobot, or @you:{server}"
        ) from None


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
    on = entry.device if entry.device in ("", BY_TAP) else f"on {entry.device}"
    who = f"{entry.who} {on}".rstrip()
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
