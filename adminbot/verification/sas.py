"""One comparison of emoji between two devices: what is sent, what may come back. No I/O.

Source: client-server API, "Short Authentication String (SAS) verification". matrix-nio 0.26 has
a comparison, too, in a form that Element cancels; only nio's table of emoji is used.
"""

import hashlib
import hmac
from dataclasses import dataclass

from nio.crypto.sas import Sas as NioSas
from vodozemac import Curve25519PublicKey, EstablishedSas, Sas

from adminbot.crypto.crosssigning import unpadded, whole_canonical
from adminbot.verification.events import (
    JSON,
    METHOD,
    MOST_ENTRIES,
    Broken,
    Message,
    Party,
    part_of,
    text_in,
    texts_in,
)

_AGREEMENT = "curve25519-hkdf-sha256"
_HASH = "sha256"
_MAC = "hkdf-hmac-sha256.v2"
_SHOWN_AS = ("decimal", "emoji")
# matrix-nio's table, with the names that Element has for three of them.
_NAMES = {"Wrench": "Spanner", "Thumbs up": "Thumbs Up", "Airplane": "Aeroplane"}
_EMOJI = [(symbol, _NAMES.get(name, name)) for symbol, name in NioSas.emoji]


@dataclass(frozen=True, slots=True)
class ShortString:
    """What the two people compare: seven emoji with their names; the same as three numbers."""

    emoji: tuple[tuple[str, str], ...]
    numbers: tuple[int, int, int]


