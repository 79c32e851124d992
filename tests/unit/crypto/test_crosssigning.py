"""Whose device is whose: signatures that hold, and every kind that does not."""

import base64
import copy
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from adminbot.crypto.crosssigning import (
    DeviceState,
    Identity,
    SigningKey,
    canonical,
    device_state,
    is_signed,
    master_key,
    trusted_devices,
)

YOU = "@you:example.org"
JSON = dict[str, Any]


def identity() -> Identity:
    return Identity.from_seeds(Identity.new_seeds())


def device_of(owner: str = YOU, name: str = "PHONE", claims: JSON | None = None) -> JSON:
    """A device's keys as the device itself publishes them."""
    own = SigningKey(bytes([7] * 32))
    keys: JSON = {
        "user_id": owner,
        "device_id": name,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {f"ed25519:{name}": own.public, f"curve25519:{name}": "c" * 43},
        **(claims or {}),
    }
    return keys | {"signatures": {owner: {f"ed25519:{name}": own.sign(keys)}}}


def signed_by(by: Identity, device: JSON, user_id: str = YOU) -> JSON:
    [(_, devices)] = by.device_signature(user_id, device).items()
    [(_, signed)] = devices.items()
    signatures = {user_id: device["signatures"][user_id] | signed["signatures"][user_id]}
    return device | {"signatures": signatures}


def answer_of(by: Identity, *devices: JSON, user_id: str = YOU) -> JSON:
    """A /keys/query answer: this identity, these devices."""
    body = by.upload_body(user_id)
    return {
        "device_keys": {user_id: {device["device_id"]: device for device in devices}},
        "master_keys": {user_id: body["master_key"]},
        "self_signing_keys": {user_id: body["self_signing_key"]},
    }


MINE = identity()
MASTER = MINE.master.public
GOOD = answer_of(MINE, signed_by(MINE, device_of()))


@pytest.mark.parametrize(
    ("value", "signature"),
    [
        (
            {},
            "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ",
        ),
        (
            {"one": 1, "two": "Two"},
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ],
)
def test_signatures_are_those_of_the_specification(value: JSON, signature: str) -> None:
    """Matrix specification, appendices, "Cryptographic test vectors"."""
    seed = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"
    key = SigningKey(_unpadded_bytes(seed))

    assert key.sign(value) == signature


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": {"d": [1, None, True], "c": ""}}, '{"a":{"c":"","d":[1,null,true]},"b":1}'),
        ({"日": "本", "é": '"\\\n'}, '{"é":"\\"\\\\\\n","日":"本"}'),
        ({"a": 1, "signatures": {}, "unsigned": {}}, '{"a":1}'),
        ({"a": {"signatures": 1}}, '{"a":{"signatures":1}}'),
    ],
)
def test_the_canonical_form_is_that_of_the_specification(value: JSON, text: str) -> None:
    assert canonical(value).decode() == text


def test_a_device_of_the_identity_is_trusted() -> None:
    assert trusted_devices(GOOD, YOU, MASTER) == GOOD["device_keys"][YOU]
    assert master_key(GOOD, YOU) == MASTER


def test_what_the_server_adds_and_who_else_signed_does_not_matter() -> None:
    answer = copy.deepcopy(GOOD)
    device = answer["device_keys"][YOU]["PHONE"]
    device["unsigned"] = {"device_display_name": "Phone"}
    device["signatures"]["@else:example.org"] = {"ed25519:x": "y"}
    answer["user_signing_keys"] = {YOU: "junk"}

    assert set(trusted_devices(answer, YOU, MASTER)) == {"PHONE"}


def test_only_the_signed_one_of_two_devices_is_trusted() -> None:
    answer = answer_of(MINE, signed_by(MINE, device_of()), device_of(name="ROGUE"))

    assert set(trusted_devices(answer, YOU, MASTER)) == {"PHONE"}
    assert set(trusted_devices(answer, YOU, None)) == {"PHONE", "ROGUE"}


def _with(change: JSON) -> JSON:
    return copy.deepcopy(GOOD) | change


