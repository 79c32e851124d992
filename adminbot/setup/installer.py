"""From nothing to a bot that can run: account, identity, rooms, pins, env file. Asks nobody.

What is known so far rests in a journal beside the env file (`.env.setup`, mode 0600), written
before each step that could not be repeated: interrupted anywhere and run again, it finishes.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adminbot.chat.listener import NobodyListens
from adminbot.chat.sync import Sync
from adminbot.config import Settings
from adminbot.config.sources import read_env_file
from adminbot.connections import Connections, open_connections
from adminbot.errors import SetupError
from adminbot.homeserver.http import open_http
from adminbot.homeserver.values import Session
from adminbot.setup.account import BySharedSecret, Credential, Say, own_session
from adminbot.setup.env_file import env_text, write_private
from adminbot.setup.journal import Journal
from adminbot.setup.people import look_up_admins, make_rooms, remember_identities
from adminbot.store import open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret, new_store_key

PATIENCE = timedelta(seconds=8)


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
    """Whether an earlier setup was cut off after its last step; its journal is removed then."""
    journal = Journal(env_file)
    token = journal.get("TOKEN")
    written = read_env_file(env_file).get("ADMINBOT_ACCESS_TOKEN")
    if not token or written != token:
        return False
    journal.done()
    return True


async def install(plan: Plan, say: Say) -> str:
    """Set everything up, where `find_server` found no fault; returns the admin room's id.

    Raises:
        SetupError: the plan cannot be carried out; a second run finishes what was begun.
        HomeserverError: the server refused, or gave no answer for a while.
    """
    journal = Journal(plan.env_file)
    if journal.first("BOT_NAME", lambda: plan.bot_name) != plan.bot_name:
        raise SetupError(
            f"There is an unfinished setup of {journal.get('BOT_NAME')} beside {plan.env_file}.",
            "Finish it with that --bot-name, or use another --env-file.",
        )
    store_key = Secret(journal.first("STORE_KEY", lambda: new_store_key().reveal()))
    async with open_http(plan.homeserver, patience=PATIENCE, ca_file=plan.ca_file) as http:
        await _check_data_dir(plan, journal, store_key)
        session = await own_session(plan.bot_name, plan.credential, journal, http, say)
        acting = http.acting_with(session.token)
        await look_up_admins(plan.admins, session.user_id, acting, say)
    without_room = _variables(plan, session, store_key, room_id="!none")
    async with open_connections(Settings.from_mapping(without_room)) as opened:
        say("✅ encryption keys made, device cross-signed")
        say("✅ own rate limit lifted")
        room_id = await make_rooms(plan.admins, journal, opened, say)
        await remember_identities(plan.admins, opened, say)
        await _remember_now(opened)
    variables = _variables(plan, session, store_key, room_id)
    write_private(plan.env_file, env_text("setup", variables))
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


async def _remember_now(opened: Connections) -> None:
    """Fix the point from which on messages count."""
    if await opened.store.facts.get("since") is None:
        await opened.store.audit.by_shell("setup")
        sync = Sync(
            opened.client,
            opened.account,
            opened.store,
            opened.policy,
            asyncio.Condition(),
            NobodyListens(),
        )
        await sync.start()


# -- settings


def _variables(plan: Plan, session: Session, store_key: Secret, room_id: str) -> dict[str, str]:
    """The env file's variables; what is not here has its default."""
    texts = {
        "ADMINBOT_HOMESERVER": plan.homeserver,
        "ADMINBOT_PUBLIC_URL": plan.public_url or "",
        "ADMINBOT_USER_ID": str(session.user_id),
        "ADMINBOT_DEVICE_ID": session.device_id,
        "ADMINBOT_ACCESS_TOKEN": session.token.reveal(),
        "ADMINBOT_STORE_KEY": store_key.reveal(),
        "ADMINBOT_ROOM": room_id,
        "ADMINBOT_ADMINS": " ".join(map(str, plan.admins)),
        "ADMINBOT_DATA_DIR": str(plan.data_dir),
        "ADMINBOT_CA_FILE": str(plan.ca_file or ""),
    }
    if plan.keep_shared_secret and isinstance(plan.credential, BySharedSecret):
        texts["ADMINBOT_REGISTRATION_SHARED_SECRET"] = plan.credential.secret.reveal()
    return {name: text for name, text in texts.items() if text}
