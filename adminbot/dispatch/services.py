"""What commands work with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from adminbot.accounts.inspection import Inspector
from adminbot.accounts.operations import Accounts
from adminbot.cards.text import CardText
from adminbot.chat.pictures import Pictures
from adminbot.dispatch.chat_rules import ChatRules
from adminbot.dispatch.lockdown import AnnouncedLockdown
from adminbot.dispatch.router import Router
from adminbot.doctor.finding import Finding
from adminbot.store import Audit
from adminbot.trust.pins import Asked
from adminbot.values.ids import UserId

Examine = Callable[[], AsyncIterator[Finding]]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that handlers work with; made in app/commands.py.

    A new subject is one more field here and one line there. `verify`: ask a person to compare
    emoji with us. `stop_many`: let a person's commands for many accounts begin no further one.
    `forget_question`: what a person was asked in a room about something, if there is such a
    question, needs no answer any more. `examine`: look at ourselves, as `adminbot doctor`.
    """

    accounts: Accounts
    look: Inspector
    lockdown: AnnouncedLockdown
    verify: Callable[[UserId], Awaitable[Asked]]
    audit: Audit
    pictures: Pictures
    stop_many: Callable[[UserId], Awaitable[int]]
    forget_question: Callable[[UserId, str, str], Awaitable[None]]
    router: Router
    rules: ChatRules
    card_text: CardText
    examine: Examine
