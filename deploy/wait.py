"""The words of adminbot; but where `run` cannot go on, this waits to be stopped. For compose.yaml.

Docker does not tell an error that a person must mend (exit code 1 or 2) from a crash. `restart:
unless-stopped` would begin anew for ever, and after `on-failure` nothing runs once the machine was
restarted, because a clean stop is no failure. So the container stays, and its health is red.
"""

import signal
import sys

from adminbot import logs
from adminbot.cli import NOT_DONE, WRONG_USAGE, main

_STOP = {signal.SIGTERM, signal.SIGINT}


def _code() -> int | str | None:
    try:
        return main()
    except SystemExit as exc:  # argparse, for a word or flag that is not there
        return exc.code


sys.argv[0] = "adminbot"  # what setup says to type next begins with it
code = _code()
if sys.argv[1:2] == ["run"] and code in (NOT_DONE, WRONG_USAGE):
    # Blocked, because the first process of a container gets no signal that nobody handles.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    logs.fatal("adminbot: waiting. Mend that, then restart the container.")
    signal.sigwait(_STOP)
sys.exit(code)