def bad_answers() -> Iterator[tuple[str, JSON]]:
    """What a server, or a thief with the account, might serve in place of GOOD."""
    other = identity()
    phone = device_of()
    yield "another identity", answer_of(other, signed_by(other, phone))
    yield "no identity", {"device_keys": GOOD["device_keys"]}
    yield "master only", _with({"self_signing_keys": {}})
    yield "no master", _with({"master_keys": {}})
    foreign = answer_of(other)["self_signing_keys"]
    replaced = answer_of(MINE, signed_by(other, phone)) | {"self_signing_keys": foreign}
    yield "self-signing key of a foreign master", replaced
    unsigned = copy.deepcopy(GOOD)
    del unsigned["self_signing_keys"][YOU]["signatures"]
    yield "self-signing key not signed", unsigned
    claimed = copy.deepcopy(replaced)
    named = claimed["self_signing_keys"][YOU]
    named["signatures"] = {YOU: {f"ed25519:{MASTER}": other.master.sign(named)}}
    yield "self-signing key signed by a foreign master under our key's name", claimed
    yield "device signed by a replaced identity", answer_of(MINE, signed_by(other, phone))
    yield "device not signed", answer_of(MINE, phone)
    by_master = copy.deepcopy(phone)
    by_master["signatures"][YOU][f"ed25519:{MASTER}"] = MINE.master.sign(phone)
    yield "device signed by the master key", answer_of(MINE, by_master)
    by_user_signing = copy.deepcopy(phone)
    by_user_signing["signatures"][YOU][f"ed25519:{MINE.user_signing.public}"] = (
        MINE.user_signing.sign(phone)
    )
    yield "device signed by the user-signing key", answer_of(MINE, by_user_signing)
    confused = MINE.upload_body(YOU)["user_signing_key"]
    as_self = answer_of(MINE, by_user_signing) | {"self_signing_keys": {YOU: confused}}
    yield "user-signing key as self-signing key", as_self
    forged = copy.deepcopy(GOOD)
    keys = forged["device_keys"][YOU]["PHONE"]
    keys["signatures"][YOU]["ed25519:PHONE"] = MINE.master.sign(keys)
    yield "device's own signature wrong", forged
    silent = copy.deepcopy(GOOD)
    del silent["device_keys"][YOU]["PHONE"]["signatures"][YOU]["ed25519:PHONE"]
    yield "device's own signature missing", silent
    swapped = copy.deepcopy(GOOD)
    swapped["device_keys"][YOU]["PHONE"]["keys"]["curve25519:PHONE"] = "d" * 43
    yield "encryption key exchanged", swapped
    moved = copy.deepcopy(GOOD)
    moved["device_keys"][YOU]["OTHER"] = moved["device_keys"][YOU].pop("PHONE")
    yield "device under another id", moved
    her = "@her:example.org"
    for claim in ({"user_id": her}, {"device_id": "OTHER"}):
        liar = {"PHONE": signed_by(MINE, device_of(claims=claim))}
        yield (
            f"device that claims another {next(iter(claim))}",
            _with({"device_keys": {YOU: liar}}),
        )
    theirs = answer_of(MINE, signed_by(MINE, device_of(her), her))
    yield "somebody else's device under our name", theirs
    elsewhere = {part: {her: users[YOU]} for part, users in GOOD.items()}
    yield "our keys under somebody else's name", elsewhere


@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in bad_answers()])
def test_no_device_is_trusted_for(answer: JSON) -> None:
    assert trusted_devices(answer, YOU, MASTER) == {}


def test_two_master_keys_are_none() -> None:
    """Which of them was pinned would be the server's choice."""
    answer = copy.deepcopy(GOOD)
    answer["master_keys"][YOU]["keys"]["ed25519:x"] = "x"

    assert master_key(answer, YOU) is None
    assert trusted_devices(answer, YOU, MASTER) == {}


def test_a_master_key_must_be_called_what_it_is() -> None:
    answer = copy.deepcopy(GOOD)
    answer["master_keys"][YOU]["keys"] = {f"ed25519:{MASTER}": MINE.user_signing.public}

    assert master_key(answer, YOU) is None


OTHER = identity()
TABLET = device_of(name="TABLET")
FORGED = device_of() | {"signatures": TABLET["signatures"]}


