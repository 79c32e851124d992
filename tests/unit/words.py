"""What is typed behind each command, where that has to mean something. The bot is `nano`."""

from adminbot.dispatch.router import Command

CLUB = "!abcdefghijkl:example.org"  # a room
# Of commands that want more than a bot's name, or that ask first for some words only.
_WORDS = {
    "newbot": "other",
    "newbots": "other another",
    "rotate": "--all",
    "trust": "nano NANO2",
    "leave": f"nano {CLUB}",
}


def words_for(command: Command) -> str:
    return _WORDS.get(command.name, "nano" if command.usage.line.startswith("NAME") else "")
