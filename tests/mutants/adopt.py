"""What keeps an account from being taken into care, and what stays its own."""

from tests.mutants import Mutant

ADOPTING = "tests/unit/commands/test_adopting.py::"
ADOPTION = "adminbot/accounts/adoption.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        ADOPTION,
        "        if account.is_admin:\n",
        "        if False:\n",
        "a server admin's account is taken into care",
        ADOPTING + "test_who_is_not_taken",
    ),
    Mutant(
        ADOPTION,
        "        self._registry.check_unprotected(user_id)\n",
        "",
        "an admin of ours, or our own account, is taken into care",
        ADOPTING + "test_an_admin_of_ours_is_not_taken_and_no_command_for_bots_works_on_one",
    ),
    Mutant(
        "adminbot/accounts/registry.py",
        "        self.check_unprotected(user_id)\n        return bot\n",
        "        return bot\n",
        "a command for bots works on an account that became an admin's",
        ADOPTING + "test_an_admin_of_ours_is_not_taken_and_no_command_for_bots_works_on_one",
    ),
    Mutant(
        ADOPTION,
        "        if account.appservice_id or await",
        "        if await",
        "a bridge's account is taken into care",
        ADOPTING + "test_who_is_not_taken",
    ),
    Mutant(
        ADOPTION,
        "await self._backend.is_reserved(user_id):",
        "False:",
        "an account in a bridge's namespace is taken into care",
        ADOPTING + "test_what_is_no_account_to_be_taken",
    ),
    Mutant(
        "adminbot/homeserver/synapse_admin.py",
        'return is_exclusive or user_id.localpart.startswith("_")',
        'return user_id.localpart.startswith("_")',
        "a bridge's namespace is not known",
        "tests/unit/homeserver/test_synapse_admin.py::"
        "test_a_name_that_only_a_bridge_may_have_is_known",
    ),
    Mutant(
        ADOPTION,
        "        if account.is_deactivated:\n",
        "        if False:\n",
        "a closed account is taken into care",
        ADOPTING + "test_who_is_not_taken",
    ),
    Mutant(
        ADOPTION,
        "        if colon and server != self._registry.server:\n",
        "        if False:\n",
        "who names an account of another server takes one of ours of the same name",
        ADOPTING + "test_what_is_no_account_to_be_taken",
    ),
    Mutant(
        ADOPTION,
        "            candidate = await self.look(typed)\n"
        "            if candidate.seems_in_use and not also_in_use:\n",
        "            candidate = await self.look(typed)\n            if False:\n",
        "an account that a person has just begun to use is taken on one word",
        ADOPTING + "test_what_changes_between_the_look_and_the_taking_counts_as_well",
    ),
    Mutant(
        ADOPTION,
        'return self.account.user_type != "bot" and bool(self.devices or self.was_used)',
        'return self.account.user_type != "bot" and self.was_used',
        "an account with sessions counts as nobody's",
        ADOPTING + "test_who_seems_to_use_the_account",
    ),
    Mutant(
        ADOPTION,
        'return self.account.user_type != "bot" and bool(self.devices or self.was_used)',
        'return self.account.user_type != "bot" and bool(self.devices)',
        "who is signed out just now loses the account on one word",
        ADOPTING + "test_who_seems_to_use_the_account",
    ),
    Mutant(
        "adminbot/commands/adopting.py",
        "        if candidate.seems_in_use:\n",
        "        if False:\n",
        "a person's account is refused without the second question",
        ADOPTING + "test_a_persons_account_in_use_takes_a_second_word",
    ),
    Mutant(
        "adminbot/commands/adopting.py",
        'f"{_IN_USE} {user_id}"',
        'f"{user_id}"',
        "an account called yes is taken on one word",
        ADOPTING + "test_an_account_called_yes_takes_two_words_as_well",
    ),
    Mutant(
        "adminbot/dispatch/context.py",
        "        if self.incoming.confirmed != about:\n",
        "        if not self.incoming.confirmed:\n",
        "the answer to one question counts for the next one",
        ADOPTING + "test_a_persons_account_in_use_takes_a_second_word",
    ),
    Mutant(
        ADOPTION,
        "own_identity=self.master is not None",
        "own_identity=False",
        "an identity from before counts as a stranger's",
        ADOPTING + "test_an_identity_from_before_stays_its_own",
    ),
    Mutant(
        "adminbot/store/memory.py",
        "            if master_key:\n                await self.bot_pins.put(",
        "            if False:\n                await self.bot_pins.put(",
        "an identity that replaces the adopted one before the first look is taken for it",
        ADOPTING + "test_an_identity_from_before_stays_its_own",
    ),
    Mutant(
        ADOPTION,
        "return device_id in with_keys and is_device_id(device_id) and not is_ours",
        "return device_id in with_keys and is_device_id(device_id)",
        "an adopted bot has our own device id, which a sign-out spares",
        ADOPTING + "test_the_device_with_keys_that_was_seen_last_is_the_bots",
    ),
    Mutant(
        ADOPTION,
        "            await act.note()\n            bot =",
        "            bot =",
        "an adoption is in no audit",
        ADOPTING + "test_killed_before_its_end_it_is_taken_by_the_second_run",
    ),
)
