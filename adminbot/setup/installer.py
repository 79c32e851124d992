"""From nothing to a bot that can run: account, identity, rooms, pins, env file. Asks nobody.

What is known so far rests in a journal beside the env file (`.env.setup`, mode 0600), written
before each step that could not be repeated: interrupted anywhere and run again, it finishes.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adminbot import config
from adminbot.chat import record_direct
from adminbot.chat.rooms import ADMIN_ROOM_NAME, admin_room, direct_chat, found_again
from adminbot.chat.sync import Sync
from adminbot.config import PREFIX, Settings, Trust
from adminbot.connections import Connections, open_connections
from adminbot.crypto.crosssigning import in_groups
from adminbot.errors import HOW_TO_RECOVER, SetupError, WrongAdmin
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.setup.account import BySharedSecret, Credential, own_session
from adminbot.setup.journal import Journal, env_lines, write_private
from adminbot.store import open_store
from adminbot.trust.admins import unusable
from adminbot.trust.pins import PinState
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret, new_store_key

PATIENCE = timedelta(seconds=8)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to set up."""

    homeserver: str
    public_url: str | None
    admins: tuple[UserId, ...]
    bot_name: str
    credential: Credential
    data_dir: Path
    env_file: Path
    keep_shared_secret: bool
    ca_file: Path | None = None


def finished(env_file: Path) -> bool:
    """Whether an earlier setup was cut off with nothing left but tidying up; does that, too."""
    journal = Journal(env_file)
    token = journal.get("TOKEN")
    written = config.read_env_file(env_file).get(f"{PREFIX}ACCESS_TOKEN")
    if not token or written != token:
        return False
    journal.done()
    return True


async def install(plan: Plan, say: Say) -> str:
    """Set everything up, where `find_server` found no fault; returns the admin room's id.

    Raises:
        SetupError: it cannot be done as planned; what was begun is finished by a second run.
        HomeserverError: the server refused, or gave no answer for a while.
    """
    journal = Journal(plan.env_file)
    if journal.first("BOT_NAME", lambda: plan.bot_name) != plan.bot_name:
        raise SetupError(
            f"There is an unfinished setup of {journal.get('BOT_NAME')} beside {plan.env_file}.",
            "Finish it with that --bot-name, or use another --env-file.",
        )
    store_key = Secret(journal.first("STORE_KEY", lambda: new_store_key().reveal()))
    async with open_http(plan.homeserver, patience=PATIENCE, ca_file=plan.ca_file) as wire:
        await _check_data_dir(plan, journal, store_key)
        session = await own_session(plan.bot_name, plan.credential, journal, wire, say)
        acting = wire.acting_with(session.token)
        await _check_admins(plan, session.user_id, SynapseAdmin(acting), ClientApi(acting), say)
    settings = _settings(plan, session, store_key, journal.get("ROOM") or "!none")
    async with open_connections(settings, session) as edges:
        say("✅ encryption keys made, device cross-signed")
        await edges.synapse.lift_rate_limit(session.user_id)
        say("✅ own rate limit lifted")
        room_id = await _make_rooms(plan, journal, edges, say)
        await _pin(plan, edges, say)
        await _remember_now(edges)
    write_private(plan.env_file, _envenv_lines(plan, session, store_key, room_id))
    journal.done()
    say(f"✅ settings in {plan.env_file} (mode 0600)")
    return room_id


async def _check_data_dir(plan: Plan, journal: Journal, store_key: Secret) -> None:
    """Before anything is made on the server: can the state be kept there?"""
    async with open_store(plan.data_dir, Sealer.from_base64(store_key)) as store:
        if await store.facts.get("since") and not journal.get("TOKEN"):
            raise SetupError(
                f"{plan.data_dir} already holds the state of another bot.",
                "Choose another with --data-dir.",
            )


# -- rooms and people


async def _check_admins(
    plan: Plan, own: UserId, synapse: SynapseAdmin, account: ClientApi, say: Say
) -> None:
    """Whether all of them can be one; of another server's it is said what that means.

    Raises WrongAdmin: somebody cannot. What is made by now is used by the next try.
    """
    if wrong := await unusable(synapse, own, plan.admins):
        raise WrongAdmin(
            "; ".join(f"{it.user_id} cannot be an admin, because {it.why}" for it in wrong) + ".",
            "Name one who is there, or make that account first. What is done stays done.",
        )
    for admin in plan.admins:
        if admin.server == own.server:
            continue
        if admin.server in (await account.query_keys(admin)).get("failures", {}):
            raise WrongAdmin(
                f"{admin} is no account of this server, which is called {own.server}, and "
                f"{admin.server} cannot be asked.",
                f"Most likely it is --admin @{admin.localpart}:{own.server}",
            )
        say(
            f"⚠️ {admin} is on another server: whether the account is there, and whose it is, "
            f"I can only ask {admin.server}. Compare the identity below with its owner."
        )


