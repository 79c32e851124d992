"""A lockdown that an admin begins in the chat, and who hears of it."""

from adminbot.jobs.alarm import Alarm
from adminbot.trust.lockdown import Lockdown
from adminbot.values.ids import UserId


class AnnouncedLockdown:
    """Locks down; the admin room is told of a lockdown that was begun elsewhere."""

    def __init__(self, lockdown: Lockdown, alarm: Alarm, admin_room: str) -> None:
        self._lockdown = lockdown
        self._alarm = alarm
        self._admin_room = admin_room

    async def begin(self, who: UserId, room_id: str) -> bool:
        """Refuse every change from now on; returns whether that was so before."""
        was_locked = await self._lockdown.lock(who)
        if not was_locked and room_id != self._admin_room:
            self._alarm.tell_room(f"🔒 `{who}` has locked me down: I change nothing.")
        return was_locked
