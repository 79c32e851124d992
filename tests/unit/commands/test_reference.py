"""docs/commands.md says what is declared."""

import pytest

from adminbot.commands import ROUTER
from adminbot.commands.reference import reference
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.router import Confirm, Reply, Router
from tests import ROOT


def test_the_document_is_what_the_declarations_say() -> None:
    written = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    if written != reference(ROUTER):
        pytest.fail("docs/commands.md is not what is declared. Type: make docs")


def test_everything_that_is_declared_is_in_it() -> None:
    router, other = Router("Bots"), Router("Talk")

    @other.command("hi", "", "who is there?", before_verified=True)
    @router.command(
        "end",
        "NAME [Any words]",
        "end a bot",
        details="For good.\nExample: `!end x`",
        flags={"at": Flag("say when", "TIME"), "now": Flag("at once")},
        acts=True,
        confirm=Confirm.NAME,
        brake=True,
    )
    async def handler(ctx: Context, args: Args) -> Reply:
        return Reply("done")

    router.command("new", "", "make a bot", gives_card=True)(handler)
    text = reference(Router.joined(router, other))
    rows = "| **Bots** | |\n| `!end NAME [Any words]` | end a bot |\n| `!new` | make a bot |\n"
    assert rows in text
    assert (
        text.split("\n## ", 1)[1]
        == """\
Bots

### `!end NAME [Any words]`

End a bot.

For good.

Example: `!end x`

- `--at TIME`: say when
- `--now`: at once
- Changes something
- Asks first: type the bot's name
- A brake: waits behind nothing

### `!new`

Make a bot.

- Ends in a card

## Talk

### `!hi`

Who is there?

- May be typed before emoji were compared
"""
    )
