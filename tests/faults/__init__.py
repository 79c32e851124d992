"""The fault lab: what may happen to adminbot is made to happen, and the outcome is counted.

A real Synapse, a real process, a real SQLite file; between them a proxy on loopback that fails on
demand. `python -m tests.faults` (`make faults`) runs all of it and prints a table.
"""
