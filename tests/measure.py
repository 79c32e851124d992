"""`make measure`: how the code is cut, in numbers. The standard library is enough to run this.

`make measure ARGS='../before .'` measures other trees than this one, side by side.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import ROOT

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Words that stand for a noun: of the third person, pointing, relative, and "one".
PRONOUN = re.compile(
    "it|its|itself|they|them|theirs?|themselves|that|this|these|those|ones?|who|whom|whose|which"
)


@dataclass(frozen=True)
class Module:
    """One file of the program: dotted name, text, and every node of its syntax tree."""

    name: str
    text: str
    nodes: list[ast.AST]

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def room(self) -> str:
        """The first name below `adminbot`; a flat module is a room of its own."""
        return f"{self.name}.".split(".")[1]


def modules(root: Path) -> list[Module]:
    """All of adminbot below `root`. Raises OSError, SyntaxError."""
    found = []
    for path in sorted((root / "adminbot").rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text()
        found.append(Module(name, text, list(ast.walk(ast.parse(text)))))
    return found


def length(node: ast.AST) -> int:
    """Lines from `def` or `class` to the last line, docstring and blank lines included."""
    return (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1


def imports(module: Module, names: set[str]) -> set[str]:
    """The modules of adminbot that `module` imports, for types alone (TYPE_CHECKING) excepted."""
    guards = [it for it in module.nodes if isinstance(it, ast.If)]
    skipped = [
        it for guard in guards for it in guard.body if "TYPE_CHE" in ast.unparse(guard.test)
    ]
    found = set()
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node not in skipped:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in names else str(node.module))
    return found & names


def upward(every: list[Module], root: Path) -> str:
    """How often a module imports from a floor above, by the first contract in pyproject.toml."""
    tools = tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    if "importlinter" not in tools:
        return "no contract"
    layers = tools["importlinter"]["contracts"][0]["layers"]
    floor = {room: nr for nr, layer in enumerate(layers) for room in re.findall(r"\w+", layer)}
    rooms = {module.name: module.room for module in every if module.room in floor}
    arrows = [(it.room, rooms[to]) for it in every for to in imports(it, set(rooms))]
    return str(sum(floor.get(source, -1) > floor[target] for source, target in arrows))


def makings(module: Module) -> Iterator[tuple[bool, int, str]]:
    """Of each class: whether a dataclass, how many arguments make an instance, the name."""
    for node in module.nodes:
        if isinstance(node, ast.ClassDef):
            if any("dataclass" in ast.unparse(it) for it in node.decorator_list):
                yield True, sum(isinstance(it, ast.AnnAssign) for it in node.body), node.name
            for it in node.body:
                if isinstance(it, Function) and it.name == "__init__":
                    given = it.args.posonlyargs + it.args.args + it.args.kwonlyargs
                    yield False, len(given) - 1, node.name


def broad(module: Module) -> Iterator[bool]:
    """Of each `except` that takes every Exception: whether its last line raises again."""
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler):
            kinds = ast.unparse(node.type) if node.type else "BaseException"
            if re.search(r"\b(Base)?Exception\b", kinds):
                yield isinstance(node.body[-1], ast.Raise)


def comments(module: Module) -> int:
    """Lines with a comment on them."""
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    return len({it.start[0] for it in tokens if it.type == tokenize.COMMENT})


def words(module: Module) -> list[str]:
    """The words of all docstrings, without code in back-ticks."""
    documented = (
        it for it in module.nodes if isinstance(it, ast.Module | ast.ClassDef | Function)
    )
    text = " ".join(ast.get_docstring(it) or "" for it in documented)
    return re.findall(r"[a-z']+", re.sub(r"`[^`]*`", " ", text.lower()))


def subject(test: Path) -> Path:
    """What tests/unit/ROOM/test_NAME.py is about: adminbot/ROOM/NAME.py; ROOM if that is NAME."""
    room, name = Path("adminbot", *test.parts[2:-1]), test.stem.removeprefix("test_")
    return room if name == room.name else room / f"{name}.py"


def rows(root: Path) -> Iterator[tuple[str, str]]:
    every = modules(root)
    names = {it.name for it in every}
    lines = sum(it.lines for it in every)
    yield "lines / files", f"{lines} / {len(every)}"
    flat = list((root / "adminbot").glob("*.py"))
    rooms = list((root / "adminbot").glob("*/__init__.py"))
    yield "flat files / rooms", f"{len(flat)} / {len(rooms)}"
    nodes = [node for it in every for node in it.nodes]
    sizes = sorted(length(it) for it in nodes if isinstance(it, Function))
    over = sum(it > 50 for it in sizes)
    yield "functions: p90 / over 50 lines", f"{sizes[len(sizes) * 9 // 10]} / {over}"
    size, name = max((length(it), it.name) for it in nodes if isinstance(it, ast.ClassDef))
    yield "largest class", f"{size} {name}"
    yield "modules over 300 lines", str(sum(it.lines > 300 for it in every))
    made = [it for module in every for it in makings(module)]
    for data, title in ((False, "most constructor arguments"), (True, "most dataclass fields")):
        count, name = max((count, name) for is_data, count, name in made if is_data is data)
        yield title, f"{count} {name}"
    caught = [it for module in every for it in broad(module)]
    yield "broad excepts (+ raising again)", f"{caught.count(False)} (+{caught.count(True)})"
    count, name = max((len(imports(it, names)), it.name) for it in every)
    yield "most own imports of a module", f"{count} {name.removeprefix('adminbot.')}"
    yield "imports pointing upward", upward(every, root)
    yield "comments per 100 lines", f"{100 * sum(map(comments, every)) / lines:.1f}"
    said = [word for it in every for word in words(it)]
    standing_in = sum(PRONOUN.fullmatch(word) is not None for word in said)
    yield "pronouns per 100 docstring words", f"{100 * standing_in / len(said):.1f}"
    tests = [path.relative_to(root) for path in (root / "tests").rglob("test_*.py")]
    stems = {it.name.split(".")[-1] for it in every}
    named = sum(path.stem.removeprefix("test_") in stems for path in tests)
    yield "tests with a module's name", f"{named} of {len(tests)}"
    unit = [path for path in tests if path.parts[1] == "unit"]
    mirrored = sum((root / subject(path)).exists() for path in unit)
    yield "unit tests that mirror a module", f"{mirrored} of {len(unit)}"


def main() -> None:
    roots = [Path(word) for word in sys.argv[1:]] or [ROOT]
    for columns in zip(*(list(rows(root)) for root in roots), strict=True):
        values = "".join(f"{value:24}" for _, value in columns)
        print(f"{columns[0][0]:34}{values}".rstrip())


if __name__ == "__main__":
    main()
