"""A lockdown begun by an admin in the chat, and the news of the lockdown."""

from adminbot.jobs.alarm import Alarm
from adminbot.trust.lockdown import Lockdown
from adminbot.values.ids import UserId


class AnnouncedLockdown:
    """Locks down, and tells the admin room of a lockdown begun in another room."""

    def __init__(self, lockdown: Lockdown, alarm: Alarm, admin_room: str) -> None:
        self._lockdown = lockdown
        self._alarm = alarm
        self._admin_room = admin_room

    async def begin(self, who: UserId, room_id: str, device: str = "") -> bool:
        """Refuse every change from now on; returns whether a lockdown was on before."""
        was_locked = await self._lockdown.lock(who, device)
        if not was_locked and room_id != self._admin_room:
            text = f"🔒 `{who}` has locked me down: I change nothing."
            self._alarm.tell_room(text, rings=True)
        return was_locked
