"""What cards say, word by word: the wrong next step makes an owner throw living keys away."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adminbot.accounts.handover import Purpose
from adminbot.apps import load_catalog
from adminbot.cards.text import CardText
from adminbot.store import Bot, Card, CardKind
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

YOU, HER = UserId("you", "example.org"), UserId("her", "example.org")
NANO = UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())
TOKEN = {"access_token": Secret("syt_hunter2")}
TEXT = CardText("https://matrix.example.org", timedelta(hours=1), load_catalog(None))
PASSWORD = {"password": Secret("aZ-aA1")}
RECOVERY = {"recovery_key": Secret(" ".join(["EsT1 x2Yz"] * 6))}

HEAD = """\
🤖 **Nano**: {title}
• Account: `@nano:example.org`
• Device: `NANO1`

Paste the next message into the program's `.env` or settings. Whoever has it can act as this bot.
"""
NEW = (
    HEAD.format(title="new bot")
    + """\
Start the program and invite `@nano:example.org` to a room.
I tell you here when it is online and trusted.
It vanishes in 1 h, or when you tap 🗑️."""
)
RENEWED = (
    HEAD.format(title="new token")
    + """\
Older tokens are dead, the device and its keys are the same: put it in, restart the program, \
keep its data.
Does it work? `!bot nano` says when it was last seen.
It vanishes in 1 h, or when you tap 🗑️."""
)
FRESH_DEVICE = (
    HEAD.format(title="new token and device")
    + """\
Start the program with an empty data folder: its old device is gone.
I tell you here when it is online and trusted.
It vanishes in 1 h, or when you tap 🗑️."""
)
NEW_PASSWORD = (
    HEAD.format(title="new password")
    + """\
What runs now goes on; from the next login on it needs this password.
Does it work? `!bot nano` says when it was last seen.
It vanishes in 1 h, or when you tap 🗑️."""
)
TEXTS = {
    Purpose.NEW: NEW,
    Purpose.RENEWED: RENEWED,
    Purpose.FRESH_DEVICE: FRESH_DEVICE,
    Purpose.PASSWORD: NEW_PASSWORD,
}


def intro(bot: Bot, extra: dict[str, Secret], purpose: Purpose) -> str:
    return str(json.loads(TEXT.phrase(bot, TOKEN | extra, purpose, YOU))["intro"])


@pytest.mark.parametrize("purpose", Purpose)
def test_what_a_card_says_depends_on_what_it_is_for(purpose: Purpose) -> None:
    assert intro(BOT, {}, purpose) == TEXTS[purpose]
    assert intro(BOT, PASSWORD, purpose) == TEXTS[purpose], "no secret is in it"


def test_of_a_bot_with_its_own_identity_no_news_is_promised() -> None:
    own = replace(BOT, own_identity=True)
    promise = "I tell you here when it is online and trusted."
    instead = "Does it work? `!bot nano` says when it was last seen."
    assert intro(own, {}, Purpose.NEW) == NEW.replace(promise, instead)
    assert intro(own, {}, Purpose.RENEWED) == RENEWED


def test_what_a_recovery_key_is_for_is_said() -> None:
    said = "With the recovery key the program takes its identity and signs itself.\nI tell you"
    assert intro(BOT, RECOVERY, Purpose.NEW) == NEW.replace("I tell you", said)


def test_the_block_is_what_the_program_reads_and_nothing_else() -> None:
    card = json.loads(TEXT.phrase(BOT, TOKEN | PASSWORD | RECOVERY, Purpose.NEW, YOU))
    assert card["block"].split("\n") == [
        "MATRIX_HOMESERVER=https://matrix.example.org",
        "MATRIX_USER_ID=@nano:example.org",
        "MATRIX_DEVICE_ID=NANO1",
        "MATRIX_ACCESS_TOKEN=syt_hunter2",
        "MATRIX_PASSWORD=aZ-aA1",
        "MATRIX_RECOVERY_KEY=" + " ".join(["EsT1 x2Yz"] * 6),
    ]


# -- once it is gone

CARD = Card(
    id=1,
    kind=CardKind.BOT,
    about=NANO,
    reader=YOU,
    content=None,
    room_id="!dm",
    intro_id="$intro",
    block_id="$block",
    vanishes_at=now(),
)
NEWER = replace(CARD, id=2)
WAS_HERE = "🧹 The login for `@nano:example.org` was here"


@pytest.mark.parametrize(
    ("bot", "newer", "text", "why"),
    [
        (BOT, None, " and is removed.\nLost it? `!rotate nano`", ""),
        (None, None, ". The account is deleted.", "deleted"),
        (None, NEWER, ". The account is deleted.", "deleted"),
        (
            *(replace(BOT, token_at=None), NEWER),
            ", and is dead: the bot is signed out.\nLet it in again: `!rotate nano`",
            "signed out",
        ),
        (BOT, NEWER, ", and is dead. The newer one is below.", "replaced"),
        (
            *(BOT, replace(NEWER, room_id=None)),
            ", and is dead. The newer one is below.",
            "replaced",
        ),
        (
            *(BOT, replace(NEWER, room_id="!other")),
            ", and is dead. The newer one is in another chat of ours.",
            "replaced",
        ),
        (
            *(BOT, replace(NEWER, reader=HER)),
            ", and is dead. The newer one is with `@her:example.org`.",
            "replaced",
        ),
    ],
)
def test_a_card_that_is_gone_says_whether_its_login_works(
    bot: Bot | None, newer: Card | None, text: str, why: str
) -> None:
    assert TEXT.gone(CARD, bot, newer) == (WAS_HERE + text, why)
