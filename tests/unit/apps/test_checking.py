"""Every way in which a profile can be wrong, and the sentence that says so."""

from typing import Any

import pytest

from adminbot.apps.checking import problems
from tests.unit.apps.samples import spoiled

SHELL = {"format": "shell"}
BOTH = {"U": "{user_id}", "T": "{access_token}", "P": "{password}"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"title": None}, "`title` is missing"),
    ({"block": None}, "`block` is missing"),
    ({"titel": "x"}, "has a key that I do not know: `titel`"),
    ({"hunter2 hunter2": "x"}, "has a key that I do not know: one with odd letters"),
    ({"title": 7}, "`title` must be a text"),
    ({"title": ""}, "`title` is empty"),
    ({"title": "x" * 401}, "`title` is too long (at most 400)"),
    ({"title": "a\nb"}, "`title` must be on one line"),
    ({"first": "Start."}, "`first` must be a list"),
    ({"first": ["x"] * 13}, "`first` is too long (at most 12)"),
    ({"first": ["Start.", 7]}, "`first.1` must be a text"),
    ({"joins": "yes"}, "`joins` must be true or false"),
    ({"takes": "hunter2"}, "`takes` must be one of: token, password, either, exactly one"),
    (
        {"format": "xml"},
        "`format` must be one of: json, yaml, toml, env, form, url, shell, python",
    ),
    ({"device": "mine"}, "`device` must be one of: ours, asked, theirs"),
    ({"encryption": "maybe"}, "`encryption` must be one of: always, optional, never"),
    ({"identity": "me"}, "`identity` must be one of: adminbot, program, recovery key"),
    ({"room": True}, "`room` must be one of: no, optional, needed"),
    ({"source": []}, "`source` is empty"),
    ({"source": [{"what": "x"}]}, "`source.0.read` is missing"),
    ({"source": [{"what": "x", "read": "soon"}]}, "`source.0.read` must be a date"),
    ({"source": [{"what": "x", "read": "2026-11-26", "by": "me"}]}, "`source.0` has a key that"),
    ({"block": 7}, "`block` must be a table or a text"),
    ({"block": {}}, "`block` is empty"),
    ({"block": "TOKEN={access_token}"}, "`block` must be a table, as `format` is env"),
    ({"format": "shell"}, "`block` must be a text, as `format` is shell"),
    ({"block": BOTH | {"X": "{hunter}"}}, "a placeholder that I do not know: `{hunter}`"),
    ({"block": {"U": "{user_id}"}}, "`block` needs `{access_token}`, as `takes` is token"),
    ({"block": BOTH}, "`block` has `{password}`, and `takes` is token"),
    ({"takes": "password"}, "`block` needs `{password}` and no `{access_token}`"),
    ({"takes": "exactly one", "block": BOTH}, "`block` needs either `{access_token}` or"),
    ({"device": "theirs"}, "`device` cannot be theirs: a token belongs to the device"),
    (
        {
            "takes": "password",
            "device": "theirs",
            "block": {"P": "{password}", "D": "{device_id}"},
        },
        "`block` cannot have `{device_id}`, as `device` is theirs",
    ),
    (
        {"takes": "password", "device": "asked", "block": {"P": "{password}"}},
        "`device` cannot be asked without `{access_token}`",
    ),
    ({"identity": "recovery key"}, "`block` needs `{recovery_key}`"),
    (SHELL | {"block": "T={access_token}\nK={recovery_key}"}, "only in data"),
    ({"room": "needed"}, "`block` must name a room, as `room` is needed"),
    ({"block": BOTH | {"P": "{room_id}"}}, "`block` must not name a room, as `room` is no"),
    (SHELL | {"room": "optional", "block": "T={access_token}\nR={room_id}"}, "only in data"),
    ({"first": ["Use {access_token}."]}, "`first`: `{access_token}` is a secret"),
    ({"works": "See {password}."}, "`works`: `{password}` is a secret"),
    ({"gotchas": ["{nonsense}"]}, "`gotchas`: `{nonsense}` is unknown"),
    (SHELL | {"block": 'curl -H "Bearer {access_token}"'}, "each placeholder must be a word"),
    (SHELL | {"block": "T={access_token}x"}, "each placeholder must be a word of its own"),
    (SHELL | {"block": "T='{access_token}'"}, "in shell each placeholder must be a word"),
    (SHELL | {"block": "echo 'T {access_token} x'"}, "in shell each placeholder must be"),
    (SHELL | {"block": "echo '{access_token}"}, "`block`: in shell each placeholder"),
    ({"format": "python", "block": "run(token={access_token}"}, "`block` is not Python"),
    ({"format": "url", "block": "{access_token}"}, "`block` is not one URL"),
    ({"format": "url", "block": "x://{access_token} y"}, "`block` is not one URL"),
    ({"block": {"T": "{access_token}", "L": ["x"]}}, "`block` must be flat, as `format` is env"),
    ({"block": {"T": "{access_token}", "A B": "x"}}, "`block` has a name that cannot be one"),
]


@pytest.mark.parametrize(("changes", "said"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_said_by_key_and_never_with_the_value(
    changes: dict[str, Any], said: str
) -> None:
    found = problems(spoiled(**changes))
    assert any(said in problem for problem in found), found
    assert "hunter2" not in str(found)


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = problems(spoiled(title=None, about=7, takes="x"))
    assert len(found) == 3


def test_a_profile_that_is_right_has_no_problem() -> None:
    assert problems(spoiled()) == []
    every = {"device": "asked", "room": "optional", "joins": False, "keeps_device": False}
    block = {"U": "{user_id}", "T": "{access_token}", "R": "{room}"}
    assert problems(spoiled(**every, block=block)) == []
