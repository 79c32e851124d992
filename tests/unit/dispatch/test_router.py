"""From what is typed to a command, and what every command must have."""

from typing import Any, cast

import pytest

from adminbot.commands import ROUTER
from adminbot.config import Trust
from adminbot.dispatch.context import Context
from adminbot.dispatch.router import Args, Reply, Router, command_line, split
from adminbot.errors import UsageError
from adminbot.values.ids import UserId

NAMES = ("adminbot", "@adminbot:example.org", "Server helper", "")
router = Router()


@router.command(
    "newbot", "NAME [Display name]", "make one", words=(1, None), flags={"device": "ID", "p": ""}
)
@router.command("ping", "", "is it there?")
@router.command("bots", "[PAGE]", "list", words=(0, 1), acts=True)
async def anything(ctx: Context, args: Args) -> Reply:
    return Reply("done")


def resolve(line: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    command, args = router.resolve(line, "!")
    return command.name, args.words, args.flags


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("!newbot x", "newbot x"),
        ("! newbot x", "newbot x"),
        ("!  newbot x", "newbot x"),
        ("  !newbot x \n", "newbot x"),
        ("!NEWBOT x", "NEWBOT x"),
        ("!\u00a0newbot x", "newbot x"),
        ("adminbot: newbot x", "newbot x"),
        ("Adminbot, newbot x", "newbot x"),
        ("adminbot :  !newbot x", "newbot x"),
        ("adminbot: ! newbot x", "newbot x"),
        ("@adminbot:example.org newbot x", "newbot x"),
        ("@adminbot:example.org: newbot x", "newbot x"),
        ("server helper: newbot x", "newbot x"),
        ("adminbot:\nnewbot x", "newbot x"),
        ("adminbot:", "help"),
        ("@adminbot:example.org", "help"),
        ("!nonsense", "nonsense"),
        ("!ñ", "ñ"),
    ],
)
def test_every_way_people_address_the_bot(typed: str, line: str) -> None:
    assert command_line(typed, "!", NAMES) == line


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "!", "!!", "!!!", "! !", "!?", "!…", "!-", "hello", "say !ping", "newbot x"),
        *("adminbot", "adminbot is slow", "adminbots: ping", "my adminbot: ping", "!\n"),
        *("adminbot.example.org: up", "@adminbot:example.orgy ping", "/newbot x", "> !ping"),
        *("\u200b!ping", "¡ping", "!!ping", "**!ping**"),
    ],
)
def test_talk_is_no_command(typed: str) -> None:
    assert command_line(typed, "!", NAMES) is None


