"""`python -m adminbot` is the `adminbot` command."""

import sys

from adminbot.cli import main

sys.exit(main())
