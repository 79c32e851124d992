"""What is in the audit, and what is not."""

from tests.mutants import Mutant

AUDIT = "tests/unit/commands/test_audit.py::"

MUTANTS = (
    Mutant(
        "adminbot/dispatch/executor.py",
        '    is_certain = word.startswith("@") or await registry.known(user_id)\n',
        "    is_certain = True\n",
        "a token that was pasted in place of a name is kept in the audit",
        AUDIT + "test_what_was_typed_is_not_kept",
    ),
    Mutant(
        "adminbot/dispatch/executor.py",
        "command is None or not command.acts",
        "True",
        "a refused change leaves no trace",
        AUDIT + "test_a_refusal_is_noted_with_who_and_from_where",
    ),
    Mutant(
        "adminbot/dispatch/replies.py",
        "        if is_told and command:\n",
        "        if command:\n",
        "who floods us fills the disk",
        AUDIT + "test_a_flood_of_refusals_is_bounded",
    ),
    Mutant(
        "adminbot/dispatch/executor.py",
        "            typed_on=incoming.device,\n",
        "",
        "the audit does not say from which device",
        AUDIT + "test_a_change_is_noted_with_who_and_from_where",
    ),
    Mutant(
        "adminbot/store/audit.py",
        '            await self._db.execute(row["sql"])\n',
        "",
        "after a prune the audit can be cut by anybody",
        "tests/unit/store/test_audit.py::test_a_prune_cuts_what_is_old_and_says_so",
    ),
    Mutant(
        "adminbot/jobs/alarm.py",
        "            await self._store.audit.add(entry)\n",
        "            pass\n",
        "an alarm leaves no trace",
        "tests/unit/jobs/test_alarm.py::test_an_alarm_is_in_the_audit_once_it_was_told",
    ),
)
