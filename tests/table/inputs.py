"""Bad input of every kind, made from a command's declaration and its row. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from adminbot.dispatch.grammar import Place, split
from adminbot.dispatch.router import Command
from tests.table.rows import FILLING, FIRST, PLACES, Row


@dataclass(frozen=True)
class Bad:
    """A line that must be refused; ingredients still in braces."""

    kind: str
    line: str


def bad_lines(command: Command, row: Row) -> list[Bad]:
    """Each kind once."""
    found = {bad.kind: bad for bad in _all(command, row)}
    return [bad for kind, bad in found.items() if kind not in row.fine]


def undeclared(command: Command) -> list[str]:
    """Places and values of flags of which nothing wrong is known: the table must learn them."""
    places = [place.name for place in command.usage.places[1:]]
    values = [flag.value for flag in command.usage.flags.values() if flag.value]
    return [name for name in (*places, *values) if name not in PLACES]


def _all(command: Command, row: Row) -> Iterator[Bad]:
    usage, name = command.usage, command.name
    needed = [place for place in usage.places if not place.is_optional]
    words = split(row.good)[1:]
    for count in range(len(needed)):
        yield Bad(f"{needed[count].name} is missing", " ".join([name, *words[:count]]))
    if not _takes_all(usage.places):
        more = ["more"] * (len(usage.places) + 1)
        yield Bad("too many words", " ".join([row.good, *more]))
    yield Bad("unknown flag", f"{row.good} --nosuchflag")
    yield Bad("unknown flag, by a phone", f"{row.good} —nosuchflag")
    for flag, declared in usage.flags.items():
        if declared.value:
            yield Bad(f"--{flag} without value", f"{row.good} --{flag}")
            for kind, value in PLACES.get(declared.value, {}).items():
                yield Bad(f"--{flag}: {kind}", f"{row.good} --{flag} {value}")
        else:
            yield Bad(f"--{flag} with a value", f"{row.good} --{flag}=x")
    yield from _wrong_words(command, row)
    yield from (Bad(kind, line) for kind, line in row.bad.items())


def _takes_all(places: tuple[Place, ...]) -> bool:
    return bool(places) and (places[-1].takes_rest or places[-1].is_repeated)


def _wrong_words(command: Command, row: Row) -> Iterator[Bad]:
    words = split(row.good)[1:]
    is_repeated = bool(command.usage.places) and command.usage.places[0].is_repeated
    others = [] if is_repeated else words[1:]  # of several, the good ones are done all the same
    for kind, word in FIRST[row.takes].items():
        yield Bad(kind, " ".join([command.name, word, *others]))
    for number, place in enumerate(command.usage.places):
        if number == 0 and row.takes:
            continue
        places = command.usage.places[len(words) : number]
        before = [*words[:number], *(FILLING[place.name] for place in places)]
        for kind, word in PLACES.get(place.name, {}).items():
            yield Bad(f"{place.name}: {kind}", " ".join([command.name, *before, word]))
