"""Guards of doctor, health, the control socket, what systemd is told, and `setup --undo`."""

from tests.mutants import Mutant

FAULT = "tests/live/test_doctor.py::test_a_fault_is_found_and_told_with_its_remedy"
HEALTH = "tests/unit/cli/test_health.py::test_anything_else_is_not"
DOCTOR = "tests/unit/doctor/test_doctor.py::"
SERVER = "tests/unit/doctor/test_server.py::"
UNDOING = "tests/unit/cli/test_undoing.py::"
UNDO = "tests/live/test_undo.py::"
SUBJECT = "tests/unit/doctor/test_subject.py::"
LOCAL = "tests/unit/doctor/test_local.py::"

MUTANTS = (
    Mutant(
        "adminbot/doctor/people.py",
        "it.settings, remembers=False)",
        "it.settings)",
        "a mere look notes an admin as absent, who then cannot command",
        "tests/unit/doctor/test_people.py::test_a_look_at_an_admin_who_is_not_there_shuts_nobody_out",
    ),
    Mutant(
        "adminbot/chat/sync.py",
        "            missed += page.chunk\n            self.goes_on()\n",
        "            missed += page.chunk\n",
        "fifty pages from a slow server are a loop that hangs, and systemd kills it",
        "tests/unit/chat/test_sync.py::test_a_long_gap_on_a_slow_server_is_no_loop_that_hangs",
    ),
    Mutant(
        "adminbot/cli/doctor.py",
        "        async with asyncio.timeout(_ANSWER_S):",
        "        async with asyncio.timeout(None):",
        "beside a service that hangs the doctor hangs, too",
        "tests/unit/cli/test_doctor.py::test_a_service_that_does_not_tell_hangs_nobody",
    ),
    Mutant(
        "adminbot/control.py",
        "        async with asyncio.timeout(_FIRST_S):",
        "        async with asyncio.timeout(None):",
        "whoever connects and says nothing keeps a file open in the service for good",
        "tests/unit/test_control.py::test_who_connects_and_says_nothing_is_let_go",
    ),
    Mutant(
        "adminbot/doctor/subject.py",
        "    if owner != os.geteuid():",
        "    if False:",
        "a look as root leaves files that the service cannot write",
        SUBJECT + "test_another_users_state_stays_closed",
    ),
    Mutant(
        "adminbot/doctor/subject.py",
        "            _check_openable(settings.data_dir / DATABASE, service)\n",
        "",
        "a misspelt data directory is made, and its empty state told as whole",
        SUBJECT + "test_where_no_state_is_none_is_made",
    ),
    Mutant(
        "adminbot/doctor/subject.py",
        "    if service not in (NOT_RUNNING, STARTING):\n        raise service\n",
        "",
        "the state of a service of an older version is brought up to date below it",
        SUBJECT + "test_beside_a_service_of_any_version_the_state_stays_closed",
    ),
    Mutant(
        "adminbot/cli/__init__.py",
        '        if isinstance(exc, BrokenPipeError) and args.subcommand != "run":',
        "        if False:",
        "`adminbot doctor | head -1` is told as a bug",
        "tests/unit/cli/test_cli.py::test_whoever_reads_no_further_is_told_no_bug",
    ),
    Mutant(
        "adminbot/cli/__init__.py",
        'isinstance(exc, BrokenPipeError) and args.subcommand != "run":',
        "isinstance(exc, BrokenPipeError):",
        "a service that a broken connection ended is not started again",
        "tests/unit/cli/test_cli.py::test_a_service_that_a_broken_connection_ends_starts_again",
    ),
    Mutant(
        "adminbot/cli/undoing.py",
        "    if typed not in (str(own), own.localpart):",
        "    if not typed:",
        "anything that is typed closes the account",
        UNDO + "test_all_that_setup_made_goes_and_a_bot_stays",
    ),
    Mutant(
        "adminbot/setup/undo.py",
        '            await self._store.facts.set(_CLOSING, "1")\n',
        "",
        "cut off behind the account's end, nothing can be finished",
        UNDO + "test_cut_off_anywhere_a_second_run_finishes",
    ),
    Mutant(
        "adminbot/setup/undo.py",
        "            for event_id in (card.block_id, card.intro_id):",
        "            for event_id in ():",
        "cards can be read for good",
        UNDO + "test_all_that_setup_made_goes_and_a_bot_stays",
    ),
    Mutant(
        "adminbot/setup/undo.py",
        "            await self._synapse.has_no_rate_limit(self._own)",
        "            pass",
        "rooms are left by an account that then cannot be closed",
        UNDO + "test_what_cannot_be_finished_is_not_begun",
    ),
    Mutant(
        "adminbot/setup/undo.py",
        "facts.get(_CLOSING):\n                raise\n        say",
        "facts.get(_CLOSING):\n                pass\n        say",
        "an account is said to be closed whose token was taken away",
        UNDO + "test_what_cannot_be_finished_is_not_begun",
    ),
    Mutant(
        "adminbot/cli/undoing.py",
        "    _check_finished(args.env_file)\n",
        "",
        "the only token of an account half set up is thrown away",
        UNDOING + "test_an_unfinished_setup_is_finished_first",
    ),
    Mutant(
        "adminbot/cli/undoing.py",
        "    if gap := _gap(settings):",
        "    if gap := '':",
        "with a wrong data directory the account goes, and the state stays",
        UNDOING + "test_where_no_state_is_nothing_is_closed",
    ),
    Mutant(
        "adminbot/setup/undo.py",
        "    with SoleOwner(settings.data_dir):",
        "    if True:",
        "files are taken away under a service that was just started",
        "tests/unit/setup/test_undo.py",
    ),
    Mutant(
        "adminbot/cli/health.py",
        "    if age_s >= control.OLD_SYNC.total_seconds():",
        "    if False:",
        "a service that has not synced for hours is healthy",
        HEALTH,
    ),
    Mutant(
        "adminbot/cli/health.py",
        '    if "failed" in answer:\n        raise SetupError(str(answer["failed"]))\n',
        "",
        "a service that is still starting is not told as that",
        HEALTH,
    ),
    Mutant(
        "adminbot/control.py",
        "        (data_dir / _NAME).chmod(0o600)\n",
        "        (data_dir / _NAME).chmod(0o666)\n",
        "everybody on the machine can reach the control socket",
        "tests/unit/test_control.py::test_the_socket_may_lie_deep_and_is_its_owners_alone",
    ),
    Mutant(
        "adminbot/control.py",
        "        if len(first) != 1 or name not in words:",
        "        if name not in words:",
        "a line with two words is taken for the first",
        "tests/unit/test_control.py::test_nonsense_is_not_understood_and_ends_nothing",
    ),
    Mutant(
        "adminbot/app/systemd.py",
        "        sock.setblocking(False)  # the loop waits for nobody\n",
        "        sock.settimeout(30)\n",
        "a manager that does not read its socket stops the sync loop",
        "tests/unit/app/test_systemd.py::test_a_manager_that_does_not_listen_stops_nobody",
    ),
    Mutant(
        "adminbot/doctor/__init__.py",
        "            failed.add(check.name)",
        "            pass",
        "the error of one check is repeated by all that build on it",
        DOCTOR + "test_what_needs_a_failed_check_is_not_looked_at",
    ),
    Mutant(
        "adminbot/doctor/__init__.py",
        "async with asyncio.timeout(_MOST_S):",
        "async with asyncio.timeout(None):",
        "one check that hangs hangs all",
        DOCTOR + "test_a_check_that_hangs_is_left",
    ),
    Mutant(
        "adminbot/doctor/local.py",
        "    if age >= OLD_SYNC:",
        "    if False:",
        "a sync that is hours old is well",
        LOCAL + "test_an_old_sync_is_an_error",
    ),
    Mutant(
        "adminbot/doctor/local.py",
        "        verdict = error if free < _TOO_LITTLE else warning\n",
        "        verdict = warning\n",
        "a full disk is a mere warning",
        LOCAL + "test_little_space_is_told_before_there_is_none",
    ),
    Mutant(
        "adminbot/doctor/server.py",
        '    if where.scheme == "http" and not is_near:',
        "    if False:",
        "an admin token that crosses the internet in clear is well",
        SERVER + "test_the_admin_token_in_clear_on_the_internet_is_told",
    ),
    Mutant(
        "adminbot/doctor/server.py",
        "        used = max(0.0, used - (moment - last).total_seconds() / _LOGIN_S) + 1\n",
        "        used += 1\n",
        "logins never come back",
        SERVER + "test_logins_come_back_one_by_one",
    ),
    Mutant(
        "adminbot/homeserver/http.py",
        "        self._clock.note(server_date(response.headers))\n        location",
        "        location",
        "the homeserver's clock is never looked at",
        FAULT,
    ),
    Mutant(
        "adminbot/doctor/people.py",
        "    if strangers := sorted((joined | invited) - counted):",
        "    if strangers := sorted(joined - counted):",
        "a stranger who is invited is not told",
        FAULT,
    ),
    Mutant(
        "adminbot/homeserver/synapse_admin.py",
        "            if exc.status in (400, 403):\n                return False\n",
        "            if exc.status in (400, 403):\n                return True\n",
        "a wrong shared secret is right",
        FAULT,
    ),
)
