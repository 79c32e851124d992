"""What there is on the server and in the bot's registry: read from their databases, compared."""

import asyncio
from dataclasses import dataclass
from typing import Self

from tests.faults.lab import Bench, rows

# Without what changes by itself: when a device was last seen, and sessions of a minute in a bot's
# name.
_SYNAPSE = {
    "users": "SELECT name, password_hash, admin, deactivated, locked, user_type FROM users",
    "access_tokens": "SELECT token, user_id, device_id FROM access_tokens WHERE device_id NOTNULL",
    "devices": "SELECT user_id, device_id, display_name FROM devices WHERE NOT hidden",
    "profiles": "SELECT user_id, displayname, avatar_url FROM profiles",
    "memberships": "SELECT room_id, user_id, membership FROM local_current_membership",
    "sign-up tokens": "SELECT token, uses_allowed, expiry_time FROM registration_tokens",
    "signatures": "SELECT user_id, key_id, target_device_id FROM e2e_cross_signing_signatures",
    "erased": "SELECT user_id FROM erased_users",
}
_BOT = {
    "bot": "SELECT * FROM bot",
    "card": "SELECT id, bot, gone_at IS NULL FROM card",
    "watch": "SELECT user_id, silent_s FROM watch",
    "expiry": "SELECT user_id, days FROM expiry",
    "act under way": "SELECT command FROM act WHERE outcome IS NULL",
    "lockdown": "SELECT * FROM fact WHERE name = 'lockdown'",
}


@dataclass(frozen=True)
class State:
    """Table → its rows, as text."""

    tables: dict[str, frozenset[str]]

    @classmethod
    def of(cls, bench: Bench) -> Self:
        found = {}
        for path, queries in ((bench.truth.synapse, _SYNAPSE), (bench.truth.bot, _BOT)):
            there = {row[0] for row in rows(path, "SELECT name FROM sqlite_master")}
            for name, sql in queries.items():
                if sql.split(" FROM ")[1].split()[0] in there:
                    found[name] = frozenset(str(tuple(row)) for row in rows(path, sql))
        return cls(found)

    def changed_in(self, other: "State") -> list[str]:
        """The tables that are not the same."""
        return [name for name, rows_ in self.tables.items() if rows_ != other.tables[name]]


async def changes_since(before: State, bench: Bench) -> list[str]:
    """The tables that have changed for good."""
    changed = before.changed_in(State.of(bench))
    if changed:  # something else may have been under way
        await asyncio.sleep(1)
        changed = before.changed_in(State.of(bench))
    return changed
