"""What the table types for each command. To add one: a line in ROWS, acts in the fault lab.

Ingredients stand in braces, and are made once a bench (`pantry.py`): {bot} a bot with a program,
{device} its device, {new} a name that nobody has, {person} somebody's account, {own} ours,
{admin} an admin of the bot, {root} a server admin, {room} a room that the bot is in, {shut} one
that it is not let into, {app} a program's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

RTL = "na\u202eno"
CONTROL = "na\x07\x1bno"
TICKS = "``na`no`"
HUGE = "x" * 10_000
EMOJI = "🤖👾"
ELSEWHERE = "@nano:elsewhere.test"


@dataclass(frozen=True)
class Row:
    """One command.

    `good`: a line that would do something. `takes`: what stands in its first place, a key of
    FIRST. `bad`: what only this command can be given wrong, kind → line, beside what follows from
    its declaration. `also`: more forms that change something, and in a lockdown are refused;
    `looks`: forms of a command with `acts` that only look, and are answered in a lockdown, too.
    `fine`: kinds that follow from the declaration and are no mistake here. `acts`: names of acts
    of the fault lab that do not begin with the command's name.
    """

    good: str
    takes: str = ""
    bad: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    fine: frozenset[str] = frozenset()
    acts: tuple[str, ...] = ()


HOSTILE = {
    "right-to-left override": RTL,
    "control characters": CONTROL,
    "back-ticks": TICKS,
    "10 kB": HUGE,
    "emoji": EMOJI,
}
_PROTECTED = {
    "our own account": "{own}",
    "another server's user": ELSEWHERE,
    "an admin's account": "{admin}",
    "a server admin": "{root}",
}
# What may stand wrongly in the first place of a command, by what it takes.
FIRST: dict[str, dict[str, str]] = {
    "": {},
    "bot": {"unknown bot": "nobody-here", "somebody's account": "{person}", "empty": '""'}
    | _PROTECTED
    | HOSTILE,
    "new": {"taken name": "{bot}", "digits": "12345", "begins with _": "_x", "empty": '""'}
    | _PROTECTED
    | HOSTILE,
    "person": {
        "unknown person": "@nobody-here:example.test",
        "no user id": "!?",
        "empty": '""',
    }
    | _PROTECTED
    | HOSTILE,
}
# What may stand wrongly in any other place, or as a flag's value, by its name.
PLACES: dict[str, dict[str, str]] = {
    "PAGE": {"page 0": "0", "page 999": "999", "page -1": "-1", "page x": "x", "page ١": "١"},
    "DEVICE": {"unknown device": "NOSUCHDEVICE"} | HOSTILE,
    "ID": {"wrong device id": "a/b", "long device id": "A" * 65} | HOSTILE,
    "ROOM": {
        "no room": "lounge",
        "unknown alias": "#nowhere:example.test",
        "another's alias": "#nowhere:elsewhere.test",
        "unknown room id": "!nowhere:example.test",
    }
    | HOSTILE,
    "APP": {"unknown app": "nosuchapp"} | HOSTILE,
    "3h|off": {},
    "90d|off": {},
    "TIME": {},
    "WORD": {"no such word": "nothing-like-this"} | HOSTILE,
    "NAME": {},  # in the first place: see `takes`
    "TOKEN": {},  # with `regtoken revoke`, in its row
    "N": {"0": "0", "-1": "-1", "x": "x", "ages": "99999999"} | HOSTILE,
    "TEXT": {"10 kB of text": HUGE},
    "Display name": {"10 kB of a name": HUGE},
    "COMMAND or TOPIC": {"unknown topic": "nosuchtopic"} | HOSTILE,
}
# What stands well in an optional place before the wrong one.
FILLING = {"WORD": "fault", "NAME": "{bot}"}
_TIMES = {
    "no time": "0d",
    "negative time": "-3h",
    "unit missing": "12",
    "unit unknown": "3x",
    "ages": "99999999d",
} | HOSTILE
for _name in ("3h|off", "90d|off", "TIME"):
    PLACES[_name] = _TIMES

_LOOKS_AT_ALL = frozenset({"our own account", "an admin's account", "a server admin"})

ROWS: dict[str, Row] = {
    # -- bots
    "newbot": Row(
        "newbot {new} My assistant",
        "new",
        bad={
            "app wants a room": "newbot {new} --for apprise",
            "both identities": "newbot {new} --own-identity --recovery",
            "password has no place": "newbot {new} --password --for apprise",
        },
    ),
    "newbots": Row(
        "newbots {new} {new}-b",
        "new",
        bad={
            "more than 50": "newbots " + " ".join(f"{{new}}-{n}" for n in range(51)),
        },
    ),
    "rotate": Row(
        "rotate {bot}",
        "bot",
        bad={
            "me-too of a bot": "rotate {bot} --me-too",
            "me-too with new device": "rotate {own} --me-too --new-device",
            "all and a name": "rotate {bot} --all",
        },
        also=("rotate --all", "rotate {bot} --new-device", "rotate {own} --me-too"),
    ),
    "revoke": Row(
        "revoke {bot}",
        "bot",
        bad={"all and a name": "revoke {bot} --all"},
        also=("revoke --all", "revoke {bot} {device}"),
    ),
    "deletebot": Row(
        "deletebot {bot}",
        "bot",
        bad={"me-too of a bot": "deletebot {bot} --me-too"},
        also=("deletebot {bot} --erase", "deletebot {own} --me-too"),
    ),
    "pause": Row("pause {bot}", "bot"),
    "resume": Row("resume {bot}", "bot"),
    "password": Row("password {bot}", "bot", acts=("fresh password",)),
    "adopt": Row(
        "adopt {person}",
        "person",
        bad={"a bot that is ours already": "adopt {bot}"},
    ),
    "note": Row("note {bot} what it is for", "bot", also=("note {bot} -",), looks=("note {bot}",)),
    "bots": Row("bots"),
    "bot": Row("bot {bot}", "bot"),
    "config": Row("config {bot}", "bot"),
    "apps": Row("apps"),
    "devices": Row(
        "devices {bot}", "bot", also=("devices {bot} --prune 90d",), looks=("devices {bot}",)
    ),
    "trust": Row("trust {bot} {device}", "bot"),
    # -- face and rooms
    "setname": Row("setname {bot} Its new name", "bot"),
    "setpic": Row("setpic {bot}", "bot"),
    "rooms": Row("rooms {bot}", "bot"),
    "join": Row("join {bot} {open}", "bot", bad={"not let in": "join {bot} {shut}"}),
    "leave": Row("leave {bot} {room}", "bot", bad={"not in there": "leave {bot} {shut}"}),
    "chat": Row("chat {bot}", "bot"),
    # -- watching
    "watch": Row("watch {bot} 3h", "bot", also=("watch {bot}", "watch {bot} off")),
    "expiry": Row("expiry {bot} 90d", "bot", also=("expiry {bot}", "expiry {bot} off")),
    "audit": Row("audit", "bot"),
    # -- people
    "newuser": Row("newuser {new} Somebody new", "new"),
    "resetpw": Row(
        "resetpw {person}",
        "person",
        bad={"a bot": "resetpw {bot}"},
        also=("resetpw {person} --sign-out",),
    ),
    "users": Row("users"),
    "user": Row("user {person}", "person", fine=_LOOKS_AT_ALL),
    "lock": Row("lock {person}", "person", bad={"a bot": "lock {bot}"}),
    "unlock": Row("unlock {person}", "person", bad={"a bot": "unlock {bot}"}),
    "regtoken": Row(
        "regtoken new",
        also=("regtoken new --uses 1 --days 7", "regtoken revoke nosuchtoken"),
        looks=("regtoken list",),
        bad={
            "unknown word": "regtoken nosuchword",
            "revoke nothing": "regtoken revoke",
            "revoke unknown": "regtoken revoke nosuchtoken",
            "flags of new": "regtoken list --uses 1",
            "10 kB": f"regtoken revoke {HUGE}",
            "right-to-left override": f"regtoken revoke {RTL}",
            "control characters": f"regtoken {CONTROL}",
            "back-ticks": f"regtoken revoke {TICKS}",
        },
    ),
    # -- adminbot
    "doctor": Row("doctor"),
    "ping": Row("ping"),
    "whoami": Row("whoami"),
    "verify": Row("verify"),
    "cancel": Row("cancel"),
    "help": Row("help"),
    "lockdown": Row("lockdown"),
}