async def _make_rooms(plan: Plan, journal: Journal, edges: Connections, say: Say) -> str:
    """The admin room and one direct chat per admin, each found again if it is there already."""
    account, own = edges.account, edges.session.user_id
    states = {room: await account.room_state(room) for room in await account.joined_rooms()}

    def made_before(people: Collection[UserId], name: str | None) -> str | None:
        """An earlier try made it, and the answer did not arrive."""
        names = {str(user_id) for user_id in people}
        fits = (room for room, it in states.items() if found_again(it, str(own), names, name))
        return next(fits, None)

    room_id = journal.get("ROOM") or made_before(plan.admins, ADMIN_ROOM_NAME)
    room_id = room_id or await account.create_room(admin_room(list(plan.admins)))
    journal.keep(ROOM=room_id)
    say("✅ encrypted admin room made, admins invited")
    for admin in plan.admins:
        if await edges.store.rooms.dm(admin) is None:
            chat = made_before([admin], None) or await account.create_room(direct_chat(admin))
            await record_direct(account, own, admin, chat)
            await edges.store.rooms.set_dm(admin, chat)
        say(f"✅ private chat with {admin}")
    return room_id


async def _pin(plan: Plan, edges: Connections, say: Say) -> None:
    """Remember each admin's identity (master key) as it is now."""
    await edges.client.refresh_keys(*(str(admin) for admin in plan.admins))
    for admin in plan.admins:
        standing = edges.policy.standing(str(admin))
        pin = await edges.store.pins.find(str(admin))
        if standing is PinState.AS_PINNED and pin:
            say(f"✅ identity of {admin} remembered: {in_groups(pin.master_key)}")
        else:
            say(
                f"⚠️ {admin} has no cross-signing yet: the first identity I see is the one I "
                f"trust. {HOW_TO_RECOVER}"
            )


async def _remember_now(edges: Connections) -> None:
    """Fix the point from which on messages count."""
    if await edges.store.facts.get("since") is None:
        sync = Sync(
            edges.client,
            edges.account,
            edges.store,
            edges.policy,
            changed=asyncio.Condition(),
            on_incoming=lambda incoming: None,
            on_unreadable=lambda room_id, event_id, sender, code: None,
            on_step=lambda step: None,
            on_devices_changed=lambda user_ids: None,
            on_stuck=lambda is_stuck: None,
            on_invited=lambda room_id: None,
        )
        await sync.start()


# -- files


def _settings(plan: Plan, session: Session, store_key: Secret, room_id: str) -> Settings:
    return Settings(
        homeserver=plan.homeserver,
        public_url=plan.public_url,
        user_id=session.user_id,
        device_id=session.device_id,
        access_token=session.token,
        store_key=store_key,
        room_id=room_id,
        admins=plan.admins,
        data_dir=plan.data_dir,
        shared_secret=None,
        trust=Trust.PINNED,
        card_ttl=timedelta(hours=1),
        max_age=timedelta(hours=1),
        prefix="!",
        log_level="info",
        log_format="text",
        ca_file=plan.ca_file,
    )


def _envenv_lines(plan: Plan, session: Session, store_key: Secret, room_id: str) -> str:
    values = {
        "HOMESERVER": plan.homeserver,
        "PUBLIC_URL": plan.public_url or "",
        "USER_ID": str(session.user_id),
        "DEVICE_ID": session.device_id,
        "ACCESS_TOKEN": session.token.reveal(),
        "STORE_KEY": store_key.reveal(),
        "ROOM": room_id,
        "ADMINS": " ".join(str(admin) for admin in plan.admins),
        "DATA_DIR": str(plan.data_dir),
        "CA_FILE": str(plan.ca_file or ""),
    }
    if plan.keep_shared_secret and isinstance(plan.credential, BySharedSecret):
        values["REGISTRATION_SHARED_SECRET"] = plan.credential.secret.reveal()
    header = (
        "# Made by `adminbot setup`. Every name is explained in .env.example. Keep it secret.\n"
    )
    return header + env_lines({PREFIX + name: value for name, value in values.items() if value})
