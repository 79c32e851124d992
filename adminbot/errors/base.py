"""What every foreseen error has: a text and a hint; and hints that several errors give."""

# Hints used in several places. Element's menus differ by version.
HOW_TO_RECOVER = "In Element: Settings → Encryption (older: Security & Privacy) → set up recovery."
FIRST_ACCEPT = "Accept my invitation to our private chat first."
HOW_TO_VERIFY = "In Element: Settings → Encryption (older: Sessions) → verify this device."


class AdminbotError(Exception):
    """A foreseen failure; `str()` says what happened and why, `hint` what to do next."""

    hint = ""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        if hint:
            self.hint = hint

    def message(self) -> str:
        """What happened, why, and the next thing to do, in one line."""
        return f"{self} {self.hint}".strip()


def names_of(*kinds: type[AdminbotError]) -> frozenset[str]:
    """The names of these errors and of all below them, as the audit has them for outcomes."""
    below = (names_of(*kind.__subclasses__()) for kind in kinds)
    return frozenset(kind.__name__ for kind in kinds).union(*below)
