"""The documents: what they tell to type exists, what they quote is said, links lead somewhere."""

import ast
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from adminbot.cli.arguments import command_line
from adminbot.cli.reference import subcommands
from adminbot.commands import ROUTER
from adminbot.config import KNOWN
from adminbot.errors import AdminbotError, ConfigError, SetupError, names_of
from tests import ROOT
from tests.documents import RUN_BY_A_TEST, Typed, documents, mentioned, plain, typed, ways

# Lines for a shell that no test runs, by their beginning, and why.
NOT_RUN = {
    "git clone": "the address is the reader's",
    "pipx install": "by `make packages`, which takes minutes",
    "python3 -m venv ~/": "the same",
    "~/.adminbot/bin/pip": "the same",
    "sudo ": "needs root",
    "install -d ": "the same",
    "docker ": "needs a container runtime and root; `make image` builds and runs the image",
    "podman ": "the same",
    "echo SYNAPSE_NETWORK": "for docker",
}
# Errors that end `setup`, `run` and the shell's other words; texts that say all there is to say.
ENDS_WITH = names_of(SetupError, ConfigError)
SELF_EXPLAINING = ("Left as it was", "That is not … Nothing was changed.", "--ca-file", "❌: …")
MOST_WORDS = 1000
NO_SETTINGS = {"ADMINBOT_COLOUR"}  # docs/doctor.md shows what is said of one that is none
_ADMINBOT = re.compile(r"(?:^|[\s/])adminbot (?=[a-z]+(?:\s|$))(?!adminbot )|^adminbot (?=--)")
_CHAT = re.compile(r"!([a-z]+)(?: .*)?$")
_TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def faults_of(lines: Iterator[tuple[Typed, str]]) -> list[str]:
    return [f"{line} -- {fault}" for line, fault in lines if fault]


# -- to be typed


def test_each_line_that_is_to_be_typed_can_be_typed() -> None:
    lines = typed()
    before = ["", *(line.text for line in lines)]
    judged = [(it, fault_of(it.text, last)) for it, last in zip(lines, before, strict=False)]
    assert not faults_of(iter(judged))
    assert len(lines) > 60


def test_each_exception_is_used() -> None:
    texts = [line.text for line in typed()]
    unused = [it for it in NOT_RUN if not any(text.startswith(it) for text in texts)]
    assert not unused


@pytest.mark.parametrize(
    "line",
    ["adminbot run --fast", "adminbot walk", "make cake", "!newbott x", "!newbot", "rm -rf /"],
)
def test_a_wrong_line_is_found(line: str) -> None:
    assert fault_of(line, "!revoke nanobot")


def fault_of(line: str, before: str) -> str:
    """What keeps a line from being typed; `before`: the line above it in the document."""
    if found := list(_ADMINBOT.finditer(line)):
        return next(filter(None, map(why_not_parsed, ways(line[found[-1].end() :]))), "")
    if line.startswith("make "):
        return "" if line.split()[1] in _TARGETS else "no such target"
    if line.startswith("!"):
        return why_not_understood(line)
    if setting := re.match(r"([A-Z][A-Z_]+)=\S+$", line):
        return "" if is_setting(setting[1]) else "no such setting"
    if line in re.findall(r"\w+", before):
        return ""  # the answer to the question that the line above it puts
    known = line.startswith((*NOT_RUN, *RUN_BY_A_TEST))
    return "" if known else "neither run by a test, nor in the list of those that are not"


def why_not_parsed(words: str) -> str:
    """What argparse says of the words behind `adminbot`; `…` is for flags of the same word."""
    if "…" in words:
        return why_no_flag(words)
    said = StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(said):
            command_line().parse_args(words.partition(" > ")[0].split())
    except SystemExit as exc:
        return said.getvalue().strip().splitlines()[-1] if exc.code else ""
    return ""


def why_no_flag(words: str) -> str:
    """Whether the word, and each flag, is declared: for mentions, which are not whole lines."""
    word, *rest = words.split()
    if word.startswith("-"):
        return ""
    parser = subcommands().get(word)
    if parser is None:
        return "no such word"
    known = {flag for action in parser._actions for flag in action.option_strings}
    unknown = [flag for flag in re.findall(r"--[\w-]+", " ".join(rest)) if flag not in known]
    return f"no such flag: {unknown[0]}" if unknown else ""


def why_not_understood(line: str) -> str:
    try:
        ROUTER.resolve(line[1:])
    except AdminbotError as exc:
        return exc.message()
    return ""


def is_setting(name: str) -> bool:
    return name in KNOWN or name in NO_SETTINGS


# -- mentioned


def test_what_is_mentioned_exists() -> None:
    mentions = list(mentioned())
    assert not faults_of((it, why_unknown(it.text)) for it in mentions)
    assert len(mentions) > 500


