"""What the tests of watching stand on: a clock to be moved, bots to be seen, people to be told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from adminbot.accounts.lookout import Lookout, Sign
from adminbot.config import Trust
from adminbot.jobs.alarm import Alarm
from adminbot.store import Bot, Store
from adminbot.trust.pins import TrustPolicy
from adminbot.values import clock
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from tests.unit.jobs.test_alarm import HER, ROOM, YOU, FakeChat


class Clock:
    """The time, which passes when somebody says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def passes(self, **how: float) -> None:
        at, elapsed_s = clock._STARTED
        self._monkeypatch.setattr(clock, "_STARTED", (at + timedelta(**how), elapsed_s))


class Seen(Lookout):
    """What the server says of bots. `asked`: how often, and of whom."""

    def __init__(self) -> None:
        self.signs_of: dict[UserId, Sign] = {}
        self.asked: list[list[str]] = []
        self.shut: set[UserId] = set()

    async def signs(self, bots: Iterable[Bot]) -> dict[UserId, Sign]:
        every = [bot.user_id for bot in bots]
        self.asked.append([it.localpart for it in every])
        return {it: self.signs_of[it] for it in every if it in self.signs_of}

    async def is_shut(self, user_id: UserId) -> bool:
        return user_id in self.shut

    def saw(self, *names: str) -> None:
        """These were there just now."""
        self.signs_of |= {bot(name).user_id: Sign(now()) for name in names}


def bot(name: str) -> Bot:
    user_id = UserId(name, "example.org")
    return Bot(user_id, name, f"{name.upper()}1", False, YOU, now(), now())


@dataclass
class Place:
    store: Store
    clock: Clock
    seen: Seen = field(default_factory=Seen)
    chat: FakeChat = field(default_factory=FakeChat)

    def __post_init__(self) -> None:
        policy = TrustPolicy(Trust.PINNED, (YOU, HER), self.store)
        self.alarm = Alarm(self.chat, self.store, policy, ROOM)

    @property
    def said(self) -> list[str]:
        return [text for _, text in self.chat.said]
