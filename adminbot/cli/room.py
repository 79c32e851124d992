"""`adminbot room`: invite again who should be in the admin room; `--new`: make another one."""

import argparse
from datetime import timedelta
from pathlib import Path

from adminbot import control
from adminbot.chat.own_identity import current_session
from adminbot.cli.asking import as_started, env_words
from adminbot.config import Settings, sources
from adminbot.errors import HomeserverError, SetupError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.homeserver.new_rooms import admin_room
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.setup.env_file import is_writable, replace_values
from adminbot.store import Store, open_store
from adminbot.trust.admins import left_out
from adminbot.values.ids import UserId

_ROOM = "ADMINBOT_ROOM"
_PATIENCE = timedelta(seconds=8)
_MADE = "new admin room"  # the fact: a room that is made, and not in the env file yet


async def main(args: argparse.Namespace) -> None:
    """Invite the admins, or make another room. Raises AdminbotError: not all of it was done."""
    settings = sources.load(args.env_file)
    async with open_store(settings.data_dir, settings.sealer, alone=False) as store:
        session = await current_session(store, settings.session)
        async with open_http(
            settings.homeserver, session.token, patience=_PATIENCE, ca_file=settings.ca_file
        ) as http:
            admins = await _who_counts(settings, SynapseAdmin(http), store)
            if args.new:
                await _make(settings, admins, args.env_file, ClientApi(http), store)
            else:
                await _invite(settings, admins, ClientApi(http))


async def _who_counts(settings: Settings, synapse: SynapseAdmin, store: Store) -> list[UserId]:
    """The admins without those whom the service leaves out. Raises SetupError: nobody is left."""
    without = await left_out(synapse.find_account, store, settings.user_id, settings.admins)
    for it in without:
        print(f"⚠️ {it.user_id} is left out, because {it.why}. {it.remedy.replace('`', '')}")
    absent = {it.user_id for it in without}
    return [admin for admin in settings.admins if admin not in absent]


async def _invite(settings: Settings, admins: list[UserId], account: ClientApi) -> None:
    if settings.room_id not in await account.joined_rooms():
        raise SetupError(
            "The bot is not in the admin room any more.", "Make another: `adminbot room --new`"
        )
    members = {
        str(event.get("state_key")): event.get("content", {}).get("membership")
        for event in await account.room_state(settings.room_id)
        if event.get("type") == "m.room.member"
    }
    failed = False
    for admin in admins:
        membership = members.get(str(admin))
        if membership == "join":
            print(f"✅ {admin} is in it")
            continue
        try:
            if membership != "invite":
                await account.invite(settings.room_id, admin)
            print(f"✅ {admin} is invited, and has still to accept")
        except HomeserverError as exc:
            failed = True
            print(f"❌ {admin} could not be invited: {exc}")
    if failed:
        raise SetupError("Not everybody is invited.", "Another room may do: `adminbot room --new`")


async def _make(
    settings: Settings, admins: list[UserId], env_file: Path, account: ClientApi, store: Store
) -> None:
    """Make a room, note it, write it into the env file.

    Cut off before the note, there is a room too many, to which the admins are invited; cut off
    later, a second run writes the noted room.
    """
    in_file = not sources.is_in_environment(_ROOM)
    if in_file and not is_writable(env_file):
        raise SetupError(
            f"{env_file} cannot be written. Nothing was made.",
            "Run this as the user that adminbot runs as, where its env file is.",
        )
    room_id = await store.facts.get(_MADE)
    if room_id is None or room_id not in await account.joined_rooms():
        room_id = await account.create_room(admin_room(settings.user_id, admins))
        await store.facts.set(_MADE, room_id)
    print("✅ encrypted admin room made, admins invited")
    if in_file:
        replace_values(env_file, {_ROOM: room_id})
        print(f"✅ {_ROOM} in {env_file}")
    else:
        print(f"⚠️ {_ROOM} is set in the environment, which wins. Set it there:\n  {room_id}")
    await store.audit.by_shell("room --new")
    await store.facts.drop(_MADE)
    if await control.is_served(settings.data_dir):
        print("⚠️ The service runs, and listens in the old room until it is restarted.")
    else:
        print(f"It counts from the next start on:\n  {as_started('run', *env_words(env_file))}")
