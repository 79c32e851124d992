"""The receivers of a sync's news."""

from collections.abc import Collection
from typing import Protocol

from adminbot.chat.incoming import Incoming, Step


class Listener(Protocol):
    """Called inside the sync loop: hand over, and return at once."""

    def message_came(self, incoming: Incoming) -> None:
        """A new message or reaction of an admin, committed to the store; in the room's order."""

    def message_unreadable(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        """An admin's message without key: the first message of the megolm session.

        `code`: the reason of the sender's app for withholding the key; empty if none was given.
        """

    def verification_step(self, step: Step) -> None:
        """An admin's event of a verification. After a failed sync the event may come again."""

    def devices_changed(self, user_ids: Collection[str]) -> None:
        """The devices or identities of some users have changed, the server says."""

    def stuck(self, *, is_stuck: bool) -> None:
        """Whether our own state cannot be written; called after every sync, also a failed sync."""

    def invited(self, room_id: str) -> None:
        """An admin invites us to a room."""


class NobodyListens:
    """For a sync that only fixes the point from which messages count."""

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
