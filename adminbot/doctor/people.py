"""The admins, their identities, and their room."""

from collections.abc import Iterable

from adminbot.chat.rooms import people_in, why_open
from adminbot.checks import check_admins
from adminbot.config import Trust
from adminbot.crypto.crosssigning import master_key
from adminbot.doctor.finding import Level, Verdict, error, warning, well
from adminbot.doctor.subject import Subject
from adminbot.values.ids import UserId

_NEW_ROOM = "Make another: `adminbot room --new`"


async def admins(it: Subject) -> Verdict:
    """Each admin by the settings has a usable account."""
    find = it.synapse.find_account
    absent = await check_admins(find, it.store, it.settings, remembers=False)
    if not absent:
        return well(_listed(it.settings.admins))
    first = absent[0]
    told = "; ".join(f"{one.user_id} is left out, because {one.why}" for one in absent)
    return warning(told, first.remedy)


async def pins(it: Subject) -> Verdict:
    """Each admin shows the cross-signing identity that counts."""
    if it.settings.trust is Trust.ANY:
        return warning(
            "not looked at: ADMINBOT_TRUST is `any`, so every device of an admin may command",
            "Take ADMINBOT_TRUST out of the settings, unless this is a lab.",
        )
    answer = await it.account.query_keys(*it.settings.admins)
    every = it.settings.admins
    verdicts = [await _pin(it, admin, master_key(answer, str(admin))) for admin in every]
    if wrong := [verdict for verdict in verdicts if verdict]:
        return max(wrong, key=lambda verdict: verdict.level is Level.ERROR)
    return well("each admin shows the one that counts")


async def _pin(it: Subject, admin: UserId, shown: str | None) -> Verdict | None:
    pin = await it.store.pins.find(str(admin))
    if shown is None and pin is None:
        return warning(
            f"{admin} has no cross-signing identity, and cannot command",
            "In Element: Settings → Encryption, set up recovery.",
        )
    if pin is None:
        return None  # remembered as soon as it is seen
    if shown != pin.master_key:
        return error(
            f"{admin} shows another identity than the one that counts, and cannot command",
            f"If that person reset it: `adminbot trust {admin}`",
        )
    if it.settings.trust is Trust.VERIFIED and not pin.verified:
        return warning(
            f"{admin} has not compared emoji with the bot, and cannot command",
            f"`adminbot verify {admin}` here, and `!verify` in the chat",
        )
    return None


async def admin_room(it: Subject) -> Verdict:
    """We are in it, it is fit for secrets, and the admins are there."""
    room_id = it.settings.room_id
    if room_id not in await it.account.joined_rooms():
        return error("the bot is not in it any more", _NEW_ROOM)
    room = await it.account.room_state(room_id)
    joined, invited = people_in(room, str(it.own))
    if why := why_open(room, str(it.own)):
        return error(f"unfit for secrets, because {why}", _NEW_ROOM)
    counted = set(map(str, it.settings.admins)) | {str(it.own)}
    if strangers := sorted((joined | invited) - counted):
        return warning(
            f"{_listed(strangers)} is in it and is no admin, so cards come in private chats only",
            "Remove them in Element, or restart the service: it removes them from its own room.",
        )
    if missing := sorted(counted - joined - invited):
        return warning(f"{_listed(missing)} is not in it", "Invite again: `adminbot room`")
    if waiting := sorted(invited):
        return warning(f"{_listed(waiting)} has not accepted yet", "Accept it in Element.")
    return well(f"encrypted, {len(joined)} in it")


def _listed(user_ids: Iterable[object]) -> str:
    return ", ".join(map(str, user_ids))
