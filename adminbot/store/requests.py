"""Open verification requests: a person and adminbot are to compare emoji."""

import json
from dataclasses import asdict, dataclass

from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.values.ids import UserId

_REQUEST = "verification "  # the name of a fact, before a user id


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A verification request that is open with a person.

    `transaction`: the request's event id; empty while our own request may or may not have been
    sent. `txn`: in this case, the transaction id of the send. `since`: ISO 8601, UTC. `verified`:
    the comparison has succeeded, but the other side may not know yet.
    """

    user_id: str
    room_id: str
    transaction: str
    txn: str
    since: str
    verified: bool = False


class Requests:
    """The open requests, one a person, kept as facts."""

    def __init__(self, db: Database, facts: Facts) -> None:
        self._db = db
        self._facts = facts

    async def open(self, request: OpenRequest) -> None:
        """Store a request, before or after the send; replaces the person's last request."""
        await self._facts.set(f"{_REQUEST}{request.user_id}", json.dumps(asdict(request)))

    async def over(self, user_id: UserId) -> None:
        """Forget the person's request."""
        await self._facts.drop(f"{_REQUEST}{user_id}")

    async def all(self) -> list[OpenRequest]:
        """All open requests, of this run and of runs that were cut off."""
        rows = await self._db.all("SELECT value FROM fact WHERE name LIKE ?", f"{_REQUEST}%")
        return [OpenRequest(**json.loads(row["value"])) for row in rows]

    async def set_verified(self, user_id: UserId) -> None:
        """Within a transaction: the comparison with this person has succeeded."""
        # In SQL, so that without an open request nothing is written.
        await self._db.execute(
            "UPDATE fact SET value = json_set(value, '$.verified', json('true')) WHERE name = ?",
            f"{_REQUEST}{user_id}",
        )
