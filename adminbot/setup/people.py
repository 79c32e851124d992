"""The admins during a setup: looked up, invited to their rooms, their identities remembered."""

from collections.abc import Collection
from functools import partial
from typing import Any

from adminbot.chat.rooms import found_again
from adminbot.connections import Connections
from adminbot.crypto.crosssigning import in_groups
from adminbot.errors import HOW_TO_RECOVER, WrongAdmin
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient
from adminbot.homeserver.new_rooms import (
    admin_room,
    admin_room_name,
    direct_chat,
    record_direct,
)
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.setup.account import Say
from adminbot.setup.journal import Journal
from adminbot.trust.admins import unusable
from adminbot.trust.pins import PinState
from adminbot.values.ids import UserId


async def look_up_admins(
    admins: Collection[UserId], own: UserId, http: HttpClient, say: Say
) -> None:
    """See that each can be an admin; say what an admin on another server means.

    Raises WrongAdmin: somebody cannot. The next try uses what is made by now.
    """
    if wrong := await unusable(SynapseAdmin(http).find_account, own, admins):
        raise WrongAdmin(
            "; ".join(f"{it.user_id} cannot be an admin, because {it.why}" for it in wrong) + ".",
            "Name one who is there, or make that account first. What is done stays done.",
        )
    for admin in admins:
        if admin.server == own.server:
            continue
        if admin.server in (await ClientApi(http).query_keys(admin)).get("failures", {}):
            raise WrongAdmin(
                f"{admin} is no account of this server, which is called {own.server}, and "
                f"{admin.server} cannot be asked.",
                f"Most likely it is --admin @{admin.localpart}:{own.server}",
            )
        say(
            f"⚠️ {admin} is on another server: whether the account is there, and whose it is, "
            f"I can only ask {admin.server}. Compare the identity below with its owner."
        )


async def make_rooms(
    admins: Collection[UserId], journal: Journal, opened: Connections, say: Say
) -> str:
    """The admin room and one direct chat per admin; returns the admin room's id.

    A room of an interrupted setup is found again, even if its id never arrived, and used.
    """
    account, own = opened.account, opened.session.user_id
    states = {room: await account.room_state(room) for room in await account.joined_rooms()}
    made_before = partial(_made_before, states, own)
    room_id = journal.get("ROOM") or made_before(admins, admin_room_name(own))
    room_id = room_id or await account.create_room(admin_room(own, list(admins)))
    journal.keep(ROOM=room_id)
    say("✅ encrypted admin room made, admins invited")
    for admin in admins:
        if await opened.store.rooms.dm(admin) is None:
            chat = made_before([admin], None) or await account.create_room(direct_chat(admin))
            await record_direct(account, own, admin, chat)
            await opened.store.rooms.set_dm(admin, chat)
        say(f"✅ private chat with {admin}")
    return room_id


def _made_before(
    states: dict[str, list[dict[str, Any]]],
    own: UserId,
    people: Collection[UserId],
    name: str | None,
) -> str | None:
    """The joined room (of id → state events) with this name for exactly these people, if any."""
    names = {str(user_id) for user_id in people}
    fits = (room for room, it in states.items() if found_again(it, str(own), names, name))
    return next(fits, None)


async def remember_identities(admins: Collection[UserId], opened: Connections, say: Say) -> None:
    """Pin each admin's identity (master key) as it is now."""
    await opened.client.refresh_keys(*(str(admin) for admin in admins))
    for admin in admins:
        state = opened.policy.standing(str(admin))
        pin = await opened.store.pins.find(str(admin))
        if state is PinState.AS_PINNED and pin:
            say(f"✅ identity of {admin} remembered: {in_groups(pin.master_key)}")
        else:
            say(
                f"⚠️ {admin} has no cross-signing yet: the first identity I see is the one I "
                f"trust. {HOW_TO_RECOVER}"
            )
