"""Synapse's admin API, as far as messages go: removing all that an account has sent.

Source: Synapse's docs/admin_api/user_admin_api.md, "Redact all the events of a user".
"""

from adminbot.errors import HomeserverError
from adminbot.homeserver.http import HttpClient, part
from adminbot.homeserver.values import Removal, RemovalState
from adminbot.values.ids import UserId

MOST_A_ROOM = 10_000  # the newest; Synapse's own default is 1000


class SynapseMessages:
    """Removes messages, as the owner of the access token (a server admin)."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def redact(self, user_id: UserId) -> str | None:
        """Begin to redact an account's messages in the account's present rooms.

        Synapse does so in the background, in the account's name, also across a restart, and after
        the account is closed. What is redacted already is passed over. Joins, `m.room.message` and
        `m.room.encrypted` are redacted; reactions, states and media stay.

        Returns the id for `removal_of`; None where Synapse is at it already.

        Raises HomeserverError: M_UNRECOGNIZED before Synapse 1.116.
        """
        path = f"/_synapse/admin/v1/user/{part(user_id)}/redact"
        # An empty list means all rooms that the account is in, or is banned from.
        body = {"rooms": [], "limit": MOST_A_ROOM}
        try:
            _, answer = await self._http.ask("POST", path, body, needs={"redact_id": str})
        except HomeserverError as exc:
            # "Redact already in progress for user …": the only 400 that a good request can get.
            if exc.status == 400 and exc.errcode == "M_UNKNOWN":
                return None
            raise
        return str(answer["redact_id"])

    async def removal_of(self, redact_id: str) -> Removal:
        """How far a removal is. Raises HomeserverError."""
        path = f"/_synapse/admin/v1/user/redact_status/{part(redact_id)}"
        _, answer = await self._http.ask("GET", path, needs={"status": str})
        failed = answer.get("failed_redactions")
        left = len(failed) if isinstance(failed, dict) else 0
        match answer["status"]:
            case "complete":
                return Removal(RemovalState.DONE, left)
            case "failed":
                return Removal(RemovalState.FAILED)
        return Removal(RemovalState.GOES_ON)
