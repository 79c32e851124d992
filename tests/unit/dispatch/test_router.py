"""From a typed line to a command and its arguments."""

import pytest

from adminbot.commands import ROUTER
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError

router = Router("Things")


@router.command(
    "newbot",
    "NAME [Display name]",
    "make one",
    flags={"device": Flag("", "ID"), "p": Flag("")},
    gives_card=True,
)
@router.command("ping", "", "is it there?", before_verified=True)
@router.command("bots", "[PAGE]", "list", acts=True)
@router.command("revoke", "NAME", "end one", acts=True, confirm=Confirm.TAP, brake=True)
async def anything(ctx: Context, args: Args) -> Reply:
    return Reply("done")


def resolve(line: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    command, args = router.resolve(line)
    return command.name, tuple(args.words.values()), dict(args.flags)


@pytest.mark.parametrize(
    ("line", "resolved"),
    [
        ("newbot x", ("newbot", ("x",), {})),
        ("NewBot x My pal", ("newbot", ("x", "My pal"), {})),
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
        Router.joined(router, router)


def test_routers_are_joined_and_each_command_keeps_its_topic() -> None:
    other = Router("Others")
    other.command("pong", "", "likewise")(anything)
    joined = Router.joined(router, other)
    topics = {command.name: command.topic for command in joined.commands}
    assert topics == dict.fromkeys(["revoke", "bots", "ping", "newbot"], "Things") | {
        "pong": "Others"
    }


def test_a_line_names_its_command_whatever_else_is_in_it() -> None:
    for line in ("revoke", "REVOKE a b c", "“revoke” --x"):
        command = router.find_in(line)
        assert command
        assert (command.name, command.at_once, command.confirm) == ("revoke", True, Confirm.TAP)
    for line in ("", "revokes", "--revoke"):
        assert router.find_in(line) is None


def test_what_ends_in_a_card_is_noted_before_it_begins() -> None:
    for command in (*router.commands, *ROUTER.commands):
        assert command.acts or not command.gives_card


@pytest.mark.parametrize(
    "reply", [Reply("hi"), Reply("sure?", ask="yes"), Reply("ready “x” 🔐", card=7)]
)
def test_a_reply_survives_a_restart(reply: Reply) -> None:
    assert Reply.from_json(reply.to_json()) == reply


def test_a_reply_that_version_0_1_0_kept_is_given_all_the_same() -> None:
    kept = '{"text": "Sure?", "ask": "nano", "tap": true, "line": "revoke nano", "card": null}'
    assert Reply.from_json(kept) == Reply("Sure?", ask="nano", tap=True)
