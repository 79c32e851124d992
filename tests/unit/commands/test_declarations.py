"""What every command must have, and `!help`, which reads it."""

from datetime import timedelta
from textwrap import wrap
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adminbot.commands import ROUTER, talk
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import question_about
from adminbot.dispatch.router import Command, Confirm, Router
from adminbot.errors import UsageError
from adminbot.values.clock import now
from adminbot.values.render import as_html
from tests.desk import NANO, YOU, Desk, signed_keys, token_of
from tests.unit.words import furnish, words_for

pytestmark = pytest.mark.anyio

EACH = pytest.mark.parametrize("command", ROUTER.commands, ids=lambda it: cast(str, it.name))


async def help_text(*words: str, prefix: str = "!", router: Router = ROUTER) -> str:
    found = ROUTER.find("help")
    assert found
    rules = SimpleNamespace(without_prefix=lambda word: word.removeprefix(prefix))
    services: Any = SimpleNamespace(router=router, rules=rules)
    nobody: Any = None
    context = Context(nobody, found, nobody, services, nobody)
    return (
        await found.run(context, Args(dict(zip(["COMMAND or TOPIC"], words, strict=False))))
    ).text


async def test_every_command_is_explained_and_shows_in_help() -> None:
    overview = await help_text()
    assert len(overview.split("\n")) <= 8, "a screen of a phone"
    for command in ROUTER.commands:
        assert command.summary
        assert command.summary[0].islower()
        assert len(command.summary) <= 38, "one line on a phone"
        assert command.name in overview
        topic = await help_text(command.topic)
        [line] = [line for line in topic.split("\n") if f"`{command.usage}`" in line]
        assert line.endswith(command.summary)
        whole = await help_text(command.name)
        assert command.summary in whole
        for flag, does in command.usage.flag_lines:
            assert f"• `{flag}` {does}" in whole


async def test_help_speaks_with_the_prefix_in_use() -> None:
    for command in ROUTER.commands:
        whole = as_html(await help_text(command.name), "?")
        assert "<code>!" not in whole
        assert f"<code>?{command.name}" in whole


@pytest.mark.parametrize("typed", ["newbot", "?newbot", "NEWBOT"])
async def test_help_on_a_command_takes_it_with_or_without_prefix(typed: str) -> None:
    assert (await help_text(typed, prefix="?")).startswith("`!newbot NAME")


async def test_help_on_nonsense_says_so() -> None:
    with pytest.raises(UsageError, match="I know no `!xyzzy`") as caught:
        await help_text("xyzzy")
    assert caught.value.hint == "`!help` shows all topics."


async def test_help_on_what_is_nearly_a_command_is_offered_as_a_line(desk: Desk) -> None:
    assert "Did you mean !help newbot? Then tap ✅." in await desk.asks("!help newbto")


@pytest.mark.parametrize("word", ["bots", "BOTS", "Rooms", "room", "adminbot", "AdminBot"])
async def test_a_topic_is_meant_by_its_word_in_any_form(word: str) -> None:
    title = {"b": "Bots", "r": "Rooms", "a": "adminbot"}[word[0].lower()]
    assert (await help_text(word)).startswith(f"**{title}**")


async def test_a_word_that_is_a_topic_and_a_command() -> None:
    """`!bots` lists bots, `!bot` shows one; nobody need know that bots are a topic, too."""
    listed = await help_text("bots")
    assert listed.startswith("**Bots**")
    found = ROUTER.find("bots")
    assert found
    assert listed.endswith(f"`!bots`: {found.details}")
    assert (await help_text("!bots")).startswith("`!bots [WORD] [PAGE]`")
    for word in ("bot", "!bot"):
        assert (await help_text(word)).startswith("`!bot NAME`")


# All that is promised, by topic.
LATER = {
    "Bots": "newbot newbots rotate bots bot note config apps password revoke pause resume "
    "deletebot adopt devices trust",
    "Rooms": "setname setpic rooms join leave chat",
    "Watching": "watch expiry audit",
    "People": "newuser resetpw users user lock unlock regtoken",
    "adminbot": "doctor whoami ping verify lockdown cancel help",
}


