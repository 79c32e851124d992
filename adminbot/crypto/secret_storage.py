"""Secret storage ("4S"): an identity's seeds under a recovery key, as account data. No I/O.

A client on the Rust SDK that is given the recovery key takes the seeds from there and signs
itself. Source: client-server API, "Secret storage" (m.secret_storage.v1.aes-hmac-sha2) and
"Representing cryptographic keys", whose form the recovery key has.
"""

import secrets
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any, Self

from Crypto.Cipher import AES
from Crypto.Hash import HMAC, SHA256
from Crypto.Protocol.KDF import HKDF

from adminbot.crypto.crosssigning import unpadded

JSON = dict[str, Any]

_ALGORITHM = "m.secret_storage.v1.aes-hmac-sha2"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PREFIX = b"\x8b\x01"


@dataclass(frozen=True, slots=True, repr=False)
class RecoveryKey:
    """32 bytes that open an account's secret storage."""

    key: bytes

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(32))

    def __str__(self) -> str:
        """As people and programs are given it, without the blanks that some show in between."""
        framed = _PREFIX + self.key
        return _base58(framed + bytes([reduce(xor, framed)]))

    def account_data(self, seeds: dict[str, bytes]) -> dict[str, JSON]:
        """Type → content, to be written in this order: the key becomes the default one last.

        Args:
            seeds: name of a secret, such as `m.cross_signing.master` → its 32 bytes.
        """
        key_id = secrets.token_hex(16)
        check = self._seal("", bytes(32))
        described = {"algorithm": _ALGORITHM, "iv": check["iv"], "mac": check["mac"]}
        content: dict[str, JSON] = {f"m.secret_storage.key.{key_id}": described}
        for name, seed in seeds.items():
            content[name] = {"encrypted": {key_id: self._seal(name, unpadded(seed).encode())}}
        return content | {"m.secret_storage.default_key": {"key": key_id}}

    def _seal(self, name: str, plain: bytes) -> dict[str, str]:
        keys = bytes(HKDF(self.key, 64, bytes(32), SHA256, context=name.encode()))
        iv = bytearray(secrets.token_bytes(16))
        iv[8] &= 0x7F  # bit 63, for the sake of other implementations of AES-CTR
        cipher = AES.new(keys[:32], AES.MODE_CTR, nonce=b"", initial_value=bytes(iv))
        sealed = cipher.encrypt(plain)
        mac = HMAC.new(keys[32:], sealed, SHA256).digest()
        return {
            "iv": unpadded(bytes(iv)),
            "ciphertext": unpadded(sealed),
            "mac": unpadded(mac),
        }


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text  # the first byte is never zero, so there are no leading 1s to add
