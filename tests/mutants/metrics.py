"""Guards of the metrics: whose names come out, and who may keep adminbot busy."""

from tests.mutants import Mutant

_METER = "adminbot/metrics/meter.py"
_SERVING = "adminbot/metrics/serving.py"
_TESTS = "tests/unit/metrics/test_serving.py"

MUTANTS = [
    Mutant(
        _METER,
        "value if value in those else _OTHER",
        "value",
        "whoever counts what a person typed shows it to all who read metrics",
        "tests/unit/metrics/test_meter.py"
        "::test_a_label_holds_nothing_but_what_it_was_given_beforehand",
    ),
    Mutant(
        "adminbot/dispatch/executor.py",
        "command.name if command else UNKNOWN, how",
        'command.name if command else line.split(" ")[0], how',
        "a word that is no command is counted as what was typed",
        "tests/unit/dispatch/test_executor.py::test_what_became_of_a_command_is_counted",
    ),
    Mutant(
        "adminbot/values/address.py",
        'host.lower() in ("", "localhost")',
        'host.lower() == "localhost"',
        "a port alone is no address any more",
        "tests/unit/values/test_address.py::test_a_port_alone_means_this_machine_only",
    ),
    Mutant(
        "adminbot/values/address.py",
        '_LOOPBACK = "127.0.0.1"',
        '_LOOPBACK = "0.0.0.0"',
        "a port alone is open to the whole network",
        "tests/unit/values/test_address.py::test_a_port_alone_means_this_machine_only",
    ),
    Mutant(
        _SERVING,
        'if (method, path) != (b"GET", b"/metrics"):',
        'if path != b"/metrics":',
        "more than GET is answered",
        f"{_TESTS}::test_nothing_else_is_there",
    ),
    Mutant(
        _SERVING,
        "if len(scrapes) >= _MOST_AT_ONCE:",
        "if False:",
        "idle connections take every file descriptor that the bot has",
        f"{_TESTS}::test_the_many_cost_eight_connections",
    ),
    Mutant(
        _SERVING,
        "asyncio.timeout(_WHOLE_S)",
        "asyncio.timeout(None)",
        "a slow reader is waited for without end",
        f"{_TESTS}::test_the_slow_and_the_endless_get_nothing",
    ),
    Mutant(
        _SERVING,
        "            return\n        server",
        "            raise\n        server",
        "without its port for metrics there is no bot",
        f"{_TESTS}::test_an_address_that_cannot_be_had_is_one_sentence_and_no_end",
    ),
]
