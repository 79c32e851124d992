"""The news of a sync go to dispatcher, verifications and jobs."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from adminbot.app.jobs import Jobs
from adminbot.chat.incoming import Incoming, Step
from adminbot.dispatch.dispatcher import Dispatcher
from adminbot.verification.service import Verifications


@dataclass(frozen=True, slots=True)
class ServiceListener:
    """The service's `chat.listener.Listener`. `join`: accept an invitation, in the background."""

    dispatcher: Dispatcher
    verifications: Verifications
    jobs: Jobs
    join: Callable[[str], None]

    def message_came(self, incoming: Incoming) -> None:
        self.dispatcher.take(incoming)

    def message_unreadable(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        self.dispatcher.could_not_read(room_id, event_id, sender, code)

    def verification_step(self, step: Step) -> None:
        self.verifications.take(step)

    def devices_changed(self, user_ids: Collection[str]) -> None:
        self.jobs.device_watch.wake(user_ids)
        self.jobs.identity_watch.wake(user_ids)

    def stuck(self, *, is_stuck: bool) -> None:
        self.jobs.alarm.stuck(is_stuck=is_stuck)

    def invited(self, room_id: str) -> None:
        self.join(room_id)
