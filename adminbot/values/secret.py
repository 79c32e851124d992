"""Secrets: a string that does not print, and the seal for secrets on disk."""

import base64
import secrets
import string
from typing import Self

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF

# Without l, o, 1, 0, i and their like.
_EASY_SMALL, _EASY_DIGITS = "abcdefghjkmnpqrstuvwxyz", "23456789"
_EASY, _EASY_CAPITALS = _EASY_SMALL + _EASY_DIGITS, "ABCDEFGHJKMNPQRSTUVWXYZ"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Secret:
    """A string that prints as `Secret(…)` everywhere; `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The plain value: for a header, a card or the env file, nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        # In constant time: how long a comparison takes must not tell how much of a guess is right.
        return isinstance(other, Secret) and secrets.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)


def new_password() -> Secret:
    """A random password (36 characters, about 190 bits) for any `password_config.policy`.

    Synapse's policy can demand a digit, a symbol, lower and upper case. bcrypt reads only the
    first 72 bytes of a password.
    """
    alphabet = string.ascii_letters + string.digits
    body = "".join(secrets.choice(alphabet) for _ in range(32))
    return Secret(f"{body}-aA1")  # the fixed end satisfies the policy, whatever the random part is


def new_typed_password() -> Secret:
    """A random password (about 97 bits) that a person can read aloud and type on a phone.

    Five groups of four, such as `Kmwp-7xqd-…`, without letters and digits that look alike. It has
    a capital, a small letter, a digit and a symbol, for any `password_config.policy`.
    """
    # The kinds have fixed places, so that no policy refuses one password in a thousand.
    groups = [[secrets.choice(_EASY) for _ in range(4)] for _ in range(5)]
    groups[0][0] = secrets.choice(_EASY_CAPITALS)
    groups[0][1] = secrets.choice(_EASY_SMALL)
    groups[-1][-1] = secrets.choice(_EASY_DIGITS)
    return Secret("-".join("".join(group) for group in groups))


class Sealer:
    """Seals texts for the data directory with AES-256-GCM.

    Each purpose has its own key, derived from the store key (HKDF-SHA256): a blob sealed for one
    purpose does not open for another.
    """

    def __init__(self, store_key: bytes) -> None:
        self._store_key = store_key

    @classmethod
    def from_base64(cls, store_key: Secret) -> Self:
        """Make a Sealer of ADMINBOT_STORE_KEY. Raises ValueError unless 32 bytes in base64."""
        # A key pasted without its `=` is the same key; b64decode ignores padding beyond need.
        key = base64.b64decode(store_key.reveal() + "==", validate=False)
        if len(key) != 32:
            raise ValueError("not 32 bytes of base64")
        return cls(key)

    def _key(self, purpose: str) -> bytes:
        return bytes(HKDF(self._store_key, 32, b"adminbot", SHA256, context=purpose.encode()))

    def pickle_key(self) -> str:
        """The passphrase for matrix-nio's own store, in hex."""
        return self._key("nio store").hex()

    def seal(self, purpose: str, text: str) -> bytes:
        """Returns nonce, ciphertext and tag, in this order (12 bytes, any length, 16 bytes)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AES.new(self._key(purpose), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
        sealed, tag = cipher.encrypt_and_digest(text.encode())
        return nonce + sealed + tag

    def open(self, purpose: str, blob: bytes) -> str:
        """The sealed text. Raises ValueError if key, purpose or blob is not the sealed one's."""
        nonce, sealed, tag = (
            blob[:_NONCE_BYTES],
            blob[_NONCE_BYTES:-_TAG_BYTES],
            blob[-_TAG_BYTES:],
        )
        cipher = AES.new(self._key(purpose), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
        return cipher.decrypt_and_verify(sealed, tag).decode()


def new_store_key() -> Secret:
    """A fresh value for ADMINBOT_STORE_KEY: 32 random bytes in base64."""
    return Secret(base64.b64encode(secrets.token_bytes(32)).decode())
