"""What jobs, commands and verifications of the service stand on."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Self

from adminbot.accounts.operations import Accounts
from adminbot.accounts.registry import Own
from adminbot.apps import Catalog
from adminbot.cards.delivery import CardDelivery
from adminbot.cards.text import CardText
from adminbot.chat.chat import Chat
from adminbot.chat.own_identity import adopt_session
from adminbot.chat.room_view import RoomView
from adminbot.config import Settings
from adminbot.connections import Connections
from adminbot.jobs.background import Background
from adminbot.trust.lockdown import Lockdown


@dataclass(frozen=True, slots=True)
class Base:
    """The settings, the open connections, and everything made of them once.

    `synced` is notified after every sync.
    """

    settings: Settings
    opened: Connections
    synced: asyncio.Condition
    chat: Chat
    lockdown: Lockdown
    cards: CardDelivery
    accounts: Accounts
    background: Background
    text: CardText

    @classmethod
    async def over(
        cls, settings: Settings, opened: Connections, apps: Catalog, tasks: asyncio.TaskGroup
    ) -> Self:
        client, account, store, policy = (
            opened.client,
            opened.account,
            opened.store,
            opened.policy,
        )
        # The room was made encrypted. A server that says otherwise is not believed.
        client.keep_encrypted(settings.room_id)
        synced = asyncio.Condition()
        rooms = RoomView(client, policy, synced, settings.room_id)
        chat = Chat(rooms, client, account, store, policy, settings.prefix)
        lockdown = Lockdown(store)
        text = CardText(await _public_url(settings, opened), settings.card_ttl, apps)
        accounts = Accounts.over(
            Own(settings.user_id, opened.session.device_id, frozenset(settings.admins)),
            backend=opened.backend,
            account=account,
            store=store,
            phrase=text.phrase,
            become=partial(adopt_session, client, account, store, settings.device_id),
        )
        return cls(
            settings=settings,
            opened=opened,
            synced=synced,
            chat=chat,
            lockdown=lockdown,
            cards=CardDelivery(chat, store, text, lockdown),
            accounts=accounts,
            background=Background(tasks),
            text=text,
        )


async def _public_url(settings: Settings, opened: Connections) -> str:
    """The URL for programs: as set, as the server says of itself, or our own way to the server."""
    if settings.public_url:
        return settings.public_url
    return await opened.account.well_known_base_url() or settings.homeserver
