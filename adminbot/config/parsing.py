"""From a setting's text to its value, or to the sentence that says what is wrong with the text.

A sentence has no subject (the variable's name is put in front) and never quotes the text.
"""

import re
import ssl
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from adminbot.homeserver.tls import tls_context
from adminbot.values.address import Address
from adminbot.values.ids import UserId, parse_url
from adminbot.values.secret import Sealer, Secret

T = TypeVar("T", bound=str)
NO_ADMINS = "is empty: name at least one admin (empty never means everyone)"
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class WrongValue(Exception):
    """The text cannot be used; `str()` says why, without the text.

    Not a ValueError: the message of an unforeseen ValueError may quote a secret.
    """


def base_url(text: str) -> str:
    try:
        return parse_url(text)
    except ValueError:
        raise WrongValue("must be a base URL such as https://matrix.example.org") from None


def user_id(text: str) -> UserId:
    try:
        return UserId.parse(text)
    except ValueError:
        raise WrongValue("must be a full user id such as @you:example.org") from None


def user_ids(text: str) -> tuple[UserId, ...]:
    """User ids between commas or blanks, each once, in the order in which they stand."""
    words = text.replace(",", " ").split()
    if not words:
        raise WrongValue(NO_ADMINS)
    try:
        return tuple(dict.fromkeys(map(UserId.parse, words)))
    except ValueError:
        why = "holds something that is not a user id (@you:example.org)"
        raise WrongValue(why) from None


def room_id(text: str) -> str:
    if not text.startswith("!"):
        raise WrongValue("must be a room id, which begins with !")
    return text


def access_token(text: str) -> Secret:
    """The text has to fit an HTTP header: sent with other characters, no answer ever comes."""
    if not all("!" <= letter <= "~" for letter in text):
        raise WrongValue("holds something that no access token has (a space, a second line?)")
    return Secret(text)


def store_key(text: str) -> Secret:
    key = Secret(text)
    try:
        Sealer.from_base64(key)
    except ValueError:
        raise WrongValue("must be 32 random bytes in base64") from None
    return key


def directory(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise WrongValue("must be a directory that is there")
    return path


def ca_file(text: str) -> Path:
    """The absolute path of a file with certificates."""
    path = Path(text).absolute()
    try:
        tls_context(path)
    except ssl.SSLError:
        raise WrongValue("names a file that holds no certificate in PEM form") from None
    except (OSError, ValueError):  # no such file, a name that cannot be one
        raise WrongValue("names a file that cannot be read") from None
    return path


def address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError:
        raise WrongValue(
            "must be an address and a port such as 127.0.0.1:9464, or a port alone"
        ) from None


def duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.lower())
    length = timedelta(seconds=int(found[1]) * _UNITS_S[found[2]]) if found else timedelta()
    if not timedelta(seconds=1) <= length <= timedelta(days=7):
        raise WrongValue("must be a time from 1s to 7d, such as 90s, 15m, 1h")
    return length


def command_prefix(text: str) -> str:
    if len(text) > 8 or any(c.isalnum() or c.isspace() or c == "`" for c in text):
        why = "must be one to eight characters, no letters, digits, spaces or back-ticks"
        raise WrongValue(why)
    if text.startswith("/"):
        raise WrongValue("may not begin with /: clients keep such lines for themselves")
    return text


def one_of(values: Iterable[T]) -> Callable[[str], T]:
    """A parser of exactly these words, in upper or lower case."""
    by_word = {str(value): value for value in values}
    *others, last = by_word

    def parse(text: str) -> T:
        try:
            return by_word[text.lower()]
        except KeyError:
            raise WrongValue(f"must be {', '.join(others)} or {last}") from None

    return parse
