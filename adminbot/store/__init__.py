"""adminbot's memory in SQLite, one class a table. No secrets in clear."""

from adminbot.store.acts import ActNote
from adminbot.store.audit import BY_TAP, OURSELVES, SHELL, Audit, Entry, Kind
from adminbot.store.awaited import Awaited
from adminbot.store.bots import Bot
from adminbot.store.cards import Card, CardKind
from adminbot.store.device_keys import ShownKeys
from adminbot.store.expiries import Expiry
from adminbot.store.facts import identity_of, recovery_of, sealed_for
from adminbot.store.inbox import InboxMessage
from adminbot.store.memory import Store
from adminbot.store.opening import open_store
from adminbot.store.pins import Pin
from adminbot.store.questions import Question
from adminbot.store.requests import OpenRequest
from adminbot.store.watches import Watch

__all__ = [
    "BY_TAP",
    "OURSELVES",
    "SHELL",
    "ActNote",
    "Audit",
    "Awaited",
    "Bot",
    "Card",
    "CardKind",
    "Entry",
    "Expiry",
    "InboxMessage",
    "Kind",
    "OpenRequest",
    "Pin",
    "Question",
    "ShownKeys",
    "Store",
    "Watch",
    "identity_of",
    "open_store",
    "recovery_of",
    "sealed_for",
]
