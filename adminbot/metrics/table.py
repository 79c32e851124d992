"""The table of metrics. docs/metrics.md is made from it, and what Prometheus reads, too."""

import enum
from dataclasses import dataclass

from adminbot.metrics.endpoints import ENDPOINTS, STATUSES


class Kind(enum.StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"  # a state, read when somebody asks
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Label:
    """`values`: all that there are; of commands None, since those are the router's."""

    name: str
    values: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Metric:
    """`buckets`: of a histogram, in seconds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


class Outcome(enum.StrEnum):
    """What became of a command."""

    DONE = "done"
    ASKED = "asked"  # a question came first; its answer counts as another command
    MISTYPED = "mistyped"
    REFUSED = "refused"
    FAILED = "failed"  # the homeserver did not do its part
    BUG = "bug"


class About(enum.StrEnum):
    """What an alarm is about."""

    IDENTITY = "identity"  # another cross-signing identity than the one that counts
    DEVICE_KEYS = "device_keys"  # other keys of a bot's device
    LEFT_OUT = "left_out"  # an admin by the settings who does not count
    STATE = "state"  # our own state cannot be written
    SILENCE = "silence"  # a watched bot
    STRANGER = "stranger"  # somebody in the admin room who is no admin
    ROOM_GONE = "room_gone"  # the admin room cannot be entered any more


class Wait(enum.StrEnum):
    """What waits for a limit of the homeserver to pass."""

    LOGIN = "login"
    MESSAGE = "message"


_COMMAND = Label("command", None)
UNKNOWN = "unknown"  # in place of a command's name, whatever was typed

SYNC_AGE = Metric(
    "adminbot_sync_age_seconds",
    Kind.GAUGE,
    "Age of the last sync, or of the start before the first. Rises to 30 s where nothing happens.",
)
COMMANDS = Metric(
    "adminbot_commands_total",
    Kind.COUNTER,
    "Commands that were answered, by name and outcome; `unknown` is a word that is no command.",
    (_COMMAND, Label("outcome", tuple(Outcome))),
)
ACT = Metric(
    "adminbot_act_seconds",
    Kind.HISTOGRAM,
    "How long changes of accounts took that were carried out, with all waits in between.",
    (_COMMAND,),
    buckets=(0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600),
)
REQUESTS = Metric(
    "adminbot_homeserver_requests_total",
    Kind.COUNTER,
    "Requests to the homeserver, by class of endpoint and of HTTP status; `none`: no answer came.",
    (Label("endpoint", ENDPOINTS), Label("status", STATUSES)),
)
RATE_LIMIT_WAIT = Metric(
    "adminbot_rate_limit_wait_seconds",
    Kind.SUMMARY,
    "Waits begun because the homeserver said 429, and how long it asked for.",
    (Label("waits", tuple(Wait)),),
)
CARDS_OPEN = Metric(
    "adminbot_cards_open",
    Kind.GAUGE,
    "Cards that are still to be sent, or still to be taken back.",
)
AWAITED = Metric(
    "adminbot_awaited_devices",
    Kind.GAUGE,
    "Bots whose program has not come with its device so far; paused bots left out.",
)
ALARMS = Metric(
    "adminbot_alarms_total",
    Kind.COUNTER,
    "Alarms raised, whether they could be told or not; after a restart one may be raised again.",
    (Label("about", tuple(About)),),
)
ONE_TIME_KEYS = Metric(
    "adminbot_one_time_keys",
    Kind.GAUGE,
    "The bot's own one-time keys on the homeserver, as the last sync said, or the upload since.",
)

METRICS = (
    SYNC_AGE,
    COMMANDS,
    ACT,
    REQUESTS,
    RATE_LIMIT_WAIT,
    CARDS_OPEN,
    AWAITED,
    ALARMS,
    ONE_TIME_KEYS,
)
