"""What a card says, before and after the secret is taken back. Pure."""

import json
from dataclasses import dataclass
from datetime import timedelta

from adminbot.accounts.handover import Purpose
from adminbot.homeserver.values import Session
from adminbot.store import Bot, Card
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration

SAVED = "✅"
_TITLE = {
    Purpose.NEW: "new bot",
    Purpose.RENEWED: "new token",
    Purpose.FRESH_DEVICE: "new token and device",
}


@dataclass(frozen=True, slots=True)
class CardText:
    """Words of a card. `public_url`: what programs connect to. `ttl`: how long a card stays."""

    public_url: str
    ttl: timedelta

    def phrase(
        self, bot: Bot, session: Session, extra: dict[str, Secret], purpose: Purpose
    ) -> str:
        """The card as JSON: `intro` for the person, `block` to be pasted for the program.

        Args:
            extra: what else the program is given, by name of the setting.
        """
        intro = self._intro(bot, session, extra, purpose)
        return json.dumps({"intro": intro, "block": self._block(session, extra)})

    def _block(self, session: Session, extra: dict[str, Secret]) -> str:
        lines = {
            "MATRIX_HOMESERVER": self.public_url,
            "MATRIX_USER_ID": str(session.user_id),
            "MATRIX_DEVICE_ID": session.device_id,
            "MATRIX_ACCESS_TOKEN": session.token.reveal(),
        }
        lines |= {name: value.reveal() for name, value in extra.items()}
        return "\n".join(f"{name}={value}" for name, value in lines.items())

    def _intro(
        self, bot: Bot, session: Session, extra: dict[str, Secret], purpose: Purpose
    ) -> str:
        lines = [
            f"🤖 **{bot.called}**: {_TITLE[purpose]}",
            f"• Account: `{session.user_id}`",
            f"• Server: `{self.public_url}`",
            f"• Device: `{session.device_id}`",
            "",
            "The next message is what the program needs to log in. Paste it into the "
            "program's `.env` or settings. Whoever has it can act as this bot.",
        ]
        if "MATRIX_RECOVERY_KEY" in extra:
            lines.append("With the recovery key the program takes its identity and signs itself.")
        duration = format_duration(round(self.ttl.total_seconds()))
        lines += [
            _next_step(bot, purpose),
            "",
            f"It vanishes in {duration}, or when you tap {SAVED}.",
        ]
        return "\n".join(lines)

    def gone(self, card: Card, bot: Bot | None, newer: Card | None) -> tuple[str, str]:
        """What the intro says once the block is gone, and in a word why the login was dead.

        The word is empty where the login works.

        Args:
            bot: the bot as of now; None if deleted.
            newer: the newest card of the bot after `card`.
        """
        was_here, again = f"🧹 The login for `{card.bot}` was here", card.bot.localpart
        if bot is None:
            return f"{was_here}. The account is deleted.", "deleted"
        if bot.token_at is None:
            text = f"{was_here}, and is dead: the bot is signed out.\nLet it in again: "
            return f"{text}`!rotate {again}`", "signed out"
        if newer:
            where = "below" if newer.room_id in (None, card.room_id) else "in another chat of ours"
            if newer.reader != card.reader:
                where = f"with `{newer.reader}`"
            return f"{was_here}, and is dead. The newer one is {where}.", "replaced"
        return f"{was_here} and is removed.\nLost it? `!rotate {again}`", ""


def _next_step(bot: Bot, purpose: Purpose) -> str:
    match purpose:
        case Purpose.NEW:
            told = "" if bot.own_identity else " I tell you here once it is online and trusted."
            return f"Then start the program and invite `{bot.user_id}` to a room.{told}"
        case Purpose.RENEWED:
            return (
                "Older tokens are dead, the device and its keys are the same: put it in, "
                "restart the program, keep its data."
            )
        case Purpose.FRESH_DEVICE:
            return "Start the program with an empty data folder: its old device is gone."
