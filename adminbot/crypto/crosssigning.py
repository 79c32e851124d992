"""Cross-signing: identities of three seeds, signatures, and which devices to trust. No I/O.

A raw /keys/query answer is hostile input: a wrong type anywhere is no key and no signature.

Source: client-server API, "Cross-signing"; appendices, "Signing JSON" for the canonical form.
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
    """Canonical JSON (UTF-8) of an object without `signatures` and `unsigned`."""
    return whole_canonical(_bare(value))


def _bare(value: JSON) -> JSON:
    return {k: v for k, v in value.items() if k not in ("signatures", "unsigned")}


def whole_canonical(value: JSON) -> bytes:
    """Canonical JSON of a whole object. Raises ValueError for text that cannot be UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def unpadded(data: bytes) -> str:
    """Base64 without padding, as in Matrix."""
    return base64.b64encode(data).decode().rstrip("=")


class SigningKey:
    """An Ed25519 key made of a 32-byte seed; secret storage keeps the same seed.

    `public`: the public half, unpadded base64.
    """

    def __init__(self, seed: bytes) -> None:
        # By pycryptodome: vodozemac verifies signatures, but has no Ed25519 private key.
        self._key = ECC.construct(curve="Ed25519", seed=seed)
        self.public = unpadded(self._key.public_key().export_key(format="raw"))

    def sign(self, value: JSON) -> str:
        """The signature over `canonical(value)`, in unpadded base64."""
        return unpadded(eddsa.new(self._key, "rfc8032").sign(canonical(value)))


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The three keys of a cross-signing identity. Whoever has the seeds is the identity."""

    master: SigningKey
    self_signing: SigningKey
    user_signing: SigningKey

    @staticmethod
    def new_seeds() -> str:
        """Three fresh seeds as JSON (role → hex), to be sealed."""
        return json.dumps({role: secrets.token_bytes(32).hex() for role in _ROLES})

    @classmethod
    def from_seeds(cls, text: str) -> Self:
        seeds = json.loads(text)
        return cls(*(SigningKey(bytes.fromhex(seeds[role])) for role in _ROLES))

    def upload_body(self, user_id: str) -> JSON:
        """The body for POST /keys/device_signing/upload."""
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
        # The master key vouches for the other two; Synapse refuses a wrong signature.
        for role in _ROLES[1:]:
            signature = self.master.sign(keys[role])
            keys[role]["signatures"] = {user_id: {f"ed25519:{self.master.public}": signature}}
        return {f"{role}_key": key for role, key in keys.items()}

    def device_signature(self, user_id: str, device_keys: JSON) -> JSON:
        """The body for POST /keys/signatures/upload: a device signed by this identity."""
        return device_signature(self.self_signing, user_id, device_keys)

    def user_signature(self, own: str, answer: JSON, user_id: str) -> JSON:
        """The body for POST /keys/signatures/upload: another user's master key, signed.

        Args:
            own: the user id of this identity.
            answer: of /keys/query; `master_key(answer, user_id)` must be there and be compared.
            user_id: the other user's.
        """
        bare = _bare(answer["master_keys"][user_id])
        signature = self.user_signing.sign(bare)
        signed = bare | {"signatures": {own: {f"ed25519:{self.user_signing.public}": signature}}}
        return {user_id: {str(master_key(answer, user_id)): signed}}


def device_signature(self_signing: SigningKey, user_id: str, device_keys: JSON) -> JSON:
    """The body for POST /keys/signatures/upload: one device's keys from /keys/query, signed."""
    # Without the signatures already there: the server adds ours to them.
    bare = _bare(device_keys)
    signature = self_signing.sign(bare)
    signed = bare | {"signatures": {user_id: {f"ed25519:{self_signing.public}": signature}}}
    return {user_id: {str(device_keys["device_id"]): signed}}


def is_signed(value: object, user_id: str, key_id: str, public: str) -> bool:
    """Whether `value` carries a good signature of `user_id` by the key ed25519:`key_id`.

    `public`: the key's public half, unpadded base64. Raises nothing, whatever `value` is.
    """
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
    """The user's master key (unpadded base64) in a /keys/query answer, if well-formed."""
    return _only_key(answer.get("master_keys"), user_id, "master")


def trusted_devices(answer: JSON, user_id: str, master: str | None) -> dict[str, JSON]:
    """Device id → device keys, of the devices signed by the user's identity.

    Args:
        answer: a raw /keys/query answer.
        master: the required master key; None accepts every device with a good signature of its
            own, identity or not.
    """
    devices = _member(answer.get("device_keys"), user_id)
    self_signed = {
        name: keys for name, keys in devices.items() if _signs_itself(keys, user_id, name)
    }
    if master is None:
        return self_signed
    if master_key(answer, user_id) != master:
        return {}
    self_signing = _only_key(answer.get("self_signing_keys"), user_id, "self_signing")
    # The chain: the pinned master key signs the self-signing key, and the latter the devices. The
    # server could put in a self-signing key of its own if one link went unchecked.
    self_signing_entry = _member(answer.get("self_signing_keys"), user_id)
    if self_signing is None or not is_signed(self_signing_entry, user_id, master, master):
        return {}
    return {
        name: keys
        for name, keys in self_signed.items()
        if is_signed(keys, user_id, self_signing, self_signing)
    }


class DeviceState(enum.Enum):
    """The state of a managed account's device, in words for a person."""

    TRUSTED = "trusted"
    UNSIGNED = "unsigned"
    NEVER_STARTED = "never started"
    SIGNED_OUT = "signed out"
    REPLACED = "another identity than mine"
    OTHER_KEYS = "other keys than the ones I signed"


def device_state(answer: JSON, user_id: str, device_id: str | None, counts: str) -> DeviceState:
    """The state of a device by a raw /keys/query answer; TRUSTED: signed by the identity.

    Args:
        device_id: None for a bot that is signed out. (OTHER_KEYS takes a memory of the keys.)
        counts: the master key of the identity that counts for the account; empty without one.
            While the account shows another identity, every device is REPLACED.
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
    """A device's Ed25519 key in groups of four, as in Element."""
    return in_groups(str(device_keys["keys"][f"ed25519:{device_keys['device_id']}"]))


def in_groups(public: str) -> str:
    """A public key in groups of four."""
    return " ".join(public[i : i + 4] for i in range(0, len(public), 4))


def _signs_itself(keys: object, user_id: str, device_id: str) -> bool:
    # The ids are inside the signed object: the server cannot pass one device off as another.
    if not isinstance(keys, dict) or not isinstance(keys.get("keys"), dict):
        return False
    public = keys["keys"].get(f"ed25519:{device_id}")
    return (
        keys.get("user_id") == user_id
        and keys.get("device_id") == device_id
        and isinstance(public, str)
        and is_signed(keys, user_id, device_id, public)
    )


def _only_key(users: object, user_id: str, usage: str) -> str | None:
    entry = _member(users, user_id)
    keys = entry.get("keys")
    usages = entry.get("usage")
    if entry.get("user_id") != user_id or not isinstance(usages, list) or usage not in usages:
        return None
    # Of two keys, the server could choose which one to present as the pinned key.
    if not isinstance(keys, dict) or len(keys) != 1:
        return None
    [(key_id, public)] = keys.items()
    is_key = isinstance(public, str) and _ED25519.fullmatch(public)
    return public if is_key and key_id == f"ed25519:{public}" else None


def _member(users: object, user_id: str) -> JSON:
    entry = users.get(user_id) if isinstance(users, dict) else None
    return entry if isinstance(entry, dict) else {}
