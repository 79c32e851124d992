"""What was probably meant: the whole line, ready for a tap where a tap can do no harm. Pure.

A tap is clear text on the wire, and anybody may have forged it. So a tap runs the meant line only
where the command changes nothing, or puts a question of its own first.
"""

import re

from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Command, Confirm, Reply, Router
from adminbot.errors import AdminbotError, NoSuchAccount, NotManaged, UnknownCommand, UsageError
from adminbot.values.text import safe_to_quote

# In place of what a question is about. No user id, name or fingerprint has a blank behind it.
_MARK = "the line "
_ASKS = (Confirm.TAP, Confirm.NAME, Confirm.COMMAND)
_MOST = 100


def refusal(line: str, exc: AdminbotError, router: Router) -> Reply:
    """The answer to a line that could not be carried out."""
    if isinstance(exc, UnknownCommand | NotManaged | NoSuchAccount):
        return suggested(line, exc, router)
    return Reply(f"❌ {exc.message()}")


def suggested(
    line: str, exc: UnknownCommand | NotManaged | NoSuchAccount, router: Router
) -> Reply:
    """The answer to a line with a wrong command or name in it."""
    for near in exc.nearest:
        meant = _meant(line, exc, near)
        found = _command_of(meant, router)
        if found is None:
            continue
        command, args = found
        text = f"❌ {exc} Did you mean `!{meant}`?"
        if command.changes(args) and command.confirm not in _ASKS:
            return Reply(f"{text} Then type that.")
        return Reply(f"{text} Then tap ✅.", ask=f"{_MARK}{meant}", tap=True)
    return Reply(f"❌ {exc.message()}")


def _command_of(meant: str, router: Router) -> tuple[Command, Args] | None:
    """What a line runs; None where it runs nothing, or cannot be shown as it is."""
    if not meant or safe_to_quote(meant, _MOST) != meant:
        return None
    try:
        return router.resolve(meant)
    except UsageError:
        return None


def _meant(line: str, exc: UnknownCommand | NotManaged | NoSuchAccount, near: str) -> str:
    """The line with the wrong word replaced; empty if the word is not in the line."""
    word = rf"(?<!\S){re.escape(exc.typed)}(?!\S)"
    # A bot may be called like the command: what was no bot's name stands behind the first word.
    first = "" if isinstance(exc, UnknownCommand) else line.strip().split(maxsplit=1)[0]
    rest, count = re.subn(word, lambda _: near, line.strip().removeprefix(first), count=1)
    return f"{first}{rest}" if count else ""


def not_with_a_slash(line: str, command: Command) -> str:
    """The answer to a command that began with a slash: the line to type, where it can be shown."""
    meant = line if safe_to_quote(line, _MOST) == line else str(command.usage).removeprefix("!")
    return f"❌ Apps keep a slash for themselves, so I do not listen to it. Type: `!{meant}`"


def is_suggestion(answer: str) -> bool:
    """Whether a question offers a line, and asks for no confirmation."""
    return answer.startswith(_MARK)


def line_of(answer: str) -> str:
    return answer.removeprefix(_MARK)