class Comparison:
    """From the start to both MACs, from our side; either side may start.

    `take` is given the other device's messages, and returns the messages to send. `shown` appears
    once both keys are there; `agree` is called when the people at our side say that the emoji are
    the same. The other identity is verified when `agreed` and `proven` both hold.
    """

    def __init__(self, transaction: str, us: Party, them: Party) -> None:
        self._transaction = transaction
        self._us = us
        self.them = them
        self._sas = Sas()
        self._own_key: str = self._sas.public_key.to_base64()
        self._start: JSON = {}
        self._we_started = False
        self._commitment = ""
        self._secret: EstablishedSas | None = None
        self._awaits = "start"
        self.shown: ShortString | None = None
        self.agreed = False

    @property
    def proven(self) -> bool:
        """The other side holds the known keys, and has said that the emoji are the same."""
        return not self._awaits

    # -- our turns

    def begin(self) -> Message:
        """Send the start ourselves."""
        self._start = self._part(
            {
                "from_device": self._us.device_id,
                "method": METHOD,
                "key_agreement_protocols": [_AGREEMENT],
                "hashes": [_HASH],
                "message_authentication_codes": [_MAC],
                "short_authentication_string": list(_SHOWN_AS),
            }
        )
        self._we_started = True
        self._awaits = "accept"
        return "start", self._start

    def agree(self) -> Message:
        """Our side says that the emoji are the same: vouch for our keys.

        "MAC calculation" in the specification.
        """
        secret = self._established
        keys = self._us.keys
        info = self._mac_info(self._us, self.them)
        macs = {name: secret.calculate_mac(key, info + name) for name, key in keys.items()}
        names = secret.calculate_mac(",".join(sorted(keys)), f"{info}KEY_IDS")
        self.agreed = True
        return "mac", self._part({"mac": macs, "keys": names})

    # -- their turns

    def take(self, kind: str, content: JSON) -> list[Message]:
        """What to answer to a message of the other device. Raises Broken."""
        if kind == "start" and self._awaits == "accept":
            return self._both_started(content)
        if kind != self._awaits:
            raise Broken("m.unexpected_message")
        take = {
            "start": self._take_start,
            "accept": self._take_accept,
            "key": self._take_key,
            "mac": self._take_mac,
        }
        return take[kind](content)

    def _both_started(self, content: JSON) -> list[Message]:
        """The start of the smaller user id counts; the other start is ignored."""
        if text_in(content, "method") != METHOD:
            raise Broken("m.unexpected_message")
        if self._us.user_id < self.them.user_id:
            return []
        self._we_started = False
        return self._take_start(content)

    def _take_start(self, content: JSON) -> list[Message]:
        if text_in(content, "from_device") != self.them.device_id:
            raise Broken("m.unexpected_message")
        if text_in(content, "method") != METHOD:
            raise Broken("m.unknown_method")
        offered = {
            "key_agreement_protocols": _AGREEMENT,
            "hashes": _HASH,
            "message_authentication_codes": _MAC,
        }
        if any(wanted not in texts_in(content, name) for name, wanted in offered.items()):
            raise Broken("m.unknown_method")
        shown_as = texts_in(content, "short_authentication_string")
        common = [way for way in _SHOWN_AS if way in shown_as]
        if not common:
            raise Broken("m.unknown_method")
        self._start = content
        self._awaits = "key"
        accept = {
            "method": METHOD,
            "key_agreement_protocol": _AGREEMENT,
            "hash": _HASH,
            "message_authentication_code": _MAC,
            "short_authentication_string": common,
            "commitment": self._commitment_to(self._own_key),
        }
        return [("accept", self._part(accept))]

    def _take_accept(self, content: JSON) -> list[Message]:
        chosen = {
            "key_agreement_protocol": _AGREEMENT,
            "hash": _HASH,
            "message_authentication_code": _MAC,
        }
        if any(text_in(content, name) != ours for name, ours in chosen.items()):
            raise Broken("m.unknown_method")
        if not set(_SHOWN_AS) & set(texts_in(content, "short_authentication_string")):
            raise Broken("m.unknown_method")
        self._commitment = text_in(content, "commitment")
        self._awaits = "key"
        return [self._key()]

    def _take_key(self, content: JSON) -> list[Message]:
        try:
            key = Curve25519PublicKey.from_base64(text_in(content, "key"))
            theirs: str = key.to_base64()
            if self._we_started:
                self._check_commitment(theirs)
            self._secret = self._sas.diffie_hellman(key)
        except ValueError as exc:  # no key, or one that leads to a known secret
            raise Broken("m.invalid_message") from exc
        keys = {self._us: self._own_key, self.them: theirs}
        self._awaits = "mac"
        self.shown = self._short_string(self._secret, keys)
        return [] if self._we_started else [self._key()]

    def _take_mac(self, content: JSON) -> list[Message]:
        macs = content.get("mac")
        if not isinstance(macs, dict) or not 0 < len(macs) <= MOST_ENTRIES:
            raise Broken("m.invalid_message")
        expected = self.them.keys
        if len(expected) != 2 or not expected.keys() <= macs.keys():
            # Without the master key only a device would be verified. A device id that looks
            # like the master key would let one MAC stand for both.
            raise Broken("m.key_mismatch")
        self._check_mac("KEY_IDS", ",".join(sorted(macs)), text_in(content, "keys"))
        for name, key in expected.items():
            self._check_mac(name, key, text_in(macs, name))
        self._awaits = ""
        return []

    # -- what is computed

    @property
    def _established(self) -> EstablishedSas:
        if self._secret is None:
            raise Broken("m.unexpected_message")
        return self._secret

    def _key(self) -> Message:
        return "key", self._part({"key": self._own_key})

    def _part(self, content: JSON) -> JSON:
        return content | {"m.relates_to": part_of(self._transaction)}

    def _commitment_to(self, key: str) -> str:
        """A hash over a public key and the start as a whole: nothing is left out of the start."""
        try:
            start = whole_canonical(self._start)
        except (ValueError, RecursionError) as exc:  # half a character, or nested too deep
            raise Broken("m.invalid_message") from exc
        return unpadded(hashlib.sha256(key.encode() + start).digest())

    def _check_commitment(self, their_key: str) -> None:
        expected = self._commitment_to(their_key).encode()
        if not hmac.compare_digest(expected, self._commitment.encode("utf-8", "replace")):
            raise Broken("m.mismatched_commitment")

    def _short_string(self, secret: EstablishedSas, keys: dict[Party, str]) -> ShortString:
        """As the specification's "SAS HKDF calculation" has it."""
        order = (self._us, self.them) if self._we_started else (self.them, self._us)
        sides = [f"{side.user_id}|{side.device_id}|{keys[side]}" for side in order]
        info = "|".join(["MATRIX_KEY_VERIFICATION_SAS", *sides, self._transaction])
        found = secret.bytes(info)
        emoji = tuple(_EMOJI[index] for index in found.emoji_indices)
        return ShortString(emoji, found.decimals)

    def _mac_info(self, sender: Party, receiver: Party) -> str:
        return (
            f"MATRIX_KEY_VERIFICATION_MAC{sender.user_id}{sender.device_id}"
            f"{receiver.user_id}{receiver.device_id}{self._transaction}"
        )

    def _check_mac(self, name: str, value: str, mac: str) -> None:
        info = self._mac_info(self.them, self._us) + name
        try:
            self._established.verify_mac(value, info, mac)
        except ValueError as exc:
            raise Broken("m.key_mismatch") from exc
