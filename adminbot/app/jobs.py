"""The jobs of the service: a new job is one more line here."""

from dataclasses import dataclass

from adminbot.accounts.device_keys import DeviceKeyMemory
from adminbot.accounts.identities import Identities
from adminbot.accounts.lookout import Lookout
from adminbot.app.base import Base
from adminbot.jobs.admin_room import AdminRoom
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.answering import Answering
from adminbot.jobs.card_watch import CardWatch
from adminbot.jobs.device_watch import DeviceWatch
from adminbot.jobs.expiry_watch import ExpiryWatch
from adminbot.jobs.greeting import Greeting
from adminbot.jobs.identity_watch import IdentityWatch
from adminbot.jobs.runner import Job
from adminbot.jobs.silence_watch import SilenceWatch
from adminbot.jobs.weekly import Weekly


@dataclass(frozen=True, slots=True)
class Jobs:
    """`every`: all jobs, to be run beside the sync. By name: the jobs that others talk to."""

    alarm: Alarm
    identities: Identities
    keys: DeviceKeyMemory
    identity_watch: IdentityWatch
    device_watch: DeviceWatch
    every: tuple[Job, ...]


def make_jobs(base: Base) -> Jobs:
    """Each job with its needs. Of admins who do not count the alarm tells, once running."""
    opened, chat, room_id = base.opened, base.chat, base.settings.room_id
    account, store, policy = opened.account, opened.store, opened.policy
    signer = base.accounts.signer
    alarm = Alarm(chat, store, policy, room_id)
    for admin in opened.left_out:
        alarm.left_out(admin)
    policy.identity_changed.connect(alarm.ring)
    identities = Identities(store, signer, alarm.ring_bot)
    keys = DeviceKeyMemory(store, alarm.ring_keys)
    identity_watch = IdentityWatch(account, store, identities, keys)
    device_watch = DeviceWatch(chat, store, account, signer, base.lockdown, identities)
    # Only once a card was tried: requests for its device would compete with the card's own.
    base.cards.tried.connect(device_watch.wake)
    lookout, answering = Lookout(opened.backend, account), Answering(store, base.synced)
    every = (
        alarm,
        identity_watch,
        device_watch,
        CardWatch(base.cards, store, base.settings.card_ttl),
        Greeting(chat, store, policy, room_id),
        AdminRoom(room_id, chat=chat, account=account, store=store, policy=policy, alarm=alarm),
        answering,
        SilenceWatch(chat, store, lookout, alarm, answering),
        ExpiryWatch(store, alarm),
        Weekly(chat, store, lookout, room_id),
    )
    return Jobs(alarm, identities, keys, identity_watch, device_watch, every)
