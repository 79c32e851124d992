"""Names of bots, user ids and device ids."""

import re
from typing import Any

import pytest

from adminbot.errors import UsageError
from adminbot.values.ids import BotName, UserId, names_like, new_device_id, parse_device_id, txn_id

SERVER = "example.org"


@pytest.mark.parametrize(
    ("typed", "localpart", "changed_from"),
    [
        ("nanobot", "nanobot", ""),
        ("NanoBot", "nanobot", "NanoBot"),
        ("My  Pal", "my-pal", "My  Pal"),
        ("  spaced ", "spaced", ""),
        ("@nanobot", "nanobot", ""),
        ("@nanobot:example.org", "nanobot", ""),
        ("nanobot:example.org", "nanobot", ""),
        ("@NANO:example.org", "nano", "NANO"),
        ("a.b_c-d=e/f+g", "a.b_c-d=e/f+g", ""),
        ("7bots", "7bots", ""),
    ],
)
def test_what_is_typed_becomes_a_name_and_the_change_is_known(
    typed: str, localpart: str, changed_from: str
) -> None:
    assert BotName.parse(typed, SERVER) == BotName(localpart, changed_from)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "it is empty"),
        ("@", "it is empty"),
        ("bad$name", "not \\$"),
        ("🤖", "only a-z 0-9"),
        ("a\x00b", "only a-z 0-9"),
        ("_under", "may not begin with _"),
        ("12345", "may not be all digits"),
        ("a" * 243, "255 characters at most"),
        ("@x:elsewhere.org", "on example.org only"),
        ("x:", "on example.org only"),
        ("x:example.org:443", "on example.org only"),
    ],
)
def test_a_name_that_synapse_would_refuse_is_refused_in_words(typed: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        BotName.parse(typed, SERVER)


def test_the_longest_name_that_fits_is_taken() -> None:
    """`@` + name + `:example.org` may have 255 bytes."""
    assert BotName.parse("a" * 242, SERVER).localpart == "a" * 242


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Küche", "kueche"),
        ("KU\u0308CHE", "kueche"),
        ("Straße", "strasse"),
        ("Café Olé", "cafe-ole"),
        ("Żółw", "zolw"),
        ("İstanbul", "istanbul"),
        ("Москва", "moskva"),
        ("北京", "bei-jing"),
        ("my_bot.2", "my_bot.2"),
    ],
)
def test_letters_of_other_alphabets_are_written_in_latin_ones(typed: str, name: str) -> None:
    made = BotName.parse(typed, "example.org")
    assert made.localpart == name
    assert bool(made.changed_from) == (typed != name)


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        *[("bad$name", "badname"), ("_under", "under"), ("12345", "bot12345")],
        *[("🤖", "nanobot"), ("", "nanobot"), ("a" * 300, "a" * 40), ("@x:elsewhere.org", "x")],
        *[
            ("__", "nanobot"),
            ("_1$", "bot1"),
            (":elsewhere.org", "nanobot"),
            ("Ä:b.org", "ae"),
        ],
    ],
)
def test_the_suggested_name_works(typed: str, suggested: str) -> None:
    with pytest.raises(UsageError) as caught:
        BotName.parse(typed, SERVER)
    [named] = re.findall(r"`!newbot ([^`]*)`", caught.value.hint)

    assert named == suggested
    assert BotName.parse(named, SERVER).localpart == suggested


@pytest.mark.parametrize(
    ("taken", "others"),
    [
        ("nano", ["nano2", "nano3"]),
        ("nano2", ["nano3", "nano4"]),
        ("nano-99", ["nano-100", "nano-101"]),
        ("bot2026", ["bot20262", "bot20263"]),
        ("7", ["72", "73"]),
    ],
)
def test_a_taken_name_leads_to_names_like_it(taken: str, others: list[str]) -> None:
    assert list(names_like(taken))[:2] == others


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("$" * 60_000, id="long"),
        pytest.param("x" * 60_000 + ":y", id="of another server"),
        pytest.param("".join(map(chr, range(4096, 24_000))), id="many signs"),
    ],
)
def test_a_refusal_does_not_repeat_a_novel(typed: str) -> None:
    """A Matrix event has room for 65 kB; an answer that does not fit would be none."""
    with pytest.raises(UsageError) as caught:
        BotName.parse(typed, SERVER)

    assert len(caught.value.message()) < 1000


@pytest.mark.parametrize(
    "text", ["@you:example.org", "@a/b=c:[::1]:8448", "@You:example.org", "@ö:example.org"]
)
def test_a_user_id_is_read_and_written_alike(text: str) -> None:
    assert str(UserId.parse(text)) == text


def test_the_server_of_a_user_id_may_have_a_port() -> None:
    assert UserId.parse("@you:example.org:8448") == UserId("you", "example.org:8448")


@pytest.mark.parametrize(
    "text", ["", "you", "@you", "@you:", "@:example.org", "you:example.org", "@a b:x", "!a:x"]
)
def test_anything_else_is_no_user_id(text: str) -> None:
    with pytest.raises(ValueError, match="not a Matrix user id"):
        UserId.parse(text)


@pytest.mark.parametrize("name", ["nanobot", "a", "", "My-Pal_7", "ö", "x" * 200])
def test_a_device_id_is_readable_and_another_one_each_time(name: str) -> None:
    made = {new_device_id(name) for _ in range(50)}

    assert len(made) == 50
    for device_id in made:
        assert re.fullmatch(r"[A-Z0-9]{10,64}", device_id)
        assert parse_device_id(device_id) == device_id


def test_a_device_id_begins_with_the_name() -> None:
    assert new_device_id("nano-bot").startswith("NANOBOT")


@pytest.mark.parametrize("text", ["", "a b", "a/b", "é", "x" * 65, "A\n", "`"])
def test_an_odd_device_id_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="A device id is"):
        parse_device_id(text)


# -- transaction ids


def test_the_same_event_has_the_same_transaction_id_in_every_process() -> None:
    assert txn_id("card", 7, "!dm:example.org") == "card-b7e338fc33fbeab9014b678f54dbad8c"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("card", 7, "!a"), ("card", 7, "!b")),
        (("card", 7, "!a"), ("alarm", 7, "!a")),
        (("card", "ab", "c"), ("card", "a", "bc")),
        (("card", "a b"), ("card", "a", "b")),
        # the same CRC-32, which these ids were made of
        (("arrived", "plumless"), ("arrived", "buckeroo")),
    ],
)
def test_another_event_has_another(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert txn_id(*one) != txn_id(*other)
