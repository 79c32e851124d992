"""What is in the audit, and what is not."""

from tests.mutants import Mutant

AUDIT = "tests/unit/commands/test_audit.py::"

MUTANTS = (
    Mutant(
        "adminbot/dispatch/refusals.py",
        '        is_certain = word.startswith("@") or await self._registry.known(user_id)\n',
        "        is_certain = True\n",
        "a token that was pasted in place of a name is kept in the audit",
        AUDIT + "test_what_was_typed_is_not_kept",
    ),
    Mutant(
        "adminbot/dispatch/executor.py",
        "command is None or not command.is_audited",
        "True",
        "a refused change leaves no trace",
        AUDIT + "test_a_refusal_is_noted_with_who_and_from_where",
    ),
    Mutant(
        "adminbot/dispatch/refusals.py",
        "            if self._left_out[who] > 1:\n                return None\n",
        "",
        "who floods us fills the disk",
        AUDIT + "test_a_flood_of_refusals_is_bounded_and_counted",
    ),
    Mutant(
        "adminbot/dispatch/executor.py",
        "            typed_on=typed_on(incoming),\n",
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
        "        await self.told(_OTHER_IDENTITY, user_id)\n",
        "",
        "an alarm leaves no trace",
        "tests/unit/jobs/test_alarm.py::test_an_alarm_is_in_the_audit_once_it_was_told",
    ),
    Mutant(
        "adminbot/dispatch/refusals.py",
        "        elif left_out := self._left_out.pop(who, 0):\n",
        "        elif left_out := 0:\n",
        "nobody learns how many refusals were left out",
        AUDIT + "test_a_flood_of_refusals_is_bounded_and_counted",
    ),
    Mutant(
        "adminbot/dispatch/router.py",
        "        return self.acts or (self.brake and not self.declines)\n",
        "        return self.acts\n",
        "a refused lockdown leaves no trace",
        AUDIT + "test_of_a_refused_device_it_is_noted_what_it_was_after",
    ),
    Mutant(
        "adminbot/dispatch/refusals.py",
        "    return BY_TAP if incoming.kind == REACTION else incoming.device\n",
        "    return incoming.device\n",
        "what a forged tap may have done looks like what was typed",
        AUDIT + "test_a_brake_by_a_tap_says_so",
    ),
    Mutant(
        "adminbot/store/audit.py",
        "                before,\n                last,\n",
        "                before,\n                2**62,\n",
        "a prune cuts off its own note",
        "tests/unit/store/test_audit.py::test_a_prune_cuts_what_is_old_and_says_so",
    ),
    Mutant(
        "adminbot/store/schema.py",
        "BEFORE UPDATE ON audit\n        BEGIN SELECT RAISE(ABORT,",
        "BEFORE UPDATE ON audit\n        BEGIN SELECT max(1,",
        "what was noted can be written over",
        "tests/unit/store/test_audit.py::test_what_is_noted_stays_as_it_is",
    ),
    Mutant(
        "adminbot/trust/lockdown.py",
        "        await self._store.audit.add(entry, partial(self._store.facts.forget, _LOCKED))\n",
        "        await self._store.facts.drop(_LOCKED)\n"
        "        await self._store.audit.add(entry)\n",
        "a lockdown may end unnoted",
        "tests/unit/trust/test_lockdown.py::test_no_lockdown_begins_or_ends_unnoted",
    ),
)
