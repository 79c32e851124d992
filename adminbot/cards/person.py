"""Cards about people: what is passed on to them, in words for who never heard of Matrix. Pure."""

import json
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from adminbot.cards.text import SAVED, CardText
from adminbot.homeserver.values import SHOWN
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration, safe_to_quote


def person_card(
    text: CardText, user_id: UserId, called: str, password: Secret, *, is_new: bool
) -> str:
    """The JSON of a card with a person's password: for the admin, and to be passed on."""
    title = "new account" if is_new else "new password"
    intro = [
        f"👤 **{safe_to_quote(called, 100) or user_id.localpart}**: {title}",
        f"• Account: `{user_id}`",
        "The next message is for them. Pass it on by a way that nobody else reads; whoever has it "
        "can act as this person until the password is changed.",
        _vanishes(text),
    ]
    first = "A place for you to chat is ready." if is_new else "You have a new password."
    block = [
        first,
        "",
        f"Server: {_server(text)}",
        f"Name: {user_id.localpart}",
        f"Password: {password.reveal()}",
        "",
        "1. Install the app Element on your phone, or open app.element.io on a computer, and "
        "choose Sign in.",
        "2. Tap Edit (or Change) beside the server's name, type the server from above, then the "
        "name and the password.",
        "3. Let the app set up recovery and write the key on paper. Then change the password: "
        "your picture, All settings, Account.",
    ]
    return json.dumps({"intro": "\n".join(intro), "block": "\n".join(block)})


def sign_up_card(text: CardText, token: Secret, *, uses: int, until: datetime) -> str:
    """The JSON of a card with a sign-up token: for the admin, and to be passed on."""
    people = "one person" if uses == 1 else f"{uses} people"
    intro = [
        f"🎟️ **Sign-up token** for {people}",
        f"• Until: {until:%Y-%m-%d %H:%M} UTC",
        "The next message is to be passed on; whoever has it can make an account here.",
        f"Take it back: `!regtoken revoke {token.reveal()[:SHOWN]}`",
        _vanishes(text),
    ]
    block = [
        "You can make yourself an account to chat with us.",
        "",
        f"Server: {_server(text)}",
        f"Token: {token.reveal()}",
        "",
        "1. Open app.element.io on a computer, or the app Element, and choose Create account.",
        "2. Tap Edit (or Change) beside the server's name and type the server from above.",
        "3. Choose a name and a password. When it asks for a registration token, type the token.",
    ]
    return json.dumps({"intro": "\n".join(intro), "block": "\n".join(block)})


def _server(text: CardText) -> str:
    """What a person types as the server: without `https://`, where that is what it would be."""
    url = urlsplit(text.public_url)
    is_plain = url.scheme == "https" and not url.path
    return url.netloc if is_plain else text.public_url


def _vanishes(text: CardText) -> str:
    ttl: timedelta = text.ttl
    return (
        f"It vanishes in {format_duration(round(ttl.total_seconds()))}, or when you tap {SAVED}."
    )
