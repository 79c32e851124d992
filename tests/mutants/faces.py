"""Whose pictures count, and what is left of one."""

from tests.mutants import Mutant

FACES = "tests/unit/commands/test_faces.py::"
AVATAR = "tests/unit/accounts/test_avatar.py::"

MUTANTS = (
    Mutant(
        "adminbot/dispatch/interpreter.py",
        "        if refusal := self._why_not(incoming, question.line):\n"
        "            return self._refused(refusal, question.line)\n"
        "        return await self._agreed(incoming, question) if is_later",
        "        return await self._agreed(incoming, question) if is_later",
        "a picture from an untrusted device is taken",
        FACES + "test_a_picture_counts_only_as_a_command_would",
    ),
    Mutant(
        "adminbot/dispatch/interpreter.py",
        "        return await self._agreed(incoming, question) if is_later else Reply(TOO_EARLY)",
        "        return await self._agreed(incoming, question)",
        "the server shows an older picture as the one that was asked for",
        FACES + "test_a_picture_from_before_the_command_does_not_count",
    ),
    Mutant(
        "adminbot/dispatch/interpreter.py",
        "            if not is_suggestion(question.answer) and not wants_picture(question)\n",
        "            if not is_suggestion(question.answer)\n",
        "a word stands for a picture",
        FACES + "test_words_are_no_picture_and_a_cancel_ends_it",
    ),
    Mutant(
        "adminbot/accounts/avatar.py",
        "            if width * height > _MOST_PIXELS:\n",
        "            if False:\n",
        "a small file with a huge picture fills the memory",
        AVATAR + "test_what_is_no_picture_is_a_sentence",
    ),
    Mutant(
        "adminbot/accounts/avatar.py",
        "        if scans > _MOST_SCANS:\n",
        "        if False:\n",
        "a small JPEG keeps the decoder busy for hours",
        AVATAR + "test_a_jpeg_that_would_keep_the_decoder_busy_is_refused",
    ),
    Mutant(
        "adminbot/accounts/avatar.py",
        r"[^\x00\x01\xd0-\xd8\xff]",
        r"[^\x00\xd0-\xd8\xff]",
        "a marker without a length hides what makes the decoder busy",
        AVATAR + "test_a_jpeg_that_would_keep_the_decoder_busy_is_refused",
    ),
    Mutant(
        "adminbot/commands/faces.py",
        "    await ctx.services.forget_question(ctx.sender, ctx.incoming.room_id, about)\n",
        "",
        "a picture for the room only is shown to everybody",
        FACES + "test_after_a_reply_the_next_picture_is_none_of_ours",
    ),
    Mutant(
        "adminbot/chat/incoming.py",
        "    if not is_picture(content) or _is_edit(content):\n",
        "    if not is_picture(content):\n",
        "the edit of an older picture is taken for the one that was asked for",
        "tests/unit/chat/test_incoming.py::test_other_files_and_edits_are_no_pictures",
    ),
    Mutant(
        "adminbot/values/text.py",
        "    return not hides and bool(",
        "    return bool(",
        "a bot's name turns the letters round",
        FACES + "test_a_name_that_cannot_be",
    ),
    Mutant(
        "adminbot/accounts/avatar.py",
        "ImageOps.exif_transpose(picture)",
        "picture",
        "a picture from a phone lies on its side",
        AVATAR + "test_where_and_with_what_it_was_taken_is_gone",
    ),
    Mutant(
        "adminbot/accounts/avatar.py",
        "    return clean\n",
        "    return picture\n",
        "a comment in a picture is shown to everybody",
        AVATAR + "test_where_and_with_what_it_was_taken_is_gone",
    ),
    Mutant(
        "adminbot/accounts/avatar.py",
        "Image.open(BytesIO(data), formats=_KINDS)",
        "Image.open(BytesIO(data))",
        "every decoder that there is can be fed from the chat",
        AVATAR + "test_what_is_no_picture_is_a_sentence",
    ),
    Mutant(
        "adminbot/homeserver/http.py",
        "                limit = most if is_media else _LOOK_BYTES\n",
        "                limit = 2**40\n",
        "a picture without end fills the memory",
        "tests/unit/homeserver/test_media.py::test_a_file_is_read_up_to_a_limit",
    ),
)
