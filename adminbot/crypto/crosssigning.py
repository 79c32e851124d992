"""Cross-signing: an identity of three seeds, its signatures, and whose device is whose. No I/O.

Source: client-server API, "Cross-signing"; "Signing JSON" for the canonical form.
"""

import base64
import enum
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Self

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from vodozemac import Ed25519PublicKey, Ed25519Signature

JSON = dict[str, Any]
_ED25519 = re.compile("[A-Za-z0-9+/]{43}")  # 32 bytes, unpadded base64
_ROLES = ("master", "self_signing", "user_signing")


def canonical(value: JSON) -> bytes:
    """Canonical JSON of an object without its signatures."""
    return whole_canonical(_bare(value))


def _bare(value: JSON) -> JSON:
    return {k: v for k, v in value.items() if k not in ("signatures", "unsigned")}


def whole_canonical(value: JSON) -> bytes:
    """Canonical JSON of all of an object. Raises ValueError for what cannot be UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def unpadded(data: bytes) -> str:
    """Base64 as Matrix writes it."""
    return base64.b64encode(data).decode().rstrip("=")


class SigningKey:
    """An Ed25519 key made of its 32-byte seed (the very thing secret storage would keep)."""

    def __init__(self, seed: bytes) -> None:
        self._key = ECC.construct(curve="Ed25519", seed=seed)
        self.public = unpadded(self._key.public_key().export_key(format="raw"))

    def sign(self, value: JSON) -> str:
        """Unpadded base64 signature over the canonical form."""
        return unpadded(eddsa.new(self._key, "rfc8032").sign(canonical(value)))


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The three keys of a cross-signing identity. Who has the seeds, is the identity."""

    master: SigningKey
    self_signing: SigningKey
    user_signing: SigningKey

    @staticmethod
    def new_seeds() -> str:
        """Three fresh seeds as JSON, for sealing."""
        return json.dumps({role: secrets.token_bytes(32).hex() for role in _ROLES})

    @classmethod
    def from_seeds(cls, text: str) -> Self:
        seeds = json.loads(text)
        return cls(*(SigningKey(bytes.fromhex(seeds[role])) for role in _ROLES))

    def upload_body(self, user_id: str) -> JSON:
        """For POST /keys/device_signing/upload."""
        keys = {
            role: {
                "user_id": user_id,
                "usage": [role],
                "keys": {f"ed25519:{key.public}": key.public},
            }
            for role, key in zip(
                _ROLES, (self.master, self.self_signing, self.user_signing), strict=True
            )
        }
        for role in _ROLES[1:]:
            signature = self.master.sign(keys[role])
            keys[role]["signatures"] = {user_id: {f"ed25519:{self.master.public}": signature}}
        return {f"{role}_key": key for role, key in keys.items()}

    def device_signature(self, user_id: str, device_keys: JSON) -> JSON:
        """For POST /keys/signatures/upload: a device signed by this identity."""
        return device_signature(self.self_signing, user_id, device_keys)

    def user_signature(self, own: str, answer: JSON, user_id: str) -> JSON:
        """For POST /keys/signatures/upload: somebody's master key signed by this identity.

        Args:
            own: whose identity this is.
            answer: of /keys/query; holds the master key object just as it has to be signed.
        """
        bare = _bare(answer["master_keys"][user_id])
        signature = self.user_signing.sign(bare)
        signed = bare | {"signatures": {own: {f"ed25519:{self.user_signing.public}": signature}}}
        return {user_id: {str(master_key(answer, user_id)): signed}}


def device_signature(self_signing: SigningKey, user_id: str, device_keys: JSON) -> JSON:
    """For POST /keys/signatures/upload: a device, as /keys/query gives it, signed."""
    bare = _bare(device_keys)
    signature = self_signing.sign(bare)
    signed = bare | {"signatures": {user_id: {f"ed25519:{self_signing.public}": signature}}}
    return {user_id: {str(device_keys["device_id"]): signed}}


