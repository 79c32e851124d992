"""Turns, questions and acts: dispatcher, executor, commands. No server."""

from tests.mutants import Mutant

MUTANTS: tuple[Mutant, ...] = ()
