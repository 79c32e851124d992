"""When a silence is told and when not, and what a tap on an alarm can do."""

from tests.mutants import Mutant

SILENCE = "tests/unit/jobs/test_silence_watch.py::"
COMMANDS = "tests/unit/commands/test_watching.py::"
EXPIRY = "tests/unit/jobs/test_expiry_watch.py::"
MODULE = "adminbot/jobs/silence_watch.py"

MUTANTS = (
    Mutant(
        MODULE,
        "        return start + watch.silent + _coarse(watch) + unseen\n",
        "        return start + watch.silent + _coarse(watch)\n",
        "after an outage of the server every bot is told to be silent",
        SILENCE + "test_no_alarm_where_the_server_did_not_answer",
    ),
    Mutant(
        MODULE,
        "            if watch.alarmed and not watch.told:\n",
        "            if watch.alarmed and not watch.told and watch.snoozed_until:\n",
        "an alarm that a crash cut off is never told",
        SILENCE + "test_an_alarm_that_was_cut_off_is_told_as_the_same",
    ),
    Mutant(
        MODULE,
        "    return bot.is_paused or (bot.token_at is None and bot.adopted_at is None)\n",
        "    return bot.token_at is None and bot.adopted_at is None\n",
        "a paused bot is told to be silent",
        SILENCE + "test_of_a_bot_that_can_give_no_sign_nothing_is_told",
    ),
    Mutant(
        MODULE,
        "        await self._store.watches.not_ahead(moment)\n",
        "",
        "a clock that was ahead once silences an alarm for years",
        SILENCE + "test_a_snooze_by_a_clock_that_was_ahead_ends_all_the_same",
    ),
    Mutant(
        "adminbot/store/watches.py",
        '"WHERE user_id = ? AND alarmed = ? AND snoozed_until IS NULL",',
        '"WHERE user_id = ? AND alarmed = ?",',
        "forged taps make a bot's silence longer and longer",
        COMMANDS + "test_a_tap_makes_quiet_for_a_day_and_no_longer",
    ),
    Mutant(
        "adminbot/store/watches.py",
        "        return [it for it in watches if it.told.get(str(told)) == event_id]\n",
        "        return [it for it in watches if event_id in it.told.values()]\n",
        "who was not told makes an alarm quiet",
        COMMANDS + "test_a_tap_that_makes_nobody_quiet",
    ),
    Mutant(
        "adminbot/jobs/expiry_watch.py",
        " and expiry.reminded != mark_of(expiry, bot, stage):",
        ":",
        "a reminder comes again with each start",
        EXPIRY + "test_it_is_reminded_a_week_and_a_day_before_and_in_time_each_once",
    ),
    Mutant(
        "adminbot/jobs/weekly.py",
        "        if noted is None or last > moment:",
        "        if noted is None:",
        "a clock that was ahead once ends the weekly look",
        "tests/unit/jobs/test_weekly.py::test_a_clock_that_was_ahead_does_not_end_it",
    ),
)
