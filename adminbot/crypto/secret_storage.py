"""Secret storage ("4S"): an identity's seeds under a recovery key, as account data. No I/O.

A client on the Rust SDK reads the seeds with the recovery key, and signs its own device.

Source: client-server API, "Secret storage" (m.secret_storage.v1.aes-hmac-sha2); appendices,
"Cryptographic key representation" for the printed form of the recovery key.
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
        """The printed form in base58, without the blanks that some clients show."""
        framed = _PREFIX + self.key
        # The last byte is the parity: all bytes of a good key XOR to 0.
        return _base58(framed + bytes([reduce(xor, framed)]))

    def account_data(self, seeds: dict[str, bytes]) -> dict[str, JSON]:
        """Type of account data → content, to be uploaded in this order.

        The default key comes last: after a crash in between, no client takes the storage for
        complete.

        Args:
            seeds: a secret's name, such as `m.cross_signing.master` → 32 bytes.
        """
        key_id = secrets.token_hex(16)
        # By the MAC over 32 zero bytes, sealed under no name, a client tells a mistyped key.
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
