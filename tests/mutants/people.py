"""Whose accounts no command for people changes, and what a crash leaves of one."""

from tests.mutants import Mutant

PEOPLE = "tests/unit/commands/test_people.py::"
SIGN_UP = "tests/unit/commands/test_sign_up.py::"
MODULE = "adminbot/accounts/people.py"

MUTANTS = (
    Mutant(
        MODULE,
        "        self._registry.check_unprotected(user_id)\n",
        "",
        "an admin's account is locked by another admin's stolen phone",
        PEOPLE + "test_who_is_protected_stays_as_they_are",
    ),
    Mutant(
        MODULE,
        "        if account.is_admin:\n            raise Protected(user_id)\n",
        "",
        "a server admin gets another password",
        PEOPLE + "test_who_is_protected_stays_as_they_are",
    ),
    Mutant(
        MODULE,
        "        if await self._store.bots.find(user_id):\n",
        "        if False:\n",
        "a bot is treated as a person",
        PEOPLE + "test_who_is_protected_stays_as_they_are",
    ),
    Mutant(
        MODULE,
        "        if account.appservice_id:\n",
        "        if False:\n",
        "a bridge's account gets a password",
        PEOPLE + "test_who_is_protected_stays_as_they_are",
    ),
    Mutant(
        MODULE,
        "keep_sessions=not sign_out",
        "keep_sessions=False",
        "a fresh password signs a person out unasked",
        PEOPLE + "test_a_fresh_password_leaves_the_sessions",
    ),
    Mutant(
        "adminbot/accounts/backends/synapse.py",
        "        if not await self.is_ours(target, attempt):\n            await act.step(MAKE)\n",
        "        if not attempt.may_be_ours:\n            await act.step(MAKE)\n",
        "a password is set on an account that somebody else made meanwhile",
        PEOPLE + "test_what_somebody_else_made_meanwhile_is_left_alone",
    ),
    Mutant(
        "adminbot/commands/people.py",
        "    confirm=Confirm.NAME,\n",
        "    confirm=Confirm.TAP,\n",
        "a forged reaction shuts a person out",
        PEOPLE + "test_a_person_is_shut_out_and_let_in",
    ),
    Mutant(
        "adminbot/accounts/sign_up.py",
        "            await self._store.sealed.set(name, token)\n",
        "",
        "after a crash there are two sign-up tokens, and one of them nobody knows",
        SIGN_UP + "test_a_crash_leaves_one_token_and_its_card",
    ),
    Mutant(
        "adminbot/accounts/sign_up.py",
        '    return beginning.rstrip("….")\n',
        "    return beginning\n",
        "after a crash a sign-up token is said to be taken back, and is not",
        SIGN_UP + "test_a_crash_while_a_token_is_taken_back",
    ),
    Mutant(
        "adminbot/homeserver/synapse_people.py",
        "nobody = self._http.acting_with(None)",
        "nobody = self._http",
        "our token goes along where Synapse refuses it, and sign-up always looks shut",
        "tests/unit/homeserver/test_synapse_people.py::test_who_can_sign_up",
    ),
    Mutant(
        "adminbot/store/memory.py",
        "            await self.sealed.forget(sealed_for(event_id))\n",
        "",
        "a sign-up token stays on disk",
        SIGN_UP + "test_a_token_is_on_the_card_and_nowhere_else",
    ),
    Mutant(
        "adminbot/homeserver/values.py",
        "        return self.token.reveal()[:SHOWN]",
        "        return self.token.reveal()",
        "the list shows whole sign-up tokens",
        SIGN_UP + "test_the_list_shows_beginnings",
    ),
    Mutant(
        "adminbot/commands/sign_up.py",
        'only_looks=lambda args: args[_ACTION].lower() == "list",',
        'only_looks=lambda args: args[_ACTION].lower() != "new",',
        "a sign-up token is taken back in a lockdown",
        SIGN_UP + "test_under_a_lockdown_tokens_are_listed_and_none_is_made_or_taken_back",
    ),
)
