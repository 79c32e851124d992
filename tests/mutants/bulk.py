"""Many bots by one command: what is done once, what stops, and what overtakes."""

from tests.mutants import Mutant

BULK = "tests/unit/commands/test_bulk.py::"
ACTS = "tests/unit/store/test_acts.py::"
MODULE = "adminbot/accounts/bulk.py"

MUTANTS = (
    Mutant(
        MODULE,
        'if note and note.outcome == "done":',
        "if note:",
        "what a crash cut off is taken for done",
        BULK + "test_after_a_crash_the_rest_is_done_and_nothing_twice",
    ),
    Mutant(
        MODULE,
        "        if await self._store.acts.is_stopped(order.event_id):\n",
        "        if False:\n",
        "a cancel stops nothing",
        BULK + "test_a_cancel_lets_no_further_one_begin",
    ),
    Mutant(
        MODULE,
        "        elif not is_brake:\n",
        "        else:\n",
        "a lockdown stops a sign-out of all bots",
        BULK + "test_a_lockdown_does_not_stop_a_sign_out_of_all",
    ),
    Mutant(
        MODULE,
        "                await order.check()\n",
        "                pass\n",
        "bots are made during a lockdown",
        BULK + "test_a_lockdown_lets_no_further_one_begin",
    ),
    Mutant(
        "adminbot/store/acts.py",
        '"JOIN inbox ON inbox.event_id = coalesce(act.part_of, act.event_id) WHERE "',
        '"JOIN inbox ON inbox.event_id = act.event_id WHERE "',
        "a rotation that was not begun yet overtakes a sign-out of all",
        ACTS + "test_a_brake_on_many_accounts_counts_for_each",
    ),
    Mutant(
        "adminbot/commands/bulk.py",
        "if bot.token_at and not bot.is_paused]",
        "if True]",
        "who was signed out is let in again by a rotation of all",
        BULK + "test_all_are_rotated_after_the_word",
    ),
    Mutant(
        "adminbot/dispatch/questions.py",
        "in (*_NO, *_YES, *_MANY)",
        "in (*_NO, *_YES)",
        "the word for one bot signs all bots out",
        BULK + "test_a_bot_that_is_called_all_is_named_in_full",
    ),
    Mutant(
        "adminbot/store/schema.py",
        "BEFORE DELETE ON audit\n"
        "        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;",
        "BEFORE DELETE ON audit\n        BEGIN SELECT 1; END;",
        "the audit can be cut",
        ACTS + "test_what_has_ended_is_in_the_audit_once_and_stays_there",
    ),
    Mutant(
        "adminbot/store/schema.py",
        "BEFORE UPDATE ON audit\n"
        "        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;",
        "BEFORE UPDATE ON audit\n        BEGIN SELECT 1; END;",
        "the audit can be rewritten",
        ACTS + "test_what_has_ended_is_in_the_audit_once_and_stays_there",
    ),
)
