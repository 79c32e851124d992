"""What a bot's program is told of its account, by placeholder of the app profiles. Pure."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from adminbot.accounts.handover import Purpose
from adminbot.apps import PLAIN, Encryption, Profile
from adminbot.store import Bot
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

Given = Mapping[str, str | Secret]

_AFRESH = "Start the program with an empty data folder: its old device is gone."
_NEXT_LOGIN = "What runs now goes on; from the next login on it needs this password."
_RESTART = "Put it in and restart the program; its device and its keys are the same."


def public_values(bot: Bot, owner: UserId, public_url: str) -> dict[str, str]:
    """All values that are no secret; what the bot does not have is missing.

    Args:
        owner: who asked for the login: goes into the program's allow-lists.
        public_url: what programs connect to.
    """
    url = urlsplit(public_url)
    values = {
        "homeserver": public_url,
        "host": public_url.partition("://")[2],
        "s_if_https": "s" if url.scheme == "https" else "",
        "server_name": bot.user_id.server,
        "user_id": str(bot.user_id),
        "localpart": bot.user_id.localpart,
        "display_name": bot.display_name,
        "device_id": bot.device_id or "",
        "room_id": bot.room_id,
        "room": bot.room_alias or bot.room_id,
        "owner": str(owner),
        "owner_regex": f"^{re.escape(str(owner))}$",
    }
    return {name: value for name, value in values.items() if value or name == "s_if_https"}


def steps(profile: Profile, purpose: Purpose) -> tuple[str, ...]:
    """What a person does with a card, in order."""
    match purpose:
        case Purpose.NEW:
            enter = "Invite `{user_id}` to the room, then type `!join {localpart}`."
            return (*([] if profile.joins else [enter]), *profile.first)
        case Purpose.RENEWED:
            return profile.renewed or (_RESTART,)
        case Purpose.FRESH_DEVICE:
            return profile.fresh or (_AFRESH,)
        case Purpose.PASSWORD:
            return (_NEXT_LOGIN,)


def warnings(profile: Profile, public_url: str) -> Iterator[str]:
    """What may go wrong with this program on this server, a line each."""
    if profile.encryption is Encryption.NEVER:
        yield "⚠️ It sends in clear: give it a room without encryption."
    elif profile.needs_https and not public_url.startswith("https:"):
        yield "⚠️ Over `http:` it sends in clear: it needs a server with `https:`."


def is_plain(bot: Bot) -> bool:
    return bot.app in ("", PLAIN)