def is_signed(value: object, user_id: str, key_id: str, public: str) -> bool:
    """Whether `value` carries a good signature by (user_id, ed25519:key_id)."""
    if not isinstance(value, dict):
        return False
    try:
        signature = value["signatures"][user_id][f"ed25519:{key_id}"]
        key = Ed25519PublicKey.from_base64(public)
        key.verify_signature(canonical(value), Ed25519Signature.from_base64(signature))
    except (KeyError, TypeError, ValueError, RecursionError):  # the last: nested too deep
        return False
    return True


def master_key(answer: JSON, user_id: str) -> str | None:
    """The user's master key in a /keys/query answer, if there is a well-formed one."""
    return _only_key(answer.get("master_keys"), user_id, "master")


def trusted_devices(answer: JSON, user_id: str, master: str | None) -> dict[str, JSON]:
    """Device id → device keys of the devices that belong to this user's identity.

    Args:
        answer: a raw /keys/query answer.
        master: the master key the identity must have; None accepts every device that signs
            itself, identity or not.
    """
    devices = _member(answer.get("device_keys"), user_id)
    good = {name: keys for name, keys in devices.items() if _signs_itself(keys, user_id, name)}
    if master is None:
        return good
    if master_key(answer, user_id) != master:
        return {}
    self_signing = _only_key(answer.get("self_signing_keys"), user_id, "self_signing")
    signed = _member(answer.get("self_signing_keys"), user_id)
    if self_signing is None or not is_signed(signed, user_id, master, master):
        return {}
    return {
        name: keys
        for name, keys in good.items()
        if is_signed(keys, user_id, self_signing, self_signing)
    }


class DeviceState(enum.Enum):
    """How a managed account's device stands, in words for a person."""

    TRUSTED = "trusted"
    UNSIGNED = "unsigned"
    NEVER_STARTED = "never started"
    SIGNED_OUT = "signed out"
    REPLACED = "another identity than mine"


def device_state(answer: JSON, user_id: str, device_id: str | None, counts: str) -> DeviceState:
    """Trusted means signed by the identity that counts for the account.

    Args:
        counts: the master key of that identity; empty if there is none. While the account shows
            another one, none of its devices is anything but REPLACED.
    """
    if master_key(answer, user_id) not in (None, counts):
        return DeviceState.REPLACED
    if device_id is None:
        return DeviceState.SIGNED_OUT
    if device_id not in trusted_devices(answer, user_id, None):
        return DeviceState.NEVER_STARTED
    if counts and device_id in trusted_devices(answer, user_id, counts):
        return DeviceState.TRUSTED
    return DeviceState.UNSIGNED


def fingerprint(device_keys: JSON) -> str:
    """A device's Ed25519 key in groups of four, as clients show it."""
    return in_groups(str(device_keys["keys"][f"ed25519:{device_keys['device_id']}"]))


def in_groups(public: str) -> str:
    """A public key in groups of four."""
    return " ".join(public[i : i + 4] for i in range(0, len(public), 4))


def _signs_itself(keys: object, user_id: str, device_id: str) -> bool:
    if not isinstance(keys, dict) or not isinstance(keys.get("keys"), dict):
        return False
    own = keys["keys"].get(f"ed25519:{device_id}")
    return (
        keys.get("user_id") == user_id
        and keys.get("device_id") == device_id
        and isinstance(own, str)
        and is_signed(keys, user_id, device_id, own)
    )


def _only_key(users: object, user_id: str, usage: str) -> str | None:
    found = _member(users, user_id)
    keys = found.get("keys")
    usages = found.get("usage")
    if found.get("user_id") != user_id or not isinstance(usages, list) or usage not in usages:
        return None
    if not isinstance(keys, dict) or len(keys) != 1:
        return None
    [(key_id, public)] = keys.items()
    is_key = isinstance(public, str) and _ED25519.fullmatch(public)
    return public if is_key and key_id == f"ed25519:{public}" else None


def _member(users: object, user_id: str) -> JSON:
    found = users.get(user_id) if isinstance(users, dict) else None
    return found if isinstance(found, dict) else {}
