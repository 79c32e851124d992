"""What can be told of an access token by its letters, without asking the server."""

import re
from base64 import b64encode
from binascii import crc32

from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def what_is_wrong(token: Secret, owner: UserId) -> str:
    """Why Synapse never gave this token to `owner`; empty when it may have.

    A token is `syt_<localpart in base64>_<20 letters>_<CRC-32 of all before it, in base 62>`: a
    wrong or a missing letter shows. Source: Synapse, handlers/auth.py, `generate_access_token`.
    """
    parts = re.fullmatch("(syt_([^_]*)_[A-Za-z]+)_([0-9A-Za-z]+)", token.reveal())
    if not parts:
        return "it does not have the form of a token of Synapse's"
    if parts[3] != _base62(crc32(parts[1].encode())).rjust(6, "0"):
        return "its check sum does not fit"
    if parts[2] != b64encode(owner.localpart.encode()).decode().rstrip("="):
        return "it is another account's"
    return ""


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits
