"""What is typed behind each command, where that has to mean something. The bot is `nano`."""

from adminbot.dispatch.router import Command
from adminbot.homeserver.values import SignUpToken
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.desk import NANO, Desk, Login

CLUB = "!abcdefghijkl:example.org"  # a room
# Of commands that want more than a bot's name, or that ask first for some words only.
_WORDS = {
    "adopt": "anna",
    "newbot": "other",
    "newbots": "other another",
    "rotate": "--all",
    "trust": "nano NANO2",
    "leave": f"nano {CLUB}",
    "setname": "nano Nano the second",
    "newuser": "bert",
    "resetpw": "anna",
    "user": "anna",
    "lock": "anna",
    "unlock": "anna",
    "regtoken": "revoke abcd",
    "note": "nano a bell",
    "devices": "nano --prune 90d",
}


def words_for(command: Command) -> str:
    return _WORDS.get(command.name, "nano" if command.usage.line.startswith("NAME") else "")


def furnish(desk: Desk) -> None:
    """Put on the server what the words are about."""
    desk.server.entered.append((str(NANO), CLUB))
    desk.server.accounts[UserId("anna", NANO.server)] = Login("old", {"PHONE": {"syt_anna"}})
    desk.server.sign_up["abcdefgh"] = SignUpToken(Secret("abcdefgh"), 1, None)
