"""What phones make of a command, and what is no command of ours: over tests/desk.py."""

from tests.mutants import Mutant

SPELLINGS = "tests/unit/dispatch/test_spellings.py::"
INCOMING = "tests/unit/chat/test_incoming.py::"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "adminbot/dispatch/interpreter.py",
        "command is None or not self._rules.is_at_home(incoming.room_id, incoming.sender)",
        "command is None",
        "the bot meddles with what is meant for other programs, in every room",
        SPELLINGS + "test_a_slash_elsewhere_is_somebody_elses",
    ),
    Mutant(
        "adminbot/dispatch/interpreter.py",
        "return Refuse(refusal) if refusal else Reply(not_with_a_slash(line, command))",
        "return Reply(not_with_a_slash(line, command))",
        "an untrusted device of an admin gets an answer as a trusted one does",
        SPELLINGS + "test_a_slash_from_an_untrusted_device_is_refused",
    ),
    Mutant(
        "adminbot/dispatch/executor.py",
        "            self._check_is_one(line)\n",
        "",
        "of two commands in a message, the first takes the second for its display name",
        SPELLINGS + "test_of_two_commands_in_a_message_neither_is_done",
    ),
    Mutant(
        "adminbot/chat/incoming.py",
        'formatted = formatted.rpartition("</mx-reply>")[2]',
        "pass",
        "a name in what a reply quotes changes what was typed",
        INCOMING + "test_a_pill_in_what_a_reply_quotes_is_not_typed",
    ),
)