@pytest.mark.parametrize("prefix", [".", "!!", "🤖", "->"])
def test_another_prefix_takes_the_place_of_the_first(prefix: str) -> None:
    assert command_line(f"{prefix}newbot x", prefix, NAMES) == "newbot x"
    assert command_line("!newbot x", prefix, NAMES) is None


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
        ("newbot x —p", ["newbot", "x", "--p"]),
        ("newbot x –p", ["newbot", "x", "--p"]),
        ("newbot x —-p", ["newbot", "x", "--p"]),
        ("newbot x — y – z", ["newbot", "x", "—", "y", "–", "z"]),
        ("newbot a—b", ["newbot", "a—b"]),
        ("a\tb\u00a0c\nd", ["a", "b", "c", "d"]),
        ("", []),
    ],
)
def test_words_are_split_as_phones_type_them(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize(
    ("line", "resolved"),
    [
        ("newbot x", ("newbot", ("x",), {})),
        ("NewBot x My pal", ("newbot", ("x", "My", "pal"), {})),
        ("newbot --device D x", ("newbot", ("x",), {"device": "D"})),
        ("newbot x --device=D", ("newbot", ("x",), {"device": "D"})),
        ("newbot x --device=a=b", ("newbot", ("x",), {"device": "a=b"})),
        ("newbot x —device D —p", ("newbot", ("x",), {"device": "D", "p": ""})),
        ("newbot x --DEVICE D", ("newbot", ("x",), {"device": "D"})),
        ("ping", ("ping", (), {})),
        ("bots 2", ("bots", ("2",), {})),
    ],
)
def test_a_line_becomes_a_command_with_words_and_flags(
    line: str, resolved: tuple[str, tuple[str, ...], dict[str, str]]
) -> None:
    assert resolve(line) == resolved


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("newbt x", "I know no `!newbt`. Did you mean `!newbot`?"),
        ("NEWBOTS", "Did you mean `!newbot`?"),
        ("pong", "Did you mean `!ping`?"),
        ("xyzzy", "I know no `!xyzzy`. `!help` lists what I know."),
        ("newbot", "`!newbot` needs a name. Type: `!newbot NAME [Display name]`"),
        ("newbot --p", "`!newbot` needs a name."),
        ("ping me", "That is more than `!ping` takes. Type: `!ping`"),
        ("bots 1 2", "That is more than `!bots` takes."),
        ("newbot x --fro y", "`!newbot` has no `--fro` (it has `--device`, `--p`)."),
        ("ping --x", "`!ping` has no `--x` (it has none)."),
        ("newbot x --", "`!newbot` has no `--`"),
        ("newbot x --device", "`--device` wants a value."),
        ("newbot x --device=", "`--device` wants a value."),
        ('newbot x --device ""', "`--device` wants a value."),
        ("newbot x --p=1", "`--p` takes no value."),
    ],
)
def test_what_cannot_be_used_is_said_with_the_next_thing_to_type(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(line)

    assert said in caught.value.message()


def test_a_flag_is_not_taken_for_another_flags_value() -> None:
    """`--device --p` forgot the id; a device called `--p` is nobody's wish."""
    with pytest.raises(UsageError, match="`--device` wants a value"):
        resolve("newbot x --device --p")


@pytest.mark.parametrize("line", ["`" * 50, "x" * 60_000, "newbot x --" + "y" * 60_000, "a`**b"])
def test_an_error_repeats_little_and_no_marks(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(line)

    told = caught.value.message()
    assert len(told) < 300
    assert told.count("`") % 2 == 0
    assert "**" not in told


def test_the_same_name_twice_is_an_error_at_import() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        Router(router, router)


def test_routers_add_up() -> None:
    assert {command.name for command in Router(router).commands} == {"newbot", "ping", "bots"}


def test_what_ends_in_a_card_is_noted_before_it_begins() -> None:
    for command in ROUTER.commands:
        assert command.acts or not command.gives_card


@pytest.mark.parametrize(
    "reply", [Reply("hi"), Reply("sure?", ask="yes"), Reply("ready “x” 🔐", card=7)]
)
def test_a_reply_survives_a_restart(reply: Reply) -> None:
    assert Reply.from_json(reply.to_json()) == reply


# -- completeness


def context(**fields: Any) -> Context:
    """Enough for a handler that only looks at the router."""
    nobody: Any = None
    defaults: dict[str, Any] = {
        "sender": UserId("you", "example.org"),
        "order": nobody,
        "room_id": "!r:example.org",
        "prefix": "!",
        "confirmed": False,
        "bots": nobody,
        "look": nobody,
        "verify": nobody,
        "router": ROUTER,
        "trust": Trust.PINNED,
        "may_act": True,
        "lock": nobody,
    }
    return Context(**defaults | fields)


async def help_text(*words: str, prefix: str = "!") -> str:
    found = ROUTER.find("help")
    assert found
    return (await found.run(context(prefix=prefix), Args(words))).text


@pytest.mark.anyio
async def test_every_command_is_explained_and_shows_in_help() -> None:
    overview = await help_text()
    for command in ROUTER.commands:
        assert command.summary
        assert command.summary[0].islower()
        assert len(command.summary) <= 38, "one line on a phone"
        [line] = [line for line in overview.split("\n") if f"`!{command.name} " in f"{line} "
                  or f"`!{command.name}`" in line]  # fmt: skip
        assert line.endswith(command.summary)
        whole = await help_text(command.name)
        assert command.summary in whole
        for flag in command.flags:
            assert f"--{flag}" in whole


@pytest.mark.anyio
async def test_help_speaks_with_the_prefix_in_use() -> None:
    for command in ROUTER.commands:
        whole = await help_text(command.name, prefix="?")
        assert "{prefix}" not in whole
        assert "`!" not in whole
        assert f"`?{command.name}" in whole


@pytest.mark.anyio
@pytest.mark.parametrize("typed", ["newbot", "!newbot", "NEWBOT"])
async def test_help_on_a_command_takes_it_with_or_without_prefix(typed: str) -> None:
    assert (await help_text(typed)).startswith("`!newbot NAME")


@pytest.mark.anyio
async def test_help_on_nonsense_says_so() -> None:
    with pytest.raises(UsageError, match="I know no `!nonsense`"):
        await help_text("nonsense")


@pytest.mark.parametrize("command", ROUTER.commands, ids=lambda command: str(command.name))
def test_the_example_of_a_command_can_be_typed(command: Any) -> None:
    examples = [
        line.removeprefix("Example: `{prefix}").rstrip("`")
        for line in command.details.split("\n")
        if line.startswith("Example: ")
    ]
    for example in examples:
        assert ROUTER.resolve(example, "!")[0] is cast(object, command)
    assert examples or not command.gives_card
