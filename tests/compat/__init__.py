"""Where adminbot runs: `python -m tests.compat [--only WORD ...]` (`make compat`).

Synapses from the oldest to the newest, SQLite and PostgreSQL under them, nginx before them. Each
row of the table is a real setup, a real service, a person with Element's own library and a program
on the card that the person got. `rows.py` has the rows, `trial.py` what is tried in each.
"""
