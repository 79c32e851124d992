"""Guards on the rooms of bots: in whose name is acted, which room is left, which is a chat."""

from tests.mutants import Mutant

COMMANDS = "tests/unit/commands/test_rooms.py::"
CHAT = "tests/unit/accounts/test_private_chat.py::"
_BASE = "adminbot/accounts/backends/checks.py"
_PRIVATE_CHAT = "adminbot/accounts/private_chat.py"
_ROOMS = "adminbot/commands/rooms.py"

MUTANTS: tuple[Mutant, ...] = (
    # -- in whose name
    Mutant(
        _BASE,
        "    if account.is_deactivated:\n        raise AccountGone\n",
        "",
        "a closed account is acted as",
        f"{COMMANDS}test_nobody_acts_as_a_closed_account_or_a_server_admin",
    ),
    Mutant(
        _BASE,
        "    account = await check_may_change(backend, user_id)\n    if account.is_deactivated",
        "    account = await backend.find(user_id)\n"
        "    if account is None or account.is_deactivated",
        "a bot that became a server admin is acted as",
        f"{COMMANDS}test_nobody_acts_as_a_closed_account_or_a_server_admin",
    ),
    Mutant(
        _BASE,
        "    if (await open_account(backend, user_id)).is_locked:\n",
        "    if not await open_account(backend, user_id):\n",
        "what to do with a paused bot is not said",
        f"{COMMANDS}test_a_paused_bot_is_looked_at_and_left_alone",
    ),
    # -- which room is left
    Mutant(
        _ROOMS,
        "room_id = await membership.room_id(room) if room else _named(bot, seen, typed)",
        "room_id = _named(bot, seen, typed)",
        "who names a room like another room's alias has a bot leave the wrong one",
        f"{COMMANDS}test_a_room_that_is_named_like_another_room_is_not_the_other_room",
    ),
    Mutant(
        _ROOMS,
        "    if len(named) == 1 and seen.are_all:\n",
        "    if named:\n",
        "of two rooms with one name a bot leaves either",
        f"{COMMANDS}test_what_cannot_be_left",
    ),
    Mutant(
        _ROOMS,
        "    if len(named) == 1 and seen.are_all:\n",
        "    if len(named) == 1:\n",
        "a name counts although not every room was looked at",
        f"{COMMANDS}test_a_name_counts_only_where_every_room_was_looked_at",
    ),
    Mutant(
        _ROOMS,
        "    confirm=Confirm.NAME,\n",
        "    confirm=Confirm.TAP,\n",
        "a tap, which can be forged, takes a bot out of a room",
        f"{COMMANDS}test_a_bot_leaves_a_room_after_its_name",
    ),
    Mutant(
        "adminbot/accounts/membership.py",
        "                    if not is_second_run:\n",
        "                    if True:\n",
        "a leave that a crash cut off is told as if nothing had happened",
        f"{COMMANDS}test_a_leave_that_was_cut_off_is_finished",
    ),
    Mutant(
        "adminbot/accounts/membership.py",
        "                if exc.status not in (403, 404):\n                    raise\n"
        "                refused.append(room_id)",
        "                raise",
        "one room that nobody can enter bars all the others",
        f"{COMMANDS}test_a_room_that_lets_nobody_in_does_not_bar_the_others",
    ),
    # -- which room is a chat
    Mutant(
        _PRIVATE_CHAT,
        "        for room_id in await self._made_by("
        "own, [it for it in joined if it not in known]):\n",
        "        for room_id in ():\n",
        "a crash between the room and its note makes a second room",
        f"{COMMANDS}test_a_chat_that_was_cut_off_is_not_made_twice",
    ),
    Mutant(
        _PRIVATE_CHAT,
        "        for room_id in await self._made_by("
        "own, [it for it in joined if it not in known]):\n",
        "        for room_id in joined if _MAKE in act.earlier_steps else []:\n",
        "a lost answer makes a second room when the command is typed again",
        f"{COMMANDS}test_a_chat_whose_answer_was_lost_is_found_by_the_next_command",
    ),
    Mutant(
        _PRIVATE_CHAT,
        "if facts.creator == str(own) and _is_like_a_chat(facts)",
        "if _is_like_a_chat(facts)",
        "any room of the two is taken for their chat, whoever holds the power in there",
        f"{COMMANDS}test_another_persons_room_or_a_bigger_one_is_not_taken_for_the_chat",
    ),
    Mutant(
        _PRIVATE_CHAT,
        "for room_id in (it for it in known if it in joined):",
        "for room_id in known:",
        "a room that the bot has left is taken for its chat",
        f"{COMMANDS}test_what_is_left_by_the_bot_is_no_chat_any_more",
    ),
    Mutant(
        _PRIVATE_CHAT,
        "or present - {str(own), str(person)} ",
        "",
        "a room with somebody else in it is a private chat",
        f"{CHAT}test_any_other_room_is_none "
        f"{COMMANDS}test_a_chat_with_somebody_else_in_it_is_none",
    ),
    Mutant(
        _PRIVATE_CHAT,
        '        "m.room.encryption" in events\n        and ',
        "        ",
        "a room without encryption is a private chat",
        f"{CHAT}test_any_other_room_is_none",
    ),
    Mutant(
        _PRIVATE_CHAT,
        'in ("", "invite")',
        '!= "knock"',
        "a room that everybody may join is a private chat",
        f"{CHAT}test_any_other_room_is_none",
    ),
    Mutant(
        _PRIVATE_CHAT,
        '!= "world_readable"',
        '!= ""',
        "a room that everybody may read is a private chat",
        f"{CHAT}test_any_other_room_is_none",
    ),
    Mutant(
        _PRIVATE_CHAT,
        "await account.invite_to_chat(room_id, act.who)",
        "await account.invite(room_id, act.who)",
        "the person's app does not file the chat with the private chats",
        "tests/live/test_bot_rooms.py::test_a_chat_is_encrypted_direct_and_without_us",
    ),
    Mutant(
        "adminbot/homeserver/client_api.py",
        " | {'set_presence': 'offline'}",
        "",
        "who looks at a bot's rooms makes it seem online",
        "tests/unit/homeserver/test_client_api.py::"
        "test_to_look_at_invitations_makes_nobody_seem_online",
    ),
)
