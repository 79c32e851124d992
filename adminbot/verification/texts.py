"""The words of a verification: at the shell, in the chat, and the reasons of an end. No I/O.

`{user}` is the person on the other side; in the chat, read by that person, `in_chat` makes a
"you" of `{user}`.
"""

from adminbot.values.ids import UserId

_ONE_MINUTE = "Once the app shows them, it waits about a minute."

# -- at the shell

ASKED = (
    "I have asked {user} in our private chat.\n"
    f"In Element, there: accept it, then compare by emoji. {_ONE_MINUTE}"
)
STILL_INVITED = "They have still to accept my invitation to that chat: that comes first."
THEY_ASKED = f"{{user}} asks to verify. In Element: compare by emoji. {_ONE_MINUTE}"
UNDER_WAY = f"With {{user}} it is under way. In Element: compare by emoji. {_ONE_MINUTE}"
ACCEPTED = "{user} accepted."
OUR_YES = "Now {user} has to say so, too, in Element."
DONE = "{user} and I have verified each other."

# -- in the chat

_TOLD_DONE = "🤝 We have verified each other."
_TOLD_FREE = " From now on I do what you ask."
_TOLD_SHIELDS = " Red shields that you still see on what I said go when you open the chat anew."
TOLD_HOW = (
    "🤝 I am ready to compare emoji. Mine are shown at the shell: whoever runs this server "
    "types there\n`adminbot verify {user}`\n"
    "Have that open before you go on: once it shows emoji, your app waits about a minute."
)

# -- why it ended, or cannot begin

NOT_WITH_ANY = (
    "Here every device of an admin counts (ADMINBOT_TRUST=any), so there is nothing to verify."
)
BROKE = "Something broke on my side; the log has it."
STOPPED = "I was stopped in between."
CUT_OFF = "I was cut off in between, and am here again."
NO_ANSWER = "Nobody answered at the shell, so I cancelled it."
WRONG_DEVICE = "It was accepted on a device that does not count."
_IF_AGAIN = "If that happens again, somebody sits between you two: leave it, and find out who."
_WE_ENDED = {
    "m.timeout": "It was not finished within ten minutes.",
    "m.mismatched_sas": f"At the shell it was said that the emoji differ. {_IF_AGAIN}",
    "m.mismatched_commitment": f"A key came that was not the promised one. {_IF_AGAIN}",
    "m.key_mismatch": f"The app of {{user}} does not have the keys that I know. {_IF_AGAIN}",
}
_THEY_ENDED = {
    "m.user": "It was cancelled in the app of {user}.",
    "m.timeout": (
        "The app of {user} waited no longer: about a minute, once it shows emoji. Be at the shell "
        "first."
    ),
    "m.mismatched_sas": f"In the app of {{user}} it was said that the emoji differ. {_IF_AGAIN}",
}


def we_ended(code: str) -> str:
    """Why we ended the exchange, by the code for the other side."""
    return _WE_ENDED.get(code, f"The app of {{user}} and I differ ({code}).")


def they_ended(code: str) -> str:
    """Why the person's app ended the exchange, by the app's code."""
    return _THEY_ENDED.get(code, f"The app of {{user}} ended it ({code}).")


def at_shell(text: str, user_id: UserId) -> str:
    """Not by `format`: a reason may hold what a server wrote, braces included."""
    return text.replace("{user}", str(user_id))


def failed_at_shell(why: str, user_id: UserId) -> str:
    """The last line at the shell after an exchange without result."""
    return at_shell(f"{why} Nothing was verified. Again: `adminbot verify {{user}}`", user_id)


def ended_in_chat(why: str) -> str:
    """The same for the person."""
    for theirs, yours in (
        ("The app of {user}", "Your app"),
        ("the app of {user}", "your app"),
        ("{user}", "you"),
    ):
        why = why.replace(theirs, yours)
    return f"🤝 Our comparison of emoji has ended. {why}\nNothing was verified. Again: `!verify`"


def verified_in_chat(*, was_waiting: bool, has_shields: bool) -> str:
    """`was_waiting`: the person had to verify before we obey.

    `has_shields`: the person's app decrypted nothing of us, because our identity had changed.
    """
    free, shields = was_waiting * _TOLD_FREE, has_shields * _TOLD_SHIELDS
    return _TOLD_DONE + free + shields
