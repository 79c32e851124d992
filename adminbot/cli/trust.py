"""`adminbot trust @you:server`: accept the new cross-signing identity of an admin or of a bot."""

import argparse
import sys

from adminbot.chat.own_identity import current_session
from adminbot.cli import UsageFault
from adminbot.cli.asking import ask, full_user_id
from adminbot.config import Settings, sources
from adminbot.crypto.crosssigning import master_key
from adminbot.errors import HOW_TO_RECOVER, SetupError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.store import Bot, Store, open_store
from adminbot.trust.admins import waits_for_trust
from adminbot.values.ids import UserId

_AT_ONCE = "It counts from the next message on; nothing needs to be restarted."
_VERIFY_AGAIN = (
    "If this person had verified the bot by emoji, that has to be done again. Until then their "
    "app shows red shields on what the bot says, or neither reads it nor writes to it. As soon as "
    "they can look at their app:\n  adminbot verify {user}"
)


async def main(args: argparse.Namespace) -> None:
    """Show the identity that the server has for this admin or bot, ask, and pin the identity."""
    settings = sources.load(args.env_file)
    user_id = full_user_id(args.user)
    async with open_store(settings.data_dir, settings.sealer, alone=False) as store:
        bot = None if user_id in settings.admins else await store.bots.find(user_id)
        if user_id not in settings.admins and bot is None:
            raise SetupError(
                f"{user_id} is not in ADMINBOT_ADMINS, and no bot of mine.", "Add it there first."
            )
        present = await _shown_now(settings, store, user_id)
        remembered = await (_of_bot(store, bot) if bot else _of_admin(store, user_id))
        print(f"{user_id}\n  remembered: {remembered or 'none'}\n  now:        {present}")
        if remembered == present:
            print("Nothing to do.")
            return
        if not args.yes and not _agreed(bot):
            raise SetupError("Left as it was.")
        await store.audit.by_shell("trust", user_id)  # first: nothing is trusted unnoted
        if bot:
            await _accept_bot(store, user_id, present)
        else:
            await _accept_admin(store, user_id, present, is_first=remembered is None)


async def _accept_bot(store: Store, user_id: UserId, present: str) -> None:
    await store.signs_itself(user_id)  # what we keep is no use any more
    await store.bot_pins.pin(user_id, present)
    print("Remembered. I sign nothing for it any more: its program does that itself.")


async def _accept_admin(store: Store, user_id: UserId, present: str, *, is_first: bool) -> None:
    late = await waits_for_trust(store, user_id)
    now = "It counts once the service is started again." if late else _AT_ONCE
    await (store.pins.pin if is_first else store.pins.pin_anew)(user_id, present)
    print(f"Remembered. {now}")
    if not is_first:
        print(_VERIFY_AGAIN.format(user=user_id))


async def _shown_now(settings: Settings, store: Store, user_id: UserId) -> str:
    """The master key that the server has for this account. Raises SetupError: none."""
    session = await current_session(store, settings.session)
    async with open_http(settings.homeserver, session.token, ca_file=settings.ca_file) as http:
        answer = await ClientApi(http).query_keys(user_id)
    present = master_key(answer, str(user_id))
    if present is None:
        raise SetupError(
            f"{user_id} has no cross-signing identity.",
            HOW_TO_RECOVER,
        )
    return present


async def _of_admin(store: Store, user_id: UserId) -> str | None:
    pin = await store.pins.find(str(user_id))
    return pin.master_key if pin else None


async def _of_bot(store: Store, bot: Bot) -> str | None:
    pin = await store.bot_pins.find(bot.user_id)
    return pin.master_key if pin else None


def _agreed(bot: Bot | None) -> bool:
    if not sys.stdin.isatty():
        raise UsageFault("there is nobody to ask; add --yes if you are sure")
    who = "whoever runs this bot's program" if bot else "this person"
    return ask(f"Did {who} reset it? Ask them, not in this chat. [y/N] ").lower() == "y"
