"""What a card says, before and after the secret is taken back. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from adminbot.accounts.handover import Purpose
from adminbot.apps import Catalog, Encryption, Profile
from adminbot.apps.placeholders import names_in
from adminbot.cards.program import Given, is_plain, public_values, steps, warnings
from adminbot.store import Bot, Card, CardKind
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration

SAVED = "🗑️"
_MOST_OF_A_BLOCK = 42_000  # an event has 64 KiB at most, and base64 makes 4 bytes of 3
_TITLE = {
    Purpose.NEW: "new bot",
    Purpose.RENEWED: "new token",
    Purpose.FRESH_DEVICE: "new token and device",
    Purpose.PASSWORD: "new password",
}
_OF_A_BOT = {CardKind.BOT: ("login", "rotate"), CardKind.PASSWORD: ("password", "password")}
_GONE = {
    CardKind.BOTS: "🧹 The logins were here and are removed.\nLost one? `!rotate NAME`",
    CardKind.PERSON: (
        "🧹 The password for `{about}` was here and is removed.\nLost it? `!resetpw {about}`"
    ),
    CardKind.SIGN_UP: (
        "🧹 The sign-up token was here and is removed.\nWhich there are: `!regtoken list`"
    ),
}


@dataclass(frozen=True, slots=True)
class CardText:
    """Words of a card. `public_url`: what programs connect to. `ttl`: how long a card stays."""

    public_url: str
    ttl: timedelta
    apps: Catalog

    def phrase(
        self, bot: Bot, secrets: Mapping[str, Secret], purpose: Purpose, reader: UserId
    ) -> str:
        """The card as JSON: `intro` for the person, `block` to be pasted for the program.

        Args:
            secrets: by placeholder of the profiles.
        """
        profile = self.apps.get(bot.app)
        values: Given = {**public_values(bot, reader, self.public_url), **secrets}
        intro = "\n".join(self._intro(bot, profile, values, purpose))
        where = profile.say(profile.paste_into, values)
        card = {"intro": intro, "block": profile.render(values)}
        return json.dumps(card | {"bot": str(bot.user_id), "where": where})

    def several(self, sections: Iterable[str]) -> Iterator[str]:
        """Cards of `sections`, which `phrase` wrote: a section a bot, as few cards as may be."""
        card: list[dict[str, str]] = []
        size = 0
        for section in map(json.loads, sections):
            length = _length(section)
            if card and size + length > _MOST_OF_A_BLOCK:
                yield self._several(card)
                card, size = [], 0
            card.append(section)
            size += length
        if card:
            yield self._several(card)

    def _several(self, sections: list[dict[str, str]]) -> str:
        """The JSON of one card."""
        intro = [
            f"🤖 **Logins of {len(sections)} bots**",
            *(f"• `{it['bot']}` into {it['where']}" for it in sections),
            "Each has its section in the next message. Whoever has it can act as these bots.",
            self._vanishes(),
        ]
        block = "\n\n".join(f"# {it['bot']}\n{it['block']}" for it in sections)
        return json.dumps({"intro": "\n".join(intro), "block": block})

    def _intro(self, bot: Bot, profile: Profile, values: Given, purpose: Purpose) -> Iterator[str]:
        title = "new password" if profile.by_password and purpose is not Purpose.NEW else ""
        yield f"🤖 **{bot.called}**: {title or _TITLE[purpose]}"
        yield f"• Account: `{bot.user_id}`"
        if bot.device_id:
            yield f"• Device: `{bot.device_id}`"
        if not is_plain(bot):
            yield f"• App: {profile.title}"
            yield from _plain_form(bot)
        yield ""
        where = profile.say(profile.paste_into, values)
        yield f"Paste the next message into {where}. Whoever has it can act as this bot."
        yield from _numbered([profile.say(step, values) for step in steps(profile, purpose)])
        yield from warnings(profile, self.public_url)
        if "recovery_key" in values:
            yield "With the recovery key the program takes its identity and signs itself."
        is_signed = profile.encryption is not Encryption.NEVER and not bot.own_identity
        if is_signed and purpose in (Purpose.NEW, Purpose.FRESH_DEVICE):
            yield "I tell you here when it is online and trusted."
        else:
            yield f"Does it work? {profile.say(profile.works, values)}"
        yield self._vanishes()

    def _vanishes(self) -> str:
        duration = format_duration(round(self.ttl.total_seconds()))
        return f"It vanishes in {duration}, or when you tap {SAVED}."

    def without_secrets(self, bot: Bot, owner: UserId) -> str:
        """The block as it is on a card, with `***` for each secret that the bot has."""
        hidden = {"access_token", *(["password"] if bot.has_password else [])}
        values = public_values(bot, owner, self.public_url) | dict.fromkeys(hidden, "***")
        profile = self.apps.get(bot.app)
        if not profile.format.is_data:  # a text has no place that could be left out
            values = dict.fromkeys(names_in(profile.block), "***") | values
        return profile.render(values)

    def gone(self, card: Card, bot: Bot | None, newer: Card | None) -> tuple[str, str]:
        """What the intro says once the block is gone, and in a word why the login was dead.

        The word is empty where the login works.

        Args:
            bot: the bot as of now, where the card is about one; None if deleted.
            newer: the newest card of the bot after `card`.
        """
        if card.kind not in _OF_A_BOT or card.about is None:
            return _GONE[card.kind].format(about=card.about), ""
        what, command = _OF_A_BOT[card.kind]
        was_here, again = f"🧹 The {what} for `{card.about}` was here", card.about.localpart
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
        return f"{was_here} and is removed.\nLost it? `!{command} {again}`", ""


def _plain_form(bot: Bot) -> list[str]:
    """How to get the plain form, where only the bot's name asked for the app's."""
    name = bot.user_id.localpart
    return [f"• Plain form: `!rotate {name} --for env`"] if bot.app == name else []


def _numbered(said: list[str]) -> list[str]:
    return said if len(said) < 2 else [f"{i}. {step}" for i, step in enumerate(said, start=1)]


def _length(section: dict[str, str]) -> int:
    """About how many bytes a section takes: once as text, and once as HTML with tags a line."""
    lines = len(section["block"].splitlines()) + 2
    return 2 * len(json.dumps([section["bot"], section["block"]])) + 20 * lines
