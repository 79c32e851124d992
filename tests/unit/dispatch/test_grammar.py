"""From typed words to a command's arguments: the usage line is the grammar."""

import pytest

from adminbot.dispatch.grammar import Flag, Usage, split
from adminbot.errors import UsageError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("newbot x", ["newbot", "x"]),
        ('newbot "My Bot" y', ["newbot", "My Bot", "y"]),
        ("newbot “My Bot”", ["newbot", "My Bot"]),
        ("newbot „My Bot“ «Yours»", ["newbot", "My Bot", "Yours"]),
        ("setname Bob’s", ["setname", "Bob's"]),
        ('newbot ""', ["newbot", ""]),
        ('newbot "open', ["newbot", '"open']),
        ('newbot "a"b c', ["newbot", '"a"b', "c"]),
        ('newbot a"b c"', ["newbot", 'a"b', 'c"']),
        ("newbot x — y – z", ["newbot", "x", "—", "y", "–", "z"]),
        ("newbot a—b", ["newbot", "a—b"]),
        ("a\tb\u00a0c\nd", ["a", "b", "c", "d"]),
        ("", []),
    ],
)
def test_words_are_split_as_phones_type_them(line: str, words: list[str]) -> None:
    assert split(line) == words


def read(line: str, typed: str, **flags: str) -> tuple[dict[str, str], dict[str, str]]:
    declared = {name: Flag("", value) for name, value in flags.items()}
    args = Usage.parse("x", line, declared).read(split(typed))
    return dict(args.words), dict(args.flags)


@pytest.mark.parametrize(
    ("line", "typed", "words"),
    [
        ("", "", {}),
        ("NAME", "a", {"NAME": "a"}),
        ("[PAGE]", "", {}),
        ("[PAGE]", "2", {"PAGE": "2"}),
        ("NAME [DEVICE]", "a", {"NAME": "a"}),
        ("NAME [DEVICE]", "a b", {"NAME": "a", "DEVICE": "b"}),
        ("NAME ROOM", "a b", {"NAME": "a", "ROOM": "b"}),
        ("@USER", "@a:b", {"@USER": "@a:b"}),
        ("[WORD] [PAGE]", "a", {"WORD": "a"}),
        ("[WORD] [PAGE]", "a 2", {"WORD": "a", "PAGE": "2"}),
        ("NAME [3h|off]", "a off", {"NAME": "a", "3h|off": "off"}),
        ("NAME [Display name]", "a", {"NAME": "a"}),
        ("NAME [Display name]", "a b", {"NAME": "a", "Display name": "b"}),
        ("NAME [Display name]", "a b c  d", {"NAME": "a", "Display name": "b c d"}),
        ("NAME [Display name]", 'a "b  c" d', {"NAME": "a", "Display name": "b  c d"}),
        ("NAME Display name", "a b c", {"NAME": "a", "Display name": "b c"}),
        ("NAME [Display name]", 'a ""', {"NAME": "a", "Display name": ""}),
        ("NAME [TEXT…]", "a", {"NAME": "a"}),
        ("NAME [TEXT…]", "a what it is for", {"NAME": "a", "TEXT": "what it is for"}),
        ("NAME TEXT…", "a b c", {"NAME": "a", "TEXT": "b c"}),
        ("NAME TEXT…", "a – b — c", {"NAME": "a", "TEXT": "– b — c"}),
    ],
)
def test_each_word_has_the_name_of_its_place(line: str, typed: str, words: dict[str, str]) -> None:
    assert read(line, typed) == (words, {})


@pytest.mark.parametrize(
    ("line", "typed", "words", "each"),
    [
        ("NAME NAME …", "a", {}, ("a",)),
        ("NAME NAME …", "a b c", {}, ("a", "b", "c")),
        ("ROOM NAME NAME …", "r a b", {"ROOM": "r"}, ("a", "b")),
        ("NAME NAME …", 'a "b c" —p d', {}, ("a", "b c", "d")),
        ("NAME [TEXT…]", "a b c", {"NAME": "a", "TEXT": "b c"}, ()),
    ],
)
def test_a_repeated_place_takes_a_word_or_more(
    line: str, typed: str, words: dict[str, str], each: tuple[str, ...]
) -> None:
    args = Usage.parse("x", line, {"p": Flag("")}).read(split(typed))
    assert (args.words, args.each) == (words, each)


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ("NAME [TEXT…]", "!x NAME [TEXT]"),
        ("NAME TEXT…", "!x NAME TEXT"),
        ("NAME NAME …", "!x NAME NAME …"),
    ],
)
def test_what_takes_the_rest_is_shown_like_any_word(declared: str, shown: str) -> None:
    assert str(Usage.parse("x", declared, {})) == shown


@pytest.mark.parametrize(
    ("line", "typed", "said"),
    [
        ("NAME", "", "`!x` needs a name. Type: `!x NAME`"),
        ("NAME [DEVICE]", "", "`!x` needs a name. Type: `!x NAME [DEVICE]`"),
        ("NAME DEVICE", "a", "`!x` needs a device id. Type: `!x NAME DEVICE`"),
        ("NAME DEVICE", "", "`!x` needs a name."),
        ("@USER", "", "`!x` needs a user id. Type: `!x @USER`"),
        ("NAME ROOM", "a", "`!x` needs a room."),
        ("COMMAND", "", "`!x` needs a command."),
        ("NAME Display name", "a", "`!x` needs a display name."),
        ("", "a", "That is more than `!x` takes. Type: `!x`"),
        ("[PAGE]", "1 2", "That is more than `!x` takes. Type: `!x [PAGE]`"),
        ("NAME [DEVICE]", "a b c", "That is more than `!x` takes."),
        ("NAME NAME …", "", "`!x` needs a name. Type: `!x NAME NAME …`"),
        ("NAME TEXT…", "a", "`!x` needs a text. Type: `!x NAME TEXT`"),
    ],
)
def test_what_is_missing_is_said_by_name(line: str, typed: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(line, typed)

    assert said in caught.value.message()


def test_flags_may_stand_anywhere() -> None:
    flags = {"device": "ID", "p": ""}
    for typed in (
        *("--p a --device D b", "a b —p --device=D", "--device D --p a b"),
        *("a b –p –device D", "a —-p b —device D"),
    ):
        assert read("NAME [Display name]", typed, **flags) == (
            {"NAME": "a", "Display name": "b"},
            {"device": "D", "p": ""},
        )


def test_a_place_that_was_left_out_is_told_from_an_empty_one() -> None:
    usage = Usage.parse("x", "[PAGE]", {})
    assert usage.read([]).get("PAGE", "1") == "1"
    assert usage.read([""]).get("PAGE", "1") == ""
    with pytest.raises(KeyError):
        usage.read([])["PAGE"]


def test_a_usage_line_is_shown_as_it_is_typed() -> None:
    usage = Usage.parse(
        "newbot", "NAME [Display name]", {"device": Flag("choose it", "ID"), "p": Flag("more")}
    )
    assert str(usage) == "!newbot NAME [Display name]"
    assert usage.flag_lines == [("--device ID", "choose it"), ("--p", "more")]
    assert str(Usage.parse("ping", "", {})) == "!ping"


@pytest.mark.parametrize(
    "line",
    [
        *["[NAME", "NAME]", "[]", "[A] B", "A A", "A [A]", "[Display name] [PAGE]", "[[A]]"],
        *["TEXT… NAME", "[TEXT…] [PAGE]", "A A … B", "A B …", "A …", "…", "[…]", "A A … A"],
    ],
)
def test_a_line_by_which_nothing_can_be_read_is_an_error_at_import(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Usage.parse("x", line, {})
