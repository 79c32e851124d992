"""What an answer to a line that must do nothing has to be. Pure."""

import html
import re
import unicodedata
from collections.abc import Iterable

from adminbot.dispatch.router import Command
from tests.faults.acts import UPSTREAM
from tests.human import Seen

_MOST = 1500  # characters: a person reads that on a phone
_REFUSALS = ("❌", "🔒", "🙈")
_LEFT = ("Nothing was", "nothing was", "Left as it is")
_LOCKED = "I am locked down"
# What a person can do next, beside a command: said where no command is to be typed.
_NEXT = ("`", "Type ", "Send ", "Wait ", "Answer ", "Leave ", "Shorten ")


def as_written(seen: Seen) -> str:
    """The text with its code in back-ticks, which the plain body has not."""
    formatted = seen.content.get("formatted_body")
    if not formatted:
        return str(seen.body)
    text = re.sub(r"<br ?/?>|</li>|</p>", "\n", str(formatted))
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"</?code>", "`", text)))


def shields(seen: Iterable[Seen], own: str) -> list[str]:
    """Messages of the bot that a strict client does not show, or only with a shield."""
    return [
        f"{it.failure or it.shield_reason}: {str(it.body)[:60]}"
        for it in seen
        if it.sender == own
        and it.encrypted
        and not it.redacted
        and (it.failure is not None or it.shield != "none")
    ]


def of_any(text: str, secrets: Iterable[str]) -> list[str]:
    """What no answer may have."""
    problems = [f"upstream word {word!r}: {_cut(text)}" for word in UPSTREAM if word in text]
    if "Something broke on my side" in text:
        problems.append(f"a bug: {_cut(text)}")
    if any(secret in text for secret in secrets):
        problems.append("a secret in the answer")
    if odd := sorted({c for c in text if c != "\n" and _is_odd(c)}):
        problems.append(f"unseen characters {odd}: {_cut(text)}")
    if len(text) > _MOST:
        problems.append(f"{len(text)} characters: {_cut(text)}")
    return problems


def _is_odd(char: str) -> bool:
    """Control characters and those that turn text round; not what emoji are made of."""
    return (
        unicodedata.category(char) in ("Cc", "Cs")
        or char in "\u202a\u202b\u202d\u202e\u2066\u2067"
    )


def of_a_refusal(text: str, command: Command) -> list[str]:
    """A mistake is told as one, with something to type next; commands that look may just look."""
    problems = []
    if not text:
        problems.append("no answer")
    elif "2 minutes" in text and command.acts:
        problems.append(f"asked, not refused: {_cut(text)}")
    elif command.acts and not text.startswith(_REFUSALS) and not any(it in text for it in _LEFT):
        problems.append(f"not refused: {_cut(text)}")
    if text.startswith(_REFUSALS) and not any(it in text for it in _NEXT):
        problems.append(f"nothing to type next: {_cut(text)}")
    return problems


def in_a_lockdown(text: str, *, must_refuse: bool) -> list[str]:
    """What changes something is refused, what looks or asks works."""
    if must_refuse and (_LOCKED not in text or "`adminbot unlock`" not in text):
        return [f"not refused: {_cut(text)}"]
    if not text:
        return ["no answer"]
    if not must_refuse and _LOCKED in text:
        return [f"refused: {_cut(text)}"]
    return []


def untrusted(text: str) -> list[str]:
    """Told that nothing was done, and how to mend that."""
    if "is not verified, so I did nothing" not in text or "Then send it again" not in text:
        return [f"not told: {_cut(text)}"]
    return []


def in_clear(text: str) -> list[str]:
    """Told that it came in clear."""
    return [] if "came unencrypted, so I did nothing" in text else [f"not told: {_cut(text)}"]


def _cut(text: str) -> str:
    return repr(text[:160])
