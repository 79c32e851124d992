"""Two sides of our own code compare emoji; whatever does not fit ends it with the right code."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from vodozemac import Sas

from adminbot.crypto.crosssigning import unpadded
from adminbot.verification import sas
from adminbot.verification.events import Broken, Message, Party
from adminbot.verification.sas import Comparison

TXN = "$request:example.org"
ANN = Party("@ann:example.org", "ANNPHONE", "A" * 43, "M" * 43)
BOT = Party("@bot:example.org", "BOT1", "B" * 43, "N" * 43)


def pair() -> tuple[Comparison, Comparison]:
    """Ann's side and the bot's."""
    return Comparison(TXN, ANN, BOT), Comparison(TXN, BOT, ANN)


def deliver(message: Message, to: Comparison) -> list[Message]:
    """As it arrives: through JSON, as part of the transaction."""
    kind, content = json.loads(json.dumps(message))
    assert content["m.relates_to"] == {"rel_type": "m.reference", "event_id": TXN}
    return to.take(kind, content)


def exchanged(starter: Comparison, other: Comparison) -> None:
    """Start, accept and both keys."""
    [accept] = deliver(starter.begin(), other)
    [key] = deliver(accept, starter)
    [other_key] = deliver(key, other)
    assert deliver(other_key, starter) == []


def code_of(act: Callable[..., Any], *given: Any) -> str:
    with pytest.raises(Broken) as caught:
        act(*given)
    return caught.value.code


@pytest.mark.parametrize("swapped", [False, True])
def test_both_see_the_same_and_prove_their_keys(swapped: bool) -> None:
    starter, other = pair()[::-1] if swapped else pair()
    assert starter.shown is None
    exchanged(starter, other)
    assert starter.shown
    assert starter.shown == other.shown
    assert len(starter.shown.emoji) == 7
    assert all(symbol and name for symbol, name in starter.shown.emoji)
    assert all(1000 <= number <= 9191 for number in starter.shown.numbers)

    assert deliver(starter.agree(), other) == []
    assert (other.agreed, other.proven) == (False, True)
    assert (starter.agreed, starter.proven) == (True, False)
    assert deliver(other.agree(), starter) == []
    assert starter.agreed
    assert starter.proven


def test_two_transactions_differ() -> None:
    first, second = pair(), pair()
    exchanged(*first)
    exchanged(*second)
    assert first[0].shown != second[0].shown  # wrong once in 2^42


def test_of_two_starts_that_of_the_smaller_user_id_counts() -> None:
    ann, bot = pair()
    from_ann, from_bot = ann.begin(), bot.begin()
    assert deliver(from_bot, ann) == []
    [accept] = deliver(from_ann, bot)
    [key] = deliver(accept, ann)
    [bots_key] = deliver(key, bot)
    deliver(bots_key, ann)
    assert ann.shown
    assert ann.shown == bot.shown


def test_two_starts_of_different_methods_end_it() -> None:
    ann, bot = pair()
    bot.begin()
    _, start = ann.begin()
    assert code_of(bot.take, "start", start | {"method": "m.other"}) == ("m.unexpected_message")


def test_the_commitment_is_over_the_whole_start() -> None:
    """Also what canonical JSON for signing leaves out: `signatures` and `unsigned`."""
    ann, bot = pair()
    _, start = ann.begin()
    start |= {"unsigned": {"ä": 1}, "signatures": {}, "more": [True, None]}
    [(_, accept)] = bot.take("start", start)
    [(_, key)] = bot.take("key", {"key": Sas().public_key.to_base64()})
    text = json.dumps(start, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256((key["key"] + text).encode()).digest()
    assert accept["commitment"] == unpadded(digest)
    assert "=" not in accept["commitment"]


def test_another_key_than_promised_is_noticed() -> None:
    ann, bot = pair()
    [accept] = deliver(ann.begin(), bot)
    deliver(accept, ann)
    other = {"key": Sas().public_key.to_base64()}
    assert code_of(ann.take, "key", other) == "m.mismatched_commitment"
    assert ann.shown is None


def test_a_start_changed_on_the_way_is_noticed() -> None:
    ann, bot = pair()
    kind, start = ann.begin()
    [accept] = bot.take(kind, start | {"hashes": ["sha256", "md5"]})
    [key] = deliver(accept, ann)
    [bots_key] = deliver(key, bot)
    assert code_of(deliver, bots_key, ann) == "m.mismatched_commitment"


def test_a_key_changed_on_the_way_shows_other_emoji() -> None:
    ann, bot = pair()
    [accept] = deliver(ann.begin(), bot)
    deliver(accept, ann)
    [bots_key] = bot.take("key", {"key": Sas().public_key.to_base64()})
    deliver(bots_key, ann)
    assert ann.shown
    assert bot.shown
    assert ann.shown != bot.shown


# -- MACs


def macs() -> tuple[Comparison, dict[str, Any]]:
    """The bot, waiting for Ann's MAC, and that."""
    ann, bot = pair()
    exchanged(ann, bot)
    return bot, ann.agree()[1]


