"""Whether an admin's command is carried out, and the remedy after a refusal. Pure.

The sender is known to be an admin here: everybody else gets silence.
"""

from adminbot.chat.incoming import Incoming
from adminbot.errors import HOW_TO_RECOVER, HOW_TO_VERIFY
from adminbot.trust.pins import PinState

_ELSEWHERE = "🔒 I take commands in the admin room or in our private chat only. Nothing was done."
_IN_CLEAR = (
    "🔒 That came unencrypted, so I did nothing. Turn encryption on in this room, "
    "or write to me in the admin room."
)
_CHANGED = (
    "🔒 Your cross-signing identity is another one than I remember, so I do nothing. "
    "If you reset it yourself: whoever runs this server types\n`adminbot trust {sender}`\n"
    "If you had verified me by emoji, we do that again then; red shields on what I say go with it."
)
_NO_IDENTITY = (
    "🔒 Your account has no cross-signing yet, so I cannot tell your devices from a stranger's. "
    f"{HOW_TO_RECOVER} Then send it again."
)
_UNSIGNED = (
    "🔒 This device of yours is not verified, so I did nothing. "
    f"{HOW_TO_VERIFY} Then send it again."
)
_NOT_VERIFIED = (
    "🔒 Here I act only for people whose emoji I have compared. Type `!verify`, with "
    "whoever runs this server at its shell. Then send it again."
)
_NOT_LOOKED_UP = (
    "🔒 The homeserver told me nothing of your devices just now, so I did nothing. "
    "Send it again in a minute."
)

_AGAIN = "🙈 I could not read that message: {why}\n{remedy}"
_WHY_WITHHELD = {
    "m.unverified": (
        "your app gives keys to verified devices only, and it does not count mine as one yet.",
        "Verify me: whoever runs this server types\n`adminbot verify {sender}`\n"
        "Then restart the app, and send it again.",
    ),
    "m.blacklisted": (
        "you blocked my device in your app.",
        "Unblock it in my profile there, and send it again.",
    ),
    "m.no_olm": (
        "your app found no way to give me its key just now.",
        "Send it again in a minute. If it stays so, restart the app.",
    ),
}
_NO_KEY = (
    "your app did not give me its key.",
    "Send it again. If it stays so: in Element, Settings → Encryption (older: Security & "
    "Privacy), let unverified devices receive messages, or sign in again.",
)


def unreadable(sender: str, code: str) -> str:
    """The answer to a message without key. `code`: of an m.room_key.withheld event."""
    why, remedy = _WHY_WITHHELD.get(code, _NO_KEY)
    return _AGAIN.format(why=why, remedy=remedy.format(sender=sender))


def why_not(
    incoming: Incoming,
    *,
    at_home: bool,
    standing: PinState,
    may_act: bool,
    before_verified: bool,
) -> str:
    """What keeps an admin's command from being carried out; empty if nothing does.

    Args:
        at_home: the command came in the admin room or in the sender's own direct chat.
        standing: what is known of the sender's identity.
        may_act: an identity of that standing lets the sender's trusted devices do everything.
        before_verified: the command may be typed before emoji were compared.
    """
    if not at_home:
        return _ELSEWHERE
    if not incoming.encrypted:
        return _IN_CLEAR
    if incoming.trusted and may_act:
        return ""
    if incoming.trusted and standing is PinState.NOT_VERIFIED:
        return "" if before_verified else _NOT_VERIFIED
    return why_untrusted(incoming.sender, standing)


def why_no_tap(sender: str, *, at_home: bool, standing: PinState, may_act: bool) -> str:
    """The obstacle to answering a question by a tap; empty if there is none.

    A tap is clear text, so nothing is known of the device. The sender's identity must be the
    pinned identity all the same.
    """
    if not at_home:
        return _ELSEWHERE
    if may_act:
        return ""
    if standing is PinState.NOT_VERIFIED:
        return _NOT_VERIFIED
    return why_untrusted(sender, standing)


def why_untrusted(sender: str, standing: PinState) -> str:
    """Why a device of an admin does not count, and the remedy."""
    if standing is PinState.CHANGED:
        return _CHANGED.format(sender=sender)
    if standing is PinState.UNKNOWN:
        return _NOT_LOOKED_UP
    return _NO_IDENTITY if standing is PinState.NO_IDENTITY else _UNSIGNED
