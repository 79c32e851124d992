"""The tests; `unit` needs neither Node nor a Synapse."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
