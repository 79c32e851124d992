"""Answers of every kind: each is a value or one of our errors, and nothing of it is said."""

import json
import traceback
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adminbot.errors import (
    AdminbotError,
    HomeserverError,
    HomeserverUnreachable,
    RateLimited,
    TokenRejected,
)
from adminbot.homeserver.answer import decipher
from tests.unit.homeserver.scripted import HINT, PAGE, refusal


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, PAGE, HomeserverUnreachable),
        (502, PAGE, HomeserverUnreachable),
        (404, PAGE, HomeserverUnreachable),
        (401, PAGE, HomeserverUnreachable),
        (302, PAGE, HomeserverUnreachable),
        (200, f'{{"a": "{HINT}', HomeserverUnreachable),
        (200, "", HomeserverUnreachable),
        (403, "", HomeserverUnreachable),
        (204, "", HomeserverUnreachable),
        (200, f'"{HINT}"', HomeserverUnreachable),
        (200, "null", HomeserverUnreachable),
        (200, "1" * 5000, HomeserverUnreachable),
        (200, "[" * 100_000, HomeserverUnreachable),
        (200, '{"a":' * 100_000, HomeserverUnreachable),
        (500, refusal("M_UNKNOWN"), HomeserverUnreachable),
        (503, "{}", HomeserverUnreachable),
        (599, f'["{HINT}"]', HomeserverUnreachable),
        (400, refusal(), HomeserverError),
        (400, refusal(None), HomeserverError),
        (400, refusal(["M_FORBIDDEN", HINT]), HomeserverError),
        (400, refusal({HINT: 1}), HomeserverError),
        (400, f'["{HINT}"]', HomeserverError),
        (401, refusal("M_FORBIDDEN"), HomeserverError),
        (401, refusal("M_UNKNOWN_TOKEN"), TokenRejected),
        (401, refusal("M_MISSING_TOKEN"), TokenRejected),
        (403, refusal("M_UNKNOWN_TOKEN"), HomeserverError),
        (302, f'{{"a": "{HINT}"}}', HomeserverError),
        (429, PAGE, RateLimited),
        (429, "", RateLimited),
    ],
)
def test_every_answer_is_one_of_our_errors_and_nothing_of_it_is_said(
    status: int, body: str, kind: type[HomeserverError]
) -> None:
    with pytest.raises(AdminbotError) as caught:
        decipher(status, {}, body.encode())

    assert type(caught.value) is kind
    said = [str(caught.value), caught.value.message(), repr(caught.value)]
    said += traceback.format_exception_only(caught.value)
    for cause in (caught.value.__cause__, caught.value.__context__):
        said.append(repr(cause))
    for text in said:
        assert HINT not in text
        assert len(text) < 300


@pytest.mark.parametrize("body", [b"\xff\xfe{", b"\x00", b"\x1f\x8b\x08", bytes(range(256))])
def test_bytes_that_are_no_text_are_no_answer(body: bytes) -> None:
    with pytest.raises(HomeserverUnreachable):
        decipher(200, {}, body)


@pytest.mark.parametrize(
    ("body", "found"),
    [("{}", {}), ('{"a": 1}', {"a": 1}), ("[]", {"list": []}), ("[1]", {"list": [1]})],
)
def test_a_good_answer_is_its_object(body: str, found: dict[str, Any]) -> None:
    assert decipher(201, {}, body.encode()) == found


def test_a_refusal_keeps_its_code_for_the_code_and_shows_only_usual_letters() -> None:
    with pytest.raises(HomeserverError) as caught:
        decipher(403, {}, refusal("M_<b>`x`\n\u202e" + "Y" * 100).encode())

    assert caught.value.status == 403
    assert caught.value.errcode.startswith("M_<b>")
    assert caught.value.answer["error"] == HINT
    shown = str(caught.value)
    assert shown.startswith("The homeserver refused (403 M_bxYYY")
    assert len(shown) < 100
    assert shown.isascii()


def test_a_locked_account_is_known_by_the_code_of_older_synapses_too() -> None:
    with pytest.raises(HomeserverError) as caught:
        decipher(401, {}, refusal("ORG_MATRIX_MSC3939_USER_LOCKED").encode())
    assert caught.value.errcode == "M_USER_LOCKED"


WAITS = [
    ({"retry_after_ms": 1500}, {}, 2),
    ({"retry_after_ms": 1500}, {"Retry-After": "9"}, 2),
    ({"retry_after_ms": 2400}, {}, 3),
    ({"retry_after_ms": 2400.5}, {}, 3),
    ({"retry_after_ms": 1}, {}, 1),
    ({}, {"Retry-After": "9"}, 9),
    ({}, {}, 5),
    ({"retry_after_ms": 0}, {}, 5),
    ({"retry_after_ms": -5}, {"Retry-After": "-9"}, 5),
    ({"retry_after_ms": "1500"}, {}, 5),
    ({"retry_after_ms": None}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 5),
    ({"retry_after_ms": 10**15}, {"Retry-After": "9" * 12}, 5),
    ({"retry_after_ms": [1500]}, {"Retry-After": ""}, 5),
    ({}, {"Retry-After": "9" * 5000}, 5),
    ({}, {"Retry-After": "²"}, 5),
]


@pytest.mark.parametrize(("body", "headers", "seconds"), WAITS)
def test_a_wait_is_what_the_server_says_within_reason(
    body: dict[str, Any], headers: dict[str, str], seconds: int
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    with pytest.raises(RateLimited) as caught:
        decipher(429, httpx.Headers(raw), json.dumps(body).encode())

    assert caught.value.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize("stamp", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
def test_a_wait_that_is_no_number_is_a_short_one(stamp: str) -> None:
    with pytest.raises(RateLimited) as caught:
        decipher(429, {}, f'{{"retry_after_ms": {stamp}}}'.encode())

    assert caught.value.retry_after == timedelta(seconds=5)
