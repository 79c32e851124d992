"""`adminbot trust @you:server`: accept an admin's new cross-signing identity."""

import argparse
import sys

from adminbot import config
from adminbot.account import Account
from adminbot.chat.identity import current_session
from adminbot.cli import UsageFault
from adminbot.crosssigning import master_key
from adminbot.errors import HOW_TO_RECOVER, SetupError
from adminbot.ids import UserId
from adminbot.secret import Sealer
from adminbot.store import open_store
from adminbot.synapse import Session
from adminbot.wire import open_wire

_VERIFY_AGAIN = (
    "If this person had verified the bot by emoji, that has to be done again. Until then their "
    "app shows red shields on what the bot says, or neither reads it nor writes to it. As soon as "
    "they can look at their app:\n  adminbot verify {user}"
)


async def main(args: argparse.Namespace) -> None:
    """Show the identity the server has for this admin, ask, and pin it."""
    settings = config.load(args.env_file)
    try:
        user_id = UserId.parse(args.user)
    except ValueError:
        raise UsageFault("name a full user id such as @you:example.org") from None
    if user_id not in settings.admins:
        raise SetupError(f"{user_id} is not in ADMINBOT_ADMINS.", "Add it there first.")
    sealer = Sealer.from_base64(settings.store_key)
    async with open_store(settings.data_dir, sealer, alone=False) as store:
        given = Session(settings.user_id, settings.device_id, settings.access_token)
        session = await current_session(store, given)
        async with open_wire(settings.homeserver, session.token) as wire:
            answer = await Account(wire).query_keys(user_id)
        present = master_key(answer, str(user_id))
        if present is None:
            raise SetupError(
                f"{user_id} has no cross-signing identity.",
                HOW_TO_RECOVER,
            )
        pin = await store.find_pin(str(user_id))
        remembered = pin.master_key if pin else "none"
        print(f"{user_id}\n  remembered: {remembered}\n  now:        {present}")
        if remembered == present:
            print("Nothing to do.")
            return
        if not args.yes and not _agreed():
            raise SetupError("Left as it was.")
        await store.pin_anew(user_id, present)
        print("Remembered. It counts from the next message on; nothing needs to be restarted.")
        print(_VERIFY_AGAIN.format(user=user_id))


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UsageFault("there is nobody to ask; add --yes if you are sure")
    return input("Did this person reset it? Ask them, not in this chat. [y/N] ").lower() == "y"
