"""Requests to verify each other that nobody has ended yet."""

import json
from dataclasses import asdict, dataclass

from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.values.ids import UserId

_REQUEST = "verification "  # the name of a fact, before a user id


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request to verify that is open with a person.

    `transaction`: the request's event id; empty while our own request may or may not be out, and
    then `txn` is the transaction id that the request was (to be) sent with. `since`: ISO time.
    `verified`: the comparison came to its end, and the other side has perhaps still to hear so.
    """

    user_id: str
    room_id: str
    transaction: str
    txn: str
    since: str
    verified: bool = False


class Requests:
    """The open requests, one a person."""

    def __init__(self, db: Database, facts: Facts) -> None:
        self._db = db
        self._facts = facts

    async def open(self, request: OpenRequest) -> None:
        """A request is (about to be) open; it takes the place of this person's last one."""
        await self._facts.set(f"{_REQUEST}{request.user_id}", json.dumps(asdict(request)))

    async def over(self, user_id: UserId) -> None:
        """Nothing is open with this person."""
        await self._facts.drop(f"{_REQUEST}{user_id}")

    async def all(self) -> list[OpenRequest]:
        """Those of this run, and of runs that were cut off."""
        rows = await self._db.all("SELECT value FROM fact WHERE name LIKE ?", f"{_REQUEST}%")
        return [OpenRequest(**json.loads(row["value"])) for row in rows]

    async def set_verified(self, user_id: UserId) -> None:
        """Within a transaction: the comparison with this person came to its end."""
        await self._db.execute(
            "UPDATE fact SET value = json_set(value, '$.verified', json('true')) WHERE name = ?",
            f"{_REQUEST}{user_id}",
        )
