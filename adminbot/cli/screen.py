"""What `adminbot demo` shows: numbered steps, what was found true, the talk as on a phone."""

import re
import textwrap
import time

from adminbot.errors import SetupError

_TOKEN = re.compile(r"syt_\S+")


class Screen:
    """Standard output, line by line."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._step = 0
        self._place = ""

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        self._step += 1
        self._place = ""
        print(f"\n[{self.elapsed_s:5.1f} s] {self._step}. {text}", flush=True)

    def fact(self, text: str) -> None:
        for number, piece in enumerate(_wrapped(text, 76)):
            print(f"  {'   ' if number else ''}{piece}", flush=True)

    def claim(self, is_true: bool, text: str) -> None:
        """Show what was checked. Raises SetupError when it is not so."""
        if not is_true:
            raise SetupError(f"The demo found this not to be true: {text}.")
        self.fact(f"✅ {text}")

    def talk(self, place: str, name: str, text: str) -> None:
        """A message; secrets masked, since a demo's output gets pasted somewhere."""
        if place != self._place:
            self._place = place
            print(f"  🔒 {place}", flush=True)
        for piece in _wrapped(_TOKEN.sub("syt_…", text), 62):
            print(f"  {name:8} │ {piece}".rstrip(), flush=True)
            name = ""


def _wrapped(text: str, columns: int) -> list[str]:
    wrap = textwrap.TextWrapper(columns, break_long_words=False, break_on_hyphens=False).wrap
    return [piece for line in text.split("\n") for piece in wrap(line) or [""]]