@pytest.mark.parametrize(
    ("answer", "device", "counts", "state"),
    [
        (GOOD, "PHONE", MASTER, DeviceState.TRUSTED),
        (answer_of(MINE, device_of()), "PHONE", MASTER, DeviceState.UNSIGNED),
        ({"device_keys": GOOD["device_keys"]}, "PHONE", MASTER, DeviceState.UNSIGNED),
        ({"device_keys": GOOD["device_keys"]}, "PHONE", "", DeviceState.UNSIGNED),
        (answer_of(MINE, signed_by(OTHER, device_of())), "PHONE", MASTER, DeviceState.UNSIGNED),
        (
            answer_of(MINE, device_of(), signed_by(MINE, TABLET)),
            *("PHONE", MASTER, DeviceState.UNSIGNED),
        ),
        (GOOD, "TABLET", MASTER, DeviceState.NEVER_STARTED),
        (answer_of(MINE, FORGED), "PHONE", MASTER, DeviceState.NEVER_STARTED),
        ({"device_keys": {}}, "PHONE", MASTER, DeviceState.NEVER_STARTED),
        (GOOD, None, MASTER, DeviceState.SIGNED_OUT),
        (answer_of(OTHER, signed_by(OTHER, device_of())), "PHONE", MASTER, DeviceState.REPLACED),
        (answer_of(OTHER, device_of()), "PHONE", MASTER, DeviceState.REPLACED),
        (answer_of(OTHER), "PHONE", MASTER, DeviceState.REPLACED),
        (answer_of(OTHER), None, MASTER, DeviceState.REPLACED),
        (GOOD, "PHONE", "", DeviceState.REPLACED),
    ],
    ids=itertools.count(),  # the keys differ from run to run
)
def test_a_device_stands_by_the_identity_that_counts(
    answer: JSON, device: str | None, counts: str, state: DeviceState
) -> None:
    assert device_state(answer, YOU, device, counts) is state


# -- malformed shapes


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


JUNK = {
    **{"null": None, "zero": 0, "number": 5, "float": 1.5, "true": True, "nan": float("nan")},
    **{"empty": "", "text": "x", "accent": "é", "surrogate": "\ud800", "nul": "\x00"},
    **{"list": [], "object": {}, "lists": [[]], "objects": [{}], "nest": {"a": {"b": None}}},
    **{"numbers": {"ed25519:5": 5}, "listed": {"ed25519:['x']": ["x"]}, "base64": "A" * 43},
    **{"signature": "A" * 86, "deep": nested(600), "own name": YOU, "text key": {YOU: "x"}},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to everything in a JSON value, itself included."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def replaced_at(path: tuple[Any, ...], junk: Any) -> JSON:
    answer: JSON = copy.deepcopy(GOOD)
    inside: Any = answer
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = junk
    return answer


PLACES = [path for path in places(GOOD) if path]


@pytest.mark.parametrize("junk", [pytest.param(value, id=name) for name, value in JUNK.items()])
def test_junk_anywhere_in_an_answer_is_trusted_by_nobody_and_raises_nothing(junk: Any) -> None:
    for path in PLACES:
        answer = replaced_at(path, junk)
        if answer == GOOD:
            continue
        try:
            found = trusted_devices(answer, YOU, MASTER)
            anything = trusted_devices(answer, YOU, None)
            seen = master_key(answer, YOU)
        except Exception as exc:
            raise AssertionError(f"at {path}: {exc!r}") from exc
        assert found == {}, path
        assert set(anything) <= {"PHONE"}, path
        assert seen is None or isinstance(seen, str), path


@pytest.mark.parametrize("junk", [pytest.param(value, id=name) for name, value in JUNK.items()])
def test_junk_carries_no_signature(junk: Any) -> None:
    device = GOOD["device_keys"][YOU]["PHONE"]
    own = device["keys"]["ed25519:PHONE"]
    assert is_signed(device, YOU, "PHONE", own)

    assert not is_signed(junk, YOU, "PHONE", own)
    assert not is_signed(device, YOU, "PHONE", junk)
    assert not is_signed(device | {"signatures": junk}, YOU, "PHONE", own)
    assert not is_signed(device | {"signatures": {YOU: junk}}, YOU, "PHONE", own)


def test_seeds_make_the_same_identity_again() -> None:
    seeds = Identity.new_seeds()

    assert Identity.from_seeds(seeds).upload_body(YOU) == Identity.from_seeds(seeds).upload_body(
        YOU
    )
    assert len(set(json.loads(seeds).values())) == 3


def test_an_identity_does_not_print_its_seeds() -> None:
    seeds = Identity.new_seeds()
    shown = repr(Identity.from_seeds(seeds)) + repr(Identity.from_seeds(seeds).master)

    for seed in json.loads(seeds).values():
        assert seed not in shown


def _unpadded_bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