def without(content: dict[str, Any], name: str) -> dict[str, Any]:
    return content | {"mac": {key: mac for key, mac in content["mac"].items() if key != name}}


def test_a_mac_of_another_key_is_noticed() -> None:
    """Each of the two keys, as we know it, is what the MAC has to be of."""
    for wrong in (replace(ANN, device_key="C" * 43), replace(ANN, master_key="C" * 43)):
        ann, bot = Comparison(TXN, ANN, BOT), Comparison(TXN, BOT, wrong)
        exchanged(ann, bot)
        mac = ann.agree()
        assert code_of(deliver, mac, bot) == "m.key_mismatch"
        assert not bot.proven


def test_a_mac_without_the_master_key_is_not_enough() -> None:
    """Not by leaving it out, and not by a consistent message that never had it."""
    bot, content = macs()
    left_out = without(content, f"ed25519:{ANN.master_key}")
    assert code_of(bot.take, "mac", left_out) == "m.key_mismatch"

    device_only = replace(ANN, master_key=ANN.device_id)  # one key id for both
    ann, bot = Comparison(TXN, device_only, BOT), Comparison(TXN, BOT, ANN)
    exchanged(ann, bot)
    assert code_of(deliver, ann.agree(), bot) == "m.key_mismatch"


def test_a_mac_without_the_device_is_not_enough() -> None:
    bot, content = macs()
    left_out = without(content, f"ed25519:{ANN.device_id}")
    assert code_of(bot.take, "mac", left_out) == "m.key_mismatch"


def test_one_key_id_for_device_and_identity_is_refused() -> None:
    """A server can call a device like the master key (as in CVE-2022-39250)."""
    confused = replace(ANN, device_id=ANN.master_key)
    ann, bot = Comparison(TXN, confused, BOT), Comparison(TXN, BOT, confused)
    exchanged(ann, bot)
    assert code_of(deliver, ann.agree(), bot) == "m.key_mismatch"


def test_a_key_added_on_the_way_is_noticed() -> None:
    bot, content = macs()
    added = content | {"mac": content["mac"] | {"ed25519:MORE": "A" * 43}}
    assert code_of(bot.take, "mac", added) == "m.key_mismatch"


def test_a_key_that_we_do_not_know_may_be_vouched_for() -> None:
    """Others may MAC more keys than the two that count here."""
    ann, bot = pair()
    exchanged(ann, bot)
    secret = ann._secret
    assert secret
    info = ann._mac_info(ANN, BOT)
    keys = {**ANN.keys, "ed25519:ZZZ": "Z" * 43}
    content = {
        "mac": {name: secret.calculate_mac(key, info + name) for name, key in keys.items()},
        "keys": secret.calculate_mac(",".join(sorted(keys)), f"{info}KEY_IDS"),
    }
    bot.take("mac", content)
    assert bot.proven


def test_our_mac_sent_back_to_us_proves_nothing() -> None:
    ann, bot = pair()
    exchanged(ann, bot)
    assert code_of(deliver, bot.agree(), bot) == "m.key_mismatch"


# -- out of order


def test_what_comes_at_the_wrong_time_ends_it() -> None:
    ann, bot = pair()
    for kind in ("accept", "key", "mac", "ready", "done", "", "start.start"):
        assert code_of(bot.take, kind, {}) == "m.unexpected_message"
    assert code_of(bot.agree) == "m.unexpected_message"
    exchanged(ann, bot)
    deliver(ann.agree(), bot)
    assert code_of(deliver, ann.agree(), bot) == "m.unexpected_message"
    assert code_of(bot.take, "start", {}) == "m.unexpected_message"


# -- malformed

JUNK: list[Any] = [None, 7, True, [], {}, [1], {"a": 1}, ["x"] * 1000]
TEXTS = ["from_device", "method"]
LISTS = [
    "key_agreement_protocols",
    "hashes",
    "message_authentication_codes",
    "short_authentication_string",
]


def broken(content: dict[str, Any], name: str, kind: type) -> list[dict[str, Any]]:
    """Copies with everything in place of one field that it cannot be, and without it."""
    wrong = [junk for junk in JUNK if not (isinstance(junk, kind) and junk == [])]
    copies = [content | {name: junk} for junk in [*wrong, *([""] if kind is list else [])]]
    return [*copies, {key: value for key, value in content.items() if key != name}]


@pytest.mark.parametrize("name", [*TEXTS, *LISTS])
def test_a_malformed_start(name: str) -> None:
    _, good = Comparison(TXN, ANN, BOT).begin()
    for content in broken(good, name, list if name in LISTS else str):
        bot = Comparison(TXN, BOT, ANN)
        code = code_of(bot.take, "start", content)
        assert code == "m.invalid_message", content


@pytest.mark.parametrize("name", LISTS)
def test_nothing_in_common(name: str) -> None:
    _, good = Comparison(TXN, ANN, BOT).begin()
    for offered in ([], ["older"]):
        bot = Comparison(TXN, BOT, ANN)
        content = good | {name: offered}
        assert code_of(bot.take, "start", content) == ("m.unknown_method")


