"""The commands with the services for them, and the dispatcher."""

from adminbot.accounts.inspection import Inspector
from adminbot.app.base import Base
from adminbot.app.jobs import Jobs
from adminbot.chat.pictures import Pictures
from adminbot.commands import ROUTER
from adminbot.dispatch.chat_rules import ChatRules
from adminbot.dispatch.dispatcher import Dispatcher
from adminbot.dispatch.executor import Executor
from adminbot.dispatch.interpreter import Interpreter
from adminbot.dispatch.lockdown import AnnouncedLockdown
from adminbot.dispatch.refusals import Refusals
from adminbot.dispatch.replies import Replies
from adminbot.dispatch.services import Examine, Services
from adminbot.dispatch.stuck import StuckState
from adminbot.trust.change_limit import ChangeLimit
from adminbot.verification.service import Verifications


def make_services(
    base: Base, jobs: Jobs, verifications: Verifications, examine: Examine
) -> Services:
    """A new subject for commands is one more line here, and a field of Services."""
    settings, opened = base.settings, base.opened
    return Services(
        accounts=base.accounts,
        look=Inspector(opened.backend, opened.account, opened.store, jobs.identities, jobs.keys),
        lockdown=AnnouncedLockdown(base.lockdown, jobs.alarm, settings.room_id),
        verify=verifications.ask,
        audit=opened.store.audit,
        pictures=Pictures(opened.client, opened.account),
        stop_many=opened.store.acts.stop,
        forget_question=opened.store.questions.withdraw,
        router=ROUTER,
        rules=ChatRules(
            base.chat,
            opened.policy,
            admin_room=settings.room_id,
            prefix=settings.prefix,
            # What people call the bot in front of a command.
            names=(settings.user_id.localpart, str(settings.user_id), "adminbot"),
        ),
        card_text=base.text,
        examine=examine,
    )


def make_dispatcher(base: Base, jobs: Jobs, services: Services) -> Dispatcher:
    """The parts of a dispatcher know each other, and nobody else needs to know these parts."""
    store, cards = base.opened.store, base.cards
    replies = Replies(base.chat, store, base.background, Refusals(services.accounts.registry))
    limit = ChangeLimit(store, base.settings.max_age)
    return Dispatcher(
        Interpreter(services, store),
        Executor(services, store, replies, cards, base.lockdown, limit),
        replies,
        cards,
        StuckState(store, jobs.alarm),
        base.background,
    )
