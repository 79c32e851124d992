"""`make table`: every chat command, and what came of it in six ways, each cell measured.

A real Synapse, a real adminbot, and Element's own library as the person, in its strictest mode.
`rows.py` has what is typed for each command; a command without a row is a failure of the table.
"""
