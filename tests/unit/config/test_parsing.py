"""Each setting's text: what is a value, and what is said of what is none."""

import base64
from datetime import timedelta

import pytest

from adminbot.config import Trust
from adminbot.values.ids import UserId
from tests.unit.config.good import STORE_KEY, problem, settings


@pytest.mark.parametrize(
    "url",
    [
        *("matrix.example.org", "https://", "http://x:99999", "http://x:port", "file:///etc"),
        *("https://you:pass@x.org", "https://x.org/?a=b", "https://[::1"),
    ],
)
def test_only_a_base_url_is_a_homeserver(url: str) -> None:
    assert "ADMINBOT_HOMESERVER must be a base URL" in problem(HOMESERVER=url)


@pytest.mark.parametrize("admins", ["", " ", ",", " , ,"])
def test_no_admins_never_means_everyone(admins: str) -> None:
    assert "name at least one admin" in problem(ADMINS=admins)


@pytest.mark.parametrize("word", ["you", "@you", "@you:", "@:x.org", ":x.org", "*", "@*", "you:x"])
def test_an_admin_who_is_no_full_user_id_is_refused_among_good_ones(word: str) -> None:
    assert "ADMINBOT_ADMINS" in problem(ADMINS=f"@you:example.org {word}")


@pytest.mark.parametrize(
    "typed", ["@a:x.org,@b:x.org", "@a:x.org @b:x.org", " @a:x.org ,\n@b:x.org,@a:x.org "]
)
def test_admins_stand_apart_by_commas_or_spaces_and_once_each(typed: str) -> None:
    assert settings(ADMINS=typed).admins == (UserId("a", "x.org"), UserId("b", "x.org"))


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("2H", 7200), ("7d", 604_800), ("1s", 1)],
)
def test_the_life_of_a_card_has_units(typed: str, seconds: int) -> None:
    assert settings(CARD_TTL=typed).card_ttl == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "typed", ["0s", "8d", "60", "1 h", "-1h", "1.5h", "1w", "h", "９h9", "²h"]
)
def test_the_life_of_a_card_is_neither_nothing_nor_for_ever(typed: str) -> None:
    assert "ADMINBOT_CARD_TTL" in problem(CARD_TTL=typed)


@pytest.mark.parametrize("prefix", ["!", ".", "!!", "🤖", "->"])
def test_a_prefix_is_a_few_signs(prefix: str) -> None:
    assert settings(PREFIX=prefix).prefix == prefix


@pytest.mark.parametrize("prefix", ["/", "/bot", "bot", "! !", "123", "!" * 9, "é"])
def test_a_prefix_that_clients_keep_or_talk_begins_with_is_refused(prefix: str) -> None:
    assert "ADMINBOT_PREFIX" in problem(PREFIX=prefix)


def test_trust_is_pinned_verified_or_any_and_nothing_else() -> None:
    assert settings(TRUST="ANY").trust is Trust.ANY
    assert settings(TRUST="verified").trust is Trust.VERIFIED
    assert "pinned, verified or any" in problem(TRUST="verify")


@pytest.mark.parametrize(
    "key", [base64.b64encode(bytes(n)).decode() for n in (16, 31, 33)] + ["é" * 43]
)
def test_a_store_key_has_32_bytes(key: str) -> None:
    assert "ADMINBOT_STORE_KEY must be 32 random bytes" in problem(STORE_KEY=key)


def test_a_store_key_may_have_lost_its_padding() -> None:
    assert settings(STORE_KEY=STORE_KEY.rstrip("="))


@pytest.mark.parametrize("token", ["syt_one\ntwo", "syt_…", "syt_one\x00"])
def test_a_token_that_fits_no_header_is_named_at_the_start(token: str) -> None:
    """Later it would look like a homeserver that never answers, or break the program."""
    assert "ADMINBOT_ACCESS_TOKEN" in problem(ACCESS_TOKEN=token)
