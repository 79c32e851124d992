"""The events of a verification by emoji: what ours hold, what may be read in theirs. No I/O.

Source: client-server API, "Key verification framework".
"""

from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]
Message = tuple[str, JSON]  # what stands after "m.key.verification.", and the content

METHOD = "m.sas.v1"
MOST_ENTRIES = 100  # of a list or an object that somebody sent


class Broken(Exception):
    """The verification cannot go on; `code` is what the other side is told, `why` our own."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True)
class Party:
    """One side: a device, the device's Ed25519 key, and the master key of the owner's identity."""

    user_id: str
    device_id: str
    device_key: str
    master_key: str

    @property
    def keys(self) -> dict[str, str]:
        """Key id → public key of what the other side is to verify."""
        return {
            f"ed25519:{self.device_id}": self.device_key,
            f"ed25519:{self.master_key}": self.master_key,
        }


def part_of(transaction: str) -> JSON:
    """The relation that makes an event part of a verification in a room."""
    return {"rel_type": "m.reference", "event_id": transaction}


def request(us: Party, them: str) -> JSON:
    """The `m.room.message` that asks somebody to verify."""
    return {
        "msgtype": "m.key.verification.request",
        "body": f"{us.user_id} asks to verify each other by emoji. Your app cannot do that here: "
        "use a newer Element.",
        "from_device": us.device_id,
        "methods": [METHOD],
        "to": them,
    }


def ready(transaction: str, us: Party) -> Message:
    """Our answer to a request: we are willing."""
    content = {"from_device": us.device_id, "methods": [METHOD]}
    return "ready", content | {"m.relates_to": part_of(transaction)}


def done(transaction: str) -> Message:
    """Both sides are verified, as far as we are concerned."""
    return "done", {"m.relates_to": part_of(transaction)}


def cancel(transaction: str, code: str, reason: str) -> Message:
    """The end without a result; `code` as in the specification's `m.key.verification.cancel`."""
    content = {"code": code, "reason": reason}
    return "cancel", content | {"m.relates_to": part_of(transaction)}


def offering_device(content: JSON) -> str:
    """The device of a request or a ready. Raises Broken: the device offers no emoji."""
    device_id = text_in(content, "from_device")
    if METHOD not in texts_in(content, "methods"):
        raise Broken("m.unknown_method")
    return device_id


def text_in(content: JSON, name: str) -> str:
    """The string under a name. Raises Broken when there is none."""
    found = content.get(name)
    if not isinstance(found, str):
        raise Broken("m.invalid_message")
    return found


def texts_in(content: JSON, name: str) -> list[str]:
    """The strings under a name, at most MOST_ENTRIES. Raises Broken for anything else."""
    found = content.get(name)
    if not isinstance(found, list) or len(found) > MOST_ENTRIES:
        raise Broken("m.invalid_message")
    if not all(isinstance(item, str) for item in found):
        raise Broken("m.invalid_message")
    return found
