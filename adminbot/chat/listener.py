"""Who hears what a sync brought."""

from collections.abc import Collection
from typing import Protocol

from adminbot.chat.incoming import Incoming, Step


class Listener(Protocol):
    """Called inside the sync loop: hand over, and return at once."""

    def message_came(self, incoming: Incoming) -> None:
        """A new message or reaction of an admin, committed to the store; in the room's order."""

    def message_unreadable(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        """An admin's message whose key has not come: the first one of its megolm session.

        `code`: why the sender's app withholds the key, if it said so; else empty.
        """

    def verification_step(self, step: Step) -> None:
        """An admin's event of a verification. After a sync that failed it may come again."""

    def devices_changed(self, user_ids: Collection[str]) -> None:
        """The server says that these users' devices or identities have changed."""

    def stuck(self, *, is_stuck: bool) -> None:
        """Whether our own state cannot be written; called after every sync or try of one."""

    def invited(self, room_id: str) -> None:
        """An admin invites us to a room."""


class NobodyListens:
    """For a sync that only fixes the point from which on messages count."""

    def message_came(self, incoming: Incoming) -> None:
        pass

    def message_unreadable(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        pass

    def verification_step(self, step: Step) -> None:
        pass

    def devices_changed(self, user_ids: Collection[str]) -> None:
        pass

    def stuck(self, *, is_stuck: bool) -> None:
        pass

    def invited(self, room_id: str) -> None:
        pass
