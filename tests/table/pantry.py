"""The ingredients of the lines in rows.py, made once a bench."""

import itertools
from dataclasses import dataclass
from typing import Self

from tests.faults.acts import Case, start_program
from tests.faults.lab import Bench, wait_until
from tests.world import call

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Pantry:
    """Values for what stands in braces."""

    words: dict[str, str]

    @classmethod
    async def filled(cls, bench: Bench) -> Self:
        name = bench.name()
        assert "is ready" in await bench.ask(f"!newbot {name}")
        card = await bench.card(f"@{name}:example.test")
        await start_program(Case(bench, name, card))
        text = f"{name} is online and trusted"
        seen = await wait_until(lambda: _has(bench, text), 30)
        assert seen, f"{name} is not signed"
        person = bench.homeserver.register(f"person-{bench.name()}")
        rooms = [await _room(bench, preset) for preset in ("private_chat", "public_chat")]
        body = {"user_id": card["MATRIX_USER_ID"]}
        await bench.human.raw("POST", f"/_matrix/client/v3/rooms/{rooms[0]}/invite", body)
        token, path = card["MATRIX_ACCESS_TOKEN"], f"/_matrix/client/v3/rooms/{rooms[0]}/join"
        (await call(bench.homeserver, token, "POST", path, {})).raise_for_status()
        words = {
            "bot": name,
            "device": card["MATRIX_DEVICE_ID"],
            "person": person.user_id,
            "own": bench.bot.directory.name,
            "admin": bench.human.user_id,
            "root": bench.root.user_id,
            "room": rooms[0],
            "open": rooms[1],
            "shut": await _room(bench, "private_chat"),
        }
        return cls(words)

    def line(self, template: str) -> str:
        """What is typed, with the prefix."""
        words = self.words | {"new": f"new-{next(_numbers)}"}
        for word, value in words.items():
            template = template.replace(f"{{{word}}}", value)
        return f"!{template}"


def _has(bench: Bench, text: str) -> bool:
    return any(text in (seen.body or "") for seen in bench.human.messages(bench.dm))


async def _room(bench: Bench, preset: str) -> str:
    made = await bench.human.raw("POST", "/_matrix/client/v3/createRoom", {"preset": preset})
    return str(made["room_id"])
