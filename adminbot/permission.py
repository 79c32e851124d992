"""Whether an admin's command is carried out, and if not, how to mend it. Pure.

That the sender is an admin at all was seen before: everybody else gets silence.
"""

from adminbot.chat.incoming import Incoming
from adminbot.trust import Standing

_ELSEWHERE = "🔒 I take commands in the admin room or in our private chat only. Nothing was done."
_IN_CLEAR = (
    "🔒 That came unencrypted, so I did nothing. Turn encryption on in this room, "
    "or write to me in the admin room."
)
_CHANGED = (
    "🔒 Your cross-signing identity is another one than I remember, so I do nothing. "
    "If you reset it yourself: whoever runs this server types\n`adminbot trust {sender}`"
)
_NO_IDENTITY = (
    "🔒 Your account has no cross-signing yet, so I cannot tell your devices from a stranger's. "
    "In Element: Settings → Encryption → set up recovery. Then send it again."
)
_UNSIGNED = (
    "🔒 This device of yours is not verified, so I did nothing. "
    "In Element: Settings → Encryption → verify this device. Then send it again."
)


def why_not(incoming: Incoming, *, at_home: bool, standing: Standing) -> str:
    """What keeps an admin's command from being carried out; empty if nothing does.

    Args:
        at_home: it came in the admin room or in the sender's own direct chat.
        standing: what is known of the sender's identity.
    """
    if not at_home:
        return _ELSEWHERE
    if not incoming.encrypted:
        return _IN_CLEAR
    if incoming.trusted:
        return ""
    if standing is Standing.CHANGED:
        return _CHANGED.format(sender=incoming.sender)
    return _NO_IDENTITY if standing is Standing.NO_IDENTITY else _UNSIGNED
