"""Real programs on adminbot's cards: `python -m tests.apps [NAME ...]` (`make apps`).

A real Synapse, a real adminbot, and a person whose client shows nothing of unsigned devices. Each
program is installed into an environment of its own, and gets the card's block and what the card's
steps say, and nothing else. `lab.py` has the trial, `programs/` a module a program.
"""
