"""All entries, and whether they can still be applied. Runs no test."""

import ast
from collections.abc import Iterable
from functools import cache

from tests import ROOT
from tests.mutants import (
    Mutant,
    adopt,
    apps,
    audit,
    bulk,
    care,
    doctor,
    faces,
    live,
    metrics,
    people,
    pure,
    rooms,
    spellings,
    turns,
    watch,
)

MUTANTS = (
    *adopt.MUTANTS,
    *apps.MUTANTS,
    *audit.MUTANTS,
    *bulk.MUTANTS,
    *care.MUTANTS,
    *doctor.MUTANTS,
    *faces.MUTANTS,
    *live.MUTANTS,
    *metrics.MUTANTS,
    *people.MUTANTS,
    *pure.MUTANTS,
    *rooms.MUTANTS,
    *spellings.MUTANTS,
    *turns.MUTANTS,
    *watch.MUTANTS,
)


def mutated(mutant: Mutant) -> str:
    """The file's text with the change in it. Raises ValueError when the entry is stale."""
    path = ROOT / mutant.file
    if not path.is_file():
        raise ValueError("there is no such file")
    source = path.read_text()
    if (times := source.count(mutant.old)) != 1:
        raise ValueError(f"the old text is in it {times} times: {mutant.old!r}")
    changed = source.replace(mutant.old, mutant.new)
    try:
        same = ast.dump(ast.parse(changed)) == ast.dump(ast.parse(source))
    except SyntaxError as exc:
        raise ValueError(f"the new text is no Python: {mutant.new!r}") from exc
    if same:
        raise ValueError(f"it changes nothing: {mutant.old!r}")
    return changed


def why_stale(mutant: Mutant) -> str:
    """Why an entry cannot be applied; empty if it can."""
    try:
        mutated(mutant)
    except ValueError as exc:
        return str(exc)
    if not mutant.tests:
        return "it names no test"
    missing = [test for test in mutant.tests if not _exists(test)]
    return f"there is no test {missing[0]}" if missing else ""


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and (not name or name.split("[")[0] in _functions(file))


@cache
def _functions(file: str) -> set[str]:
    found: Iterable[ast.AST] = ast.walk(ast.parse((ROOT / file).read_text()))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in found if isinstance(node, kinds)}
