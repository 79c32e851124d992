"""Secrets do not print, and what is sealed opens only as what it was."""

import base64
import logging
import re
import string
from dataclasses import dataclass

import pytest

from adminbot.homeserver.values import Session
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret, new_password, new_store_key, new_typed_password
from tests import ROOT

PLAIN = "syt_hunter2"
MAY_REVEAL = {
    "apps/profile.py",  # onto a card
    "cards/person.py",
    "chat/client.py",  # into a header
    "chat/own_identity.py",  # into the sealed part of the store
    "homeserver/client_api.py",  # into a request
    "homeserver/http.py",
    "homeserver/synapse_admin.py",
    "homeserver/synapse_people.py",
    "homeserver/token_text.py",  # its letters are looked at
    "homeserver/values.py",  # the beginning of a sign-up token
    "setup/account.py",  # into the journal
    "setup/backup.py",  # the store key, as a key
    "setup/installer.py",  # into the env file
    "setup/login.py",
    "values/secret.py",
}


@dataclass
class Holder:
    secret: Secret


def test_a_secret_never_prints() -> None:
    secret = Secret(PLAIN)
    session = Session(UserId("you", "x"), "D", secret)
    printed = [
        *(repr(secret), str(secret), f"{secret}", f"{secret!r}"),
        *(repr([secret]), repr({"a": secret}), repr(Holder(secret)), str(session), f"{session}"),
        *(repr(ValueError(secret)), str(ValueError(secret)), format(secret)),
    ]  # fmt: skip

    for text in printed:
        assert "hunter2" not in text
        assert "Secret(…)" in text


def test_a_secret_never_prints_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(PLAIN)
    try:
        raise ValueError(secret)
    except ValueError:
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("x").exception("of %s and %r in %s", secret, secret, Holder(secret))

    assert caplog.text.count("Secret(…)") == 4
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("spec", [">20", "s", ".4"])
def test_a_secret_does_not_print_through_a_format(spec: str) -> None:
    with pytest.raises(TypeError):
        format(Secret(PLAIN), spec)


def test_a_secret_has_no_other_way_out() -> None:
    secret = Secret(PLAIN)

    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == PLAIN


def test_secrets_compare_by_value() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_password_passes_every_policy_of_synapse() -> None:
    made = {new_password().reveal() for _ in range(100)}

    assert len(made) == 100
    for password in made:
        assert 20 <= len(password.encode()) <= 72, "bcrypt reads no further"
        for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
            assert set(kind) & set(password)
        assert set(password) - set(string.ascii_letters + string.digits)
        assert not set(password) & set("'\"$\\`# "), "it is pasted into env files"


# -- the seal

KEY = bytes(range(32))
TEXT = "syt_token ✅"


@pytest.mark.parametrize("text", [TEXT, "", "x" * 100_000, "a\x00b"])
def test_what_is_sealed_opens_again_and_does_not_show(text: str) -> None:
    sealer = Sealer(KEY)
    blob = sealer.seal("card", text)

    assert Sealer(KEY).open("card", blob) == text
    assert not text or text.encode() not in blob
    assert sealer.seal("card", text) != blob, "each seal has its own nonce"


@pytest.mark.parametrize("key", [bytes(32), KEY[:-1] + b"\x00", bytes([1, *KEY[1:]])])
def test_another_key_opens_nothing(key: bytes) -> None:
    with pytest.raises(ValueError, match="MAC"):
        Sealer(key).open("card", Sealer(KEY).seal("card", TEXT))


@pytest.mark.parametrize("purpose", ["", "Card", "card ", "inbox", "nio store"])
def test_a_blob_does_not_open_as_something_else(purpose: str) -> None:
    with pytest.raises(ValueError, match="MAC"):
        Sealer(KEY).open(purpose, Sealer(KEY).seal("card", TEXT))


def test_not_one_bit_can_be_changed() -> None:
    sealer = Sealer(KEY)
    blob = sealer.seal("card", "abc")
    for position in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(ValueError, match="MAC"):
            sealer.open("card", bytes(changed))


@pytest.mark.parametrize("length", range(31))
def test_a_cut_off_blob_is_a_value_error(length: int) -> None:
    sealer = Sealer(KEY)
    with pytest.raises(ValueError):  # noqa: PT011  # every kind of it is caught
        sealer.open("card", sealer.seal("card", "abc")[:length])


def test_the_passphrase_of_the_chat_store_is_not_the_store_key() -> None:
    passphrase = Sealer(KEY).pickle_key()

    assert passphrase == Sealer(KEY).pickle_key() != Sealer(bytes(32)).pickle_key()
    assert passphrase not in (KEY.hex(), base64.b64encode(KEY).decode())


def test_a_new_store_key_is_usable_and_another_one_each_time() -> None:
    assert new_store_key() != new_store_key()
    assert Sealer.from_base64(new_store_key())


@pytest.mark.parametrize("text", ["", "abc", "é" * 44, base64.b64encode(bytes(33)).decode(), "*"])
def test_a_key_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # base64 raises a kind of its own
        Sealer.from_base64(Secret(text))


def test_reveal_is_used_where_a_secret_may_leave_and_nowhere_else() -> None:
    """A new place in this list is a new way out: look at it twice."""
    package = ROOT / "adminbot"
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if ".reveal()" in path.read_text()
    }

    assert users == MAY_REVEAL


def test_a_password_to_be_typed_satisfies_any_policy_and_has_nothing_alike() -> None:
    made = {new_typed_password().reveal() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert re.fullmatch("[A-Z][a-z][a-z2-9]{2}(-[a-z2-9]{4}){3}-[a-z2-9]{3}[2-9]", password)
        assert not set(password) & set("lioIOL01")
