"""What lies on this machine: settings and files, the state, the work that it says is open."""

import shutil
import stat
from datetime import timedelta
from pathlib import Path

from adminbot.apps import load_catalog
from adminbot.config import Settings, sources
from adminbot.control import OLD_SYNC
from adminbot.doctor.finding import Finding, Level, Verdict, error, warning, well
from adminbot.doctor.subject import NOT_RUNNING, STARTING, Subject
from adminbot.errors import (
    AccountGone,
    AdminbotError,
    NameTaken,
    NoSuchAccount,
    NotManaged,
    Refused,
    StateError,
    UsageError,
    names_of,
)
from adminbot.store import Kind
from adminbot.values.clock import now
from adminbot.values.text import format_duration

_DAY = timedelta(days=1)
_LONG = timedelta(minutes=10)  # an act under way; waiting for a rate limit takes up to 6
_LITTLE, _TOO_LITTLE = 200 * 2**20, 20 * 2**20  # bytes free

# Outcomes that were an answer to a person, and no fault of anything.
_ANSWERS = names_of(UsageError, NameTaken, NotManaged, NoSuchAccount, Refused, AccountGone)


def look_at_settings(env_file: Path) -> tuple[Finding, Settings | None]:
    """All settings are usable; and nobody else can read the files that hold secrets."""
    try:
        settings = sources.load(env_file)
    except AdminbotError as exc:
        return Finding("settings", Level.ERROR, str(exc), exc.hint), None
    source = str(env_file) if env_file.exists() else "the environment"
    if exposed := sources.exposed_files(env_file):
        files = " ".join(map(str, exposed))
        verdict = warning(f"others can read {files}, with secrets in it", f"`chmod 600 {files}`")
    else:
        verdict = well(f"usable, from {source}")
    return Finding("settings", verdict.level, verdict.text, verdict.remedy), settings


async def apps(it: Subject) -> Verdict:
    """Raises ConfigError, which names all that is wrong by file and key."""
    return well(f"{len(list(load_catalog(it.settings.apps_dir)))} programs known")


async def data_directory(it: Subject) -> Verdict:
    """Our own, with space left."""
    path = it.settings.data_dir
    try:
        mode, free = path.stat().st_mode, shutil.disk_usage(path).free
    except OSError:
        return error(f"there is no {path}, or it is not ours to see", "Check ADMINBOT_DATA_DIR.")
    if not stat.S_ISDIR(mode):
        return error(f"{path} is a file", "Check ADMINBOT_DATA_DIR.")
    text = f"{path}, {free // 2**20} MiB free"
    if free < _LITTLE:
        verdict = error if free < _TOO_LITTLE else warning
        return verdict(text, "Make space there: without it no command is carried out.")
    if mode & 0o077:
        return warning(f"others can look into {path}", f"`chmod 700 {path}`")
    return well(text)


async def state(it: Subject) -> Verdict:
    """The database is ours, whole, writable, and sealed with our key."""
    try:
        await it.store.check_whole()
        await it.store.check_writable()
    except StateError:
        return error(
            "it cannot be read or written",
            "Is the disk full, or the directory read-only? If not, restore it from a backup.",
        )
    return well(f"whole, the key fits, bots in care: {len(await it.store.bots.all())}")


async def service(it: Subject) -> Verdict:
    if isinstance(it.synced_at, AdminbotError):
        verdict = warning if it.synced_at in (NOT_RUNNING, STARTING) else error
        return verdict(str(it.synced_at), it.synced_at.hint)
    age = now() - it.synced_at
    text = f"runs, and its last sync is {format_duration(round(age.total_seconds()))} old"
    if age >= OLD_SYNC:
        return error(text, "Its log says why. If nothing helps, restart the service.")
    return well(text)


async def awaited(it: Subject) -> Verdict:
    """Programs that have had their card for long, and never started with it."""
    waiting = await it.store.awaited.all()
    overdue = [one.user_id for one in waiting if now() - one.since > _DAY]
    if not overdue:
        return well(f"{len(waiting)}, none for more than a day")
    names = ", ".join(user_id.localpart for user_id in overdue[:3])
    more = f" and {len(overdue) - 3} more" if len(overdue) > 3 else ""
    return warning(
        f"{names}{more}: for more than a day",
        "Start the program with its card, or `!rotate NAME` for another card.",
    )


async def acts(it: Subject) -> Verdict:
    """What is under way for long, or has failed within a day."""
    for entry in await it.store.audit.under_way(""):
        if entry.at and now() - entry.at > _LONG:
            age = format_duration(round((now() - entry.at).total_seconds()))
            return warning(
                f"`{entry.what}` {entry.target} has gone on for {age}",
                "The log says what it waits for. Restarted, the service takes it up again.",
            )
    ended = [entry async for entry in it.store.audit.since(now() - _DAY, "")]
    changes = [entry for entry in ended if entry.kind is Kind.CHANGE]
    failed = [entry for entry in changes if entry.outcome not in ("done", *_ANSWERS)]
    if not failed:
        return well(f"{len(changes)} within a day, none failed")
    last = failed[-1]
    return warning(
        f"{len(failed)} of {len(changes)} within a day failed, "
        f"the last: {last.what} {last.target} ({last.outcome})",
        "All of them: `adminbot audit --since 1d`, or `!audit`",
    )


async def cards(it: Subject) -> Verdict:
    """Cards that have not gone out: their reader has no chat or device fit for a secret."""
    waiting = [card for card in await it.store.cards.open() if card.content]
    if not waiting:
        return well("none waits to be sent")
    readers = ", ".join(sorted({str(card.reader) for card in waiting}))
    return warning(
        f"not sent yet: {len(waiting)}, for {readers}",
        "That person types `!ping` in the private chat: the answer says what is missing.",
    )
