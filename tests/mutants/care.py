"""Guards of what cares for a bot, and of what ends a part of it: without a server."""

from tests.mutants import Mutant

_CARE = "tests/unit/commands/test_care.py::"
_ENDINGS = "tests/unit/commands/test_endings.py::"
_NOTHING_BEGUN = f"{_CARE}test_nothing_is_begun_that_needs_a_login"

MUTANTS = (
    # -- pause
    Mutant(
        "adminbot/accounts/registry.py",
        "        if bot.is_paused:\n",
        "        if False:\n",
        "a paused bot is taken into rooms, or its login changed",
        _NOTHING_BEGUN,
    ),
    Mutant(
        "adminbot/accounts/backends/checks.py",
        "    if (await open_account(backend, user_id)).is_locked:\n",
        "    if not await open_account(backend, user_id):\n",
        "a rotation sets a password and then cannot log in, as somebody locked the account",
        _NOTHING_BEGUN,
    ),
    Mutant(
        "adminbot/accounts/backends/synapse.py",
        'if exc.errcode == "M_USER_LOCKED":',
        "if False:",
        "what cannot be done as an account that somebody locked is told without a remedy",
        _NOTHING_BEGUN,
    ),
    Mutant(
        "adminbot/accounts/pausing.py",
        'self._acts.brake("pause", bot.user_id, order)',
        'self._acts.begin("pause", bot.user_id, order)',
        "a pause waits behind a rotation",
        f"{_CARE}test_a_pause_is_known_to_a_rotation_that_came_before_it_also_after_a_crash",
    ),
    Mutant(
        "adminbot/accounts/pausing.py",
        "if not (bot.is_paused or account.is_locked or act.earlier_steps):",
        "if not bot.is_paused:",
        "what somebody else locked stays locked",
        f"{_CARE}test_what_somebody_else_locked_is_unlocked_all_the_same",
    ),
    Mutant(
        "adminbot/store/bots.py",
        "paused = CASE WHEN deleted_at IS NULL THEN paused ELSE excluded.paused END, ",
        "paused = excluded.paused, ",
        "a rotation that ends late forgets a pause",
        "tests/unit/store/test_bots.py::test_what_was_set_since_a_bot_was_read_stays",
    ),
    Mutant(
        "adminbot/store/bots.py",
        "note = CASE WHEN deleted_at IS NULL THEN note ELSE excluded.note END, ",
        "note = excluded.note, ",
        "a rotation that ends late brings an older note back",
        f"{_CARE}test_a_note_that_comes_into_a_rotation_stays",
    ),
    Mutant(
        "adminbot/store/bots.py",
        '"display_name = CASE WHEN deleted_at IS NULL THEN display_name "\n'
        '            "ELSE excluded.display_name END, "',
        '"display_name = excluded.display_name, "',
        "a rotation that ends late brings an older name back",
        "tests/unit/store/test_bots.py::test_what_was_set_since_a_bot_was_read_stays",
    ),
    # -- passwords
    Mutant(
        "adminbot/accounts/passwords.py",
        "act, keep_sessions=True)",
        "act, keep_sessions=False)",
        "a fresh password ends every session, with its keys",
        f"{_CARE}test_a_fresh_password_leaves_the_sessions_alone",
    ),
    Mutant(
        "adminbot/accounts/passwords.py",
        "            self._acts.check_nobody_waits(bot.user_id)\n",
        "",
        "a rotation that waits fails, as the password that it set is another one",
        f"{_CARE}test_a_password_does_not_come_between_a_rotation_and_its_login",
    ),
    Mutant(
        "adminbot/store/memory.py",
        "self.cards.void(bot.user_id, None if is_login else kind)",
        "self.cards.void(bot.user_id)",
        "a card with a token that works is taken away",
        f"{_CARE}test_a_fresh_password_leaves_the_sessions_alone",
    ),
    Mutant(
        "adminbot/store/memory.py",
        "self.cards.void(bot.user_id, None if is_login else kind)",
        "self.cards.void(bot.user_id, CardKind.PASSWORD)",
        "a card with nothing but a dead password stays, and says that its login works",
        f"{_CARE}test_of_a_program_that_logs_in_itself_the_older_card_is_void",
    ),
    # -- one session, old sessions
    Mutant(
        "adminbot/accounts/endings.py",
        "            and device.device_id != bot.device_id\n",
        "",
        "a prune ends the session from the bot's card",
        f"{_ENDINGS}test_old_sessions_go_after_their_list_was_seen",
    ),
    Mutant(
        "adminbot/accounts/endings.py",
        "            and device.last_seen < now() - for_so_long\n",
        "",
        "a prune ends sessions in use",
        f"{_ENDINGS}test_a_session_that_was_seen_since_the_question_stays",
    ),
    Mutant(
        "adminbot/accounts/endings.py",
        "        device_id = noted.device_id if noted else None\n",
        "        device_id = None\n",
        "a session that ended before a crash stays the bot's in the store",
        f"{_ENDINGS}test_one_session_that_ended_before_a_crash_is_ended",
    ),
    Mutant(
        "adminbot/commands/trust.py",
        "    confirm=Confirm.NAME,\n",
        "    confirm=Confirm.TAP,\n",
        "a forged reaction ends sessions and deletes their keys",
        f"{_ENDINGS}test_a_tap_prunes_nothing "
        "tests/unit/commands/test_declarations.py::"
        "test_only_what_can_be_undone_is_confirmed_by_what_anybody_can_forge",
    ),
    Mutant(
        "adminbot/commands/trust.py",
        'only_looks=lambda args: "prune" not in args.flags,',
        "only_looks=lambda args: True,",
        "a lockdown keeps nobody from ending sessions",
        f"{_ENDINGS}test_the_list_of_sessions_can_be_seen_under_a_lockdown",
    ),
    # -- an account and its messages
    Mutant(
        "adminbot/accounts/endings.py",
        "            await self._store.signed_out(user_id)\n",
        "",
        "a bot whose erasure failed half-way is shown with a session",
        f"{_ENDINGS}test_a_failure_behind_the_sign_out_says_what_is_so",
    ),
    Mutant(
        "adminbot/accounts/endings.py",
        "brake, erase=True)",
        "brake)",
        "the account is closed and not erased",
        f"{_ENDINGS}test_the_sessions_are_dead_before_anything_else",
    ),
    Mutant(
        "adminbot/accounts/backends/removal.py",
        "time.monotonic() + _REMOVAL_S",
        "float('inf')",
        "a brake waits for the end of a removal that takes minutes",
        "tests/unit/accounts/backends/test_synapse.py::"
        "test_the_end_of_a_removal_is_waited_for_some_seconds",
    ),
)
