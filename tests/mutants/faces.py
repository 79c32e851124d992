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
        "ImageOps.exif_transpose(found)",
        "found",
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