async def test_help_fits_a_phone_also_with_all_commands_to_come() -> None:
    """Of 844 points a phone in a chat has room for about 30 lines of 38 columns."""
    routers = []
    for topic, names in LATER.items():
        routers.append(Router(topic))
        for name in names.split():
            routers[-1].command(name, "NAME [Display name]", "do something of so many letters")(
                cast(Any, None)
            )
    everything = Router.joined(*routers)
    overview = await help_text(router=everything)
    assert len(overview.split("\n")) == 7
    for text in (overview, *[await help_text(topic, router=everything) for topic in LATER]):
        assert sum(len(wrap(line, 38)) for line in text.split("\n")) <= 34
    assert sum(len(wrap(line, 38)) for line in overview.split("\n")) <= 22


async def test_a_topic_without_commands_is_not_shown() -> None:
    bare = Router.joined(talk.router)
    assert "Watching" not in await help_text(router=bare)
    with pytest.raises(UsageError, match="I know no `!watching`"):
        await help_text("watching", router=bare)


@EACH
def test_the_example_of_a_command_can_be_typed(command: Command) -> None:
    examples = [
        line.removeprefix("Example: `!").rstrip("`")
        for line in command.details.split("\n")
        if line.startswith("Example: ")
    ]
    for example in examples:
        assert ROUTER.resolve(example)[0] is command
    assert examples or not command.gives_card


@EACH
def test_every_command_has_a_topic(command: Command) -> None:
    assert command.topic


def test_what_may_be_typed_before_emoji_were_compared_changes_nothing() -> None:
    names = {command.name for command in ROUTER.commands if command.before_verified}
    assert names == {"ping", "whoami", "verify", "help"}
    assert not any(command.acts for command in ROUTER.commands if command.before_verified)


def test_what_stops_something_is_a_brake_and_nothing_else_is() -> None:
    names = {command.name for command in ROUTER.commands if command.brake}
    assert names == {"revoke", "pause", "deletebot", "lockdown", "cancel"}


def test_only_what_can_be_undone_is_confirmed_by_what_anybody_can_forge() -> None:
    names = {it.name for it in ROUTER.commands if it.confirm is Confirm.TAP}
    assert names == {"revoke", "pause"}


@EACH
async def test_what_is_declared_to_ask_asks_and_what_is_not_does_not(
    desk: Desk, command: Command
) -> None:
    """Typed by somebody who may; what is asked is put as the declaration has it."""
    await token_of(desk, "!newbot nano")
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    desk.server.accounts[NANO].devices["NANO2"] = {"syt_other"}
    desk.server.seen_on["NANO2"] = now() - timedelta(days=100)
    furnish(desk)
    typed = words_for(command)
    answer = await desk.asks(f"!{command.name} {typed}")
    questions = await desk.store.questions.of(YOU)
    assert "❌" not in answer
    assert len(questions) == (command.confirm is not Confirm.NOTHING)
    for question in questions:
        assert question.tap == (command.confirm is Confirm.TAP)
        assert question.line == f"{command.name} {typed}".strip()


@pytest.mark.parametrize(
    ("confirm", "about", "if_so", "asks"),
    [
        (Confirm.TAP, "nano", "", "Tap ✅ or answer `nano` within 2 minutes."),
        (Confirm.NAME, "nano", "To end it", "To end it, answer within 2 minutes: `nano`"),
        (Confirm.COMMAND, "lockdown", "If so", "If so, answer within 2 minutes: `lockdown`"),
        (Confirm.KEYS, "ab cd", "If so", "If so, answer with their last block within 2 minutes."),
    ],
)
def test_how_to_answer_is_said_by_the_declaration(
    confirm: Confirm, about: str, if_so: str, asks: str
) -> None:
    reply = question_about(about, "Sure?", confirm, if_so)
    assert reply.text == f"Sure?\n{asks}"
    assert (reply.ask, reply.tap) == (about, confirm is Confirm.TAP)


def test_a_command_that_declares_no_question_cannot_ask_one() -> None:
    with pytest.raises(AssertionError):
        question_about("x", "Sure?", Confirm.NOTHING, "")