def test_another_method_and_another_device() -> None:
    _, good = Comparison(TXN, ANN, BOT).begin()
    qr = good | {"method": "m.reciprocate.v1"}
    assert code_of(pair()[1].take, "start", qr) == "m.unknown_method"
    other = good | {"from_device": "ANNLAPTOP"}
    assert code_of(pair()[1].take, "start", other) == "m.unexpected_message"


def test_a_start_that_cannot_be_hashed() -> None:
    """Half a character, which JSON can hold and UTF-8 cannot."""
    _, good = Comparison(TXN, ANN, BOT).begin()
    content = json.loads(json.dumps(good | {"more": "\ud800"}))
    assert code_of(pair()[1].take, "start", content) == "m.invalid_message"


def test_numbers_alone_will_do() -> None:
    ann, bot = pair()
    kind, start = ann.begin()
    [(_, accept)] = bot.take(kind, start | {"short_authentication_string": ["decimal", "smell"]})
    assert accept["short_authentication_string"] == ["decimal"]


@pytest.mark.parametrize(
    "name",
    [
        "key_agreement_protocol",
        "hash",
        "message_authentication_code",
        "short_authentication_string",
        "commitment",
    ],
)
def test_a_malformed_accept(name: str) -> None:
    ann, bot = pair()
    [(_, good)] = deliver(ann.begin(), bot)
    kind = list if name == "short_authentication_string" else str
    for content in broken(good, name, kind):
        ann = Comparison(TXN, ANN, BOT)
        ann.begin()
        code = code_of(ann.take, "accept", content)
        assert code == "m.invalid_message", content
    if name != "commitment":
        ann = Comparison(TXN, ANN, BOT)
        ann.begin()
        odd: Any = ["older"] if kind is list else "older"
        assert code_of(ann.take, "accept", good | {name: odd}) == "m.unknown_method"


@pytest.mark.parametrize(
    "key", [*JUNK, "", "!", "A", "A" * 42, "A" * 43, "A" * 44, "é" * 43, "\ud800" * 43]
)
def test_a_malformed_key(key: Any) -> None:
    """`"A" * 43` is well-formed, and a point that leads to a secret everybody knows."""
    ann, bot = pair()
    deliver(ann.begin(), bot)
    assert code_of(bot.take, "key", {"key": key}) == "m.invalid_message"
    assert code_of(bot.take, "key", {}) == "m.invalid_message"
    assert bot.shown is None


@pytest.mark.parametrize("junk", JUNK)
def test_a_malformed_mac(junk: Any) -> None:
    bot, good = macs()
    for content in ({}, good | {"keys": junk}, good | {"mac": junk}):
        code = code_of(bot.take, "mac", content)
        assert code in ("m.invalid_message", "m.key_mismatch"), content
    for name in good["mac"]:
        content = good | {"mac": good["mac"] | {name: junk}}
        assert code_of(bot.take, "mac", content) == "m.invalid_message"
    for text in ("", "!", "A" * 43, "\ud800"):
        assert code_of(bot.take, "mac", good | {"keys": text}) == ("m.key_mismatch")
    odd = good | {"mac": good["mac"] | {"\ud800": "x"}}
    assert code_of(bot.take, "mac", odd) == "m.key_mismatch"
    assert not bot.proven
    bot.take("mac", good)
    assert bot.proven


def test_the_table_is_that_of_element() -> None:
    """Read out of matrix-sdk-crypto-wasm 18.9.0: people compare the names, too."""
    table = """
        🐶Dog 🐱Cat 🦁Lion 🐎Horse 🦄Unicorn 🐷Pig 🐘Elephant 🐰Rabbit 🐼Panda 🐓Rooster 🐧Penguin
        🐢Turtle 🐟Fish 🐙Octopus 🦋Butterfly 🌷Flower 🌳Tree 🌵Cactus 🍄Mushroom 🌏Globe 🌙Moon
        ☁️Cloud 🔥Fire 🍌Banana 🍎Apple 🍓Strawberry 🌽Corn 🍕Pizza 🎂Cake ❤️Heart 😀Smiley 🤖Robot
        🎩Hat 👓Glasses 🔧Spanner 🎅Santa 👍Thumbs-Up ☂️Umbrella ⌛Hourglass ⏰Clock 🎁Gift
        💡Light-Bulb 📕Book ✏️Pencil 📎Paperclip ✂️Scissors 🔒Lock 🔑Key 🔨Hammer ☎️Telephone 🏁Flag
        🚂Train 🚲Bicycle ✈️Aeroplane 🚀Rocket 🏆Trophy ⚽Ball 🎸Guitar 🎺Trumpet 🔔Bell ⚓Anchor
        🎧Headphones 📁Folder 📌Pin
    """
    ours = [symbol + name.replace(" ", "-") for symbol, name in sas._EMOJI]
    assert ours == table.split()
