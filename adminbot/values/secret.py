"""Secrets: a string that does not print, and the seal that lets one rest on disk."""

import base64
import secrets
import string
from typing import Self

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF

_NONCE_BYTES = 12
_TAG_BYTES = 16


class Secret:
    """Prints as `Secret(…)` everywhere; `reveal()` is the one way out, and greppable."""

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
        return isinstance(other, Secret) and secrets.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)


def new_password() -> Secret:
    """A random password (about 190 bits) that passes Synapse's `password_config.policy`.

    The policy can ask for a digit, a symbol, lower and upper case; bcrypt reads 72 bytes.
    """
    alphabet = string.ascii_letters + string.digits
    body = "".join(secrets.choice(alphabet) for _ in range(32))
    return Secret(f"{body}-aA1")


class Sealer:
    """Seals what rests in the data directory (AES-256-GCM, a key per purpose).

    `purpose` is authenticated: a blob sealed as one thing does not open as another.
    """

    def __init__(self, store_key: bytes) -> None:
        self._store_key = store_key

    @classmethod
    def from_base64(cls, store_key: Secret) -> Self:
        """Open ADMINBOT_STORE_KEY. Raises ValueError unless it is 32 bytes of base64."""
        key = base64.b64decode(store_key.reveal() + "==", validate=False)
        if len(key) != 32:
            raise ValueError("not 32 bytes of base64")
        return cls(key)

    def _key(self, purpose: str) -> bytes:
        return bytes(HKDF(self._store_key, 32, b"adminbot", SHA256, context=purpose.encode()))

    def pickle_key(self) -> str:
        """The passphrase of matrix-nio's own store."""
        return self._key("nio store").hex()

    def seal(self, purpose: str, text: str) -> bytes:
        """Nonce, ciphertext and tag, in this order."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AES.new(self._key(purpose), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
        sealed, tag = cipher.encrypt_and_digest(text.encode())
        return nonce + sealed + tag

    def open(self, purpose: str, blob: bytes) -> str:
        """Raises ValueError when the key is another one or the blob was changed."""
        nonce, sealed, tag = (
            blob[:_NONCE_BYTES],
            blob[_NONCE_BYTES:-_TAG_BYTES],
            blob[-_TAG_BYTES:],
        )
        cipher = AES.new(self._key(purpose), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
        return cipher.decrypt_and_verify(sealed, tag).decode()


def new_store_key() -> Secret:
    """A fresh value for ADMINBOT_STORE_KEY."""
    return Secret(base64.b64encode(secrets.token_bytes(32)).decode())