def why_unknown(text: str) -> str:
    if found := re.match(r"adminbot (?!:)([\w-].*|--\w+)$", text):
        return why_no_flag(found[1])
    if text.startswith("make "):
        return "" if text.split()[1].rstrip(".") in _TARGETS else "no such target"
    if found := _CHAT.match(text):
        command = ROUTER.find(found[1])
        flags = re.findall(r"--([\w-]+)", text)
        missing = [flag for flag in flags if command and flag not in command.usage.flags]
        return ("" if command else "no such command") or (f"no --{missing[0]}" if missing else "")
    return ""


def test_each_setting_that_is_named_exists() -> None:
    found = [
        f"{path}: {name}"
        for path in documents()
        for name in re.findall(r"ADMINBOT_[A-Z_]*[A-Z]", (ROOT / path).read_text("utf-8"))
        if not is_setting(name)
    ]
    assert not found


# -- links


def test_each_link_leads_somewhere() -> None:
    assert not [f"{path}: {link}" for path, link in links() if not leads(path, link)]


def links() -> Iterator[tuple[str, str]]:
    for path in documents():
        text = (ROOT / path).read_text("utf-8")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" not in link:
                yield str(path), link


def leads(document: str, link: str) -> bool:
    to, _, anchor = link.partition("#")
    path = (ROOT / document).parent / to if to else ROOT / document
    target = path.resolve()
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text("utf-8"))


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", it.lower()).replace(" ", "-") for it in headings}


# -- quoted


NODES = [
    node
    for path in sorted((ROOT / "adminbot").rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if not {"demo", "demo.py", "screen.py"} & {*path.parts}
]


def text_of(node: ast.AST) -> str:
    """The text that a node stands for, with a gap where something is put in; empty if none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return plain(re.sub(r"\{\w+\}|%s", "…", node.value))
    if isinstance(node, ast.JoinedStr):
        parts = (it.value if isinstance(it, ast.Constant) else "…" for it in node.values)
        return plain("".join(map(str, parts)))
    return ""


SAID = "\n".join(filter(None, map(text_of, NODES)))


def sentences() -> list[str]:
    text = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
    cells = re.findall(r"^\| (.+?) \| .*\|$", text, re.MULTILINE)
    return [plain(it) for cell in cells if cell != "it says" for it in cell.split(" · ")]


@pytest.mark.parametrize("sentence", dict.fromkeys(sentences()))
def test_a_sentence_of_the_troubleshooting_is_said_by_the_program(sentence: str) -> None:
    assert is_said(sentence), "reworded? docs/troubleshooting.md has to follow"


def is_said(sentence: str) -> bool:
    return bool(re.search(pattern(sentence), SAID))


def pattern(sentence: str) -> str:
    """Its pieces in order, in one text of the program; a mark in front may come from elsewhere."""
    bare = re.sub(r"^(?:[❌🚨⚠️🔒⏳🙈🤝]+ )", "", sentence)
    return r".*".join(re.escape(piece.strip()) for piece in bare.split("…") if piece.strip())


def test_what_keeps_somebody_from_setting_up_or_starting_is_explained() -> None:
    texts = [
        text_of(node.args[0])
        for node in NODES
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in ENDS_WITH
    ]
    known = re.compile("|".join(map(pattern, [*sentences(), *SELF_EXPLAINING])))
    assert len(texts) > 90
    assert not [text for text in texts if text.strip(".…") and not known.search(text)]


def test_a_sentence_that_nobody_says_is_found() -> None:
    assert not is_said("Nothing listens at … (connection denied).")


def test_what_the_program_says_of_a_document_is_there() -> None:
    """Such as: docs/operate.md, “The admin flag”."""
    named = re.findall(r"(docs/\w+\.md), “([^”]+)”", SAID)
    assert named
    for path, part in named:
        assert re.search(rf"^#+ {part}$|\*\*{part}\.", (ROOT / path).read_text(), re.M), part


# -- the newcomer


def test_the_readme_shows_where_adminbot_was_tried() -> None:
    blocks = [
        (ROOT / path).read_text().partition("<!-- compat:begin -->")[2].partition("<!-- compat")[0]
        for path in ("README.md", "docs/compat.md")
    ]
    assert blocks[0] == blocks[1]
    assert "✓" in blocks[0]


def test_the_readme_can_be_read_in_five_minutes() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    shown = (
        r"^```.*?^```|<p>.*?</p>|^(?: {4}|\|)[^\n]*|\]\([^)]*\)"  # code, pictures, tables, links
    )
    prose = re.sub(shown, "", text, flags=re.DOTALL | re.MULTILINE)
    assert 500 < len(prose.split()) < MOST_WORDS
