"""Who may have a command carried out: by what is known of sender, device, room and encryption."""

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.commands import ROUTER
from adminbot.dispatch.permission import why_no_tap, why_not
from adminbot.trust.pins import PinState


def refusal(
    line: str = "newbot x",
    *,
    at_home: bool = True,
    encrypted: bool = True,
    trusted: bool = True,
    standing: PinState = PinState.AS_PINNED,
    may_act: bool = True,
) -> str:
    incoming = Incoming("$e", "!r", "@you:x", TEXT, line, encrypted=encrypted, trusted=trusted)
    command = ROUTER.find_in(line)
    return why_not(
        incoming,
        at_home=at_home,
        standing=standing,
        may_act=may_act,
        before_verified=command is not None and command.before_verified,
    )


def test_a_trusted_device_of_the_pinned_identity_is_obeyed() -> None:
    assert refusal() == ""


@pytest.mark.parametrize("standing", list(PinState))
def test_what_the_identity_is_not_good_for_no_device_is(standing: PinState) -> None:
    """Also a device that matrix-nio still remembers as trusted: it fails closed."""
    assert refusal(standing=standing, may_act=False)
    assert refusal(standing=standing, may_act=False, trusted=False)


@pytest.mark.parametrize("standing", list(PinState))
def test_an_untrusted_device_is_refused_whoever_it_belongs_to(standing: PinState) -> None:
    assert refusal(standing=standing, trusted=False)
    assert refusal("verify", standing=standing, trusted=False, may_act=False)


@pytest.mark.parametrize("line", ["verify", "help", "PING", "whoami"])
def test_before_emoji_were_compared_a_person_may_ask_for_that(line: str) -> None:
    assert refusal(line, standing=PinState.NOT_VERIFIED, may_act=False) == ""
    assert "!verify" in refusal("bots", standing=PinState.NOT_VERIFIED, may_act=False)


def test_elsewhere_and_in_clear_nothing_is_done() -> None:
    assert "admin room" in refusal(at_home=False)
    assert "unencrypted" in refusal(encrypted=False, trusted=False)


@pytest.mark.parametrize("standing", list(PinState))
def test_a_tap_counts_at_home_and_for_the_identity_that_counts(standing: PinState) -> None:
    def refused(*, at_home: bool, may_act: bool) -> str:
        return why_no_tap("@you:x", at_home=at_home, standing=standing, may_act=may_act)

    assert refused(at_home=True, may_act=True) == ""
    assert "admin room" in refused(at_home=False, may_act=True)
    assert refused(at_home=True, may_act=False)


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        (PinState.CHANGED, "adminbot trust @you:x"),
        (PinState.NO_IDENTITY, "set up recovery"),
        (PinState.UNKNOWN, "told me nothing of your devices"),
        (PinState.AS_PINNED, "verify this device"),
    ],
)
def test_each_reason_has_its_remedy(standing: PinState, says: str) -> None:
    assert says in refusal(standing=standing, may_act=False, trusted=False)
