"""The tests' human can verify: what the bot's side is tried against works between two clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human, Verification
from tests.world import a_human, a_person

pytestmark = pytest.mark.anyio

Side = tuple[Human, Verification]


async def test_two_humans_verify_each_other(homeserver: Homeserver, root: Person) -> None:
    async with comparing(homeserver, root, "match") as ((alice, hers), (bob, his)):
        assert len(hers.emoji or ()) == 7
        assert hers.emoji == his.emoji
        assert not (await alice.user_trust(bob.user_id)).verified
        assert not (await bob.user_trust(alice.user_id)).verified

        await hers.confirm()
        await his.confirm()
        await hers.wait_phase("done")
        await his.wait_phase("done")
        await alice.wait_verified(bob.user_id)
        await bob.wait_verified(alice.user_id)


async def test_emoji_that_differ_end_it(homeserver: Homeserver, root: Person) -> None:
    async with comparing(homeserver, root, "mismatch") as ((alice, hers), (bob, his)):
        await his.mismatch()
        for side in (hers, his):
            await side.wait_phase("cancelled")
            assert (side.cancel_code, side.cancelled_by) == ("m.mismatched_sas", bob.user_id)
        with pytest.raises(AssertionError, match=r"m\.mismatched_sas"):
            await hers.wait_phase("done")
        assert not (await alice.user_trust(bob.user_id)).verified
        assert not (await bob.user_trust(alice.user_id)).verified


@asynccontextmanager
async def comparing(
    homeserver: Homeserver, root: Person, name: str
) -> AsyncIterator[tuple[Side, Side]]:
    """Alice asked, Bob accepted and started; both look at emoji."""
    a = await a_person(homeserver, root, f"alice-{name}")
    b = await a_person(homeserver, root, f"bob-{name}")
    async with a_human(homeserver, a) as alice, a_human(homeserver, b) as bob:
        room_id = await alice.create_room(invite=[bob.user_id], is_direct=True)
        await bob.wait_invite(from_=alice.user_id)
        await bob.join(room_id)
        await alice.wait_membership(room_id, bob.user_id, "join")

        hers = await alice.verify(room_id, bob.user_id)
        his = await bob.wait_verification(room_id)
        assert (hers.phase, his.phase, his.id) == ("requested", "requested", hers.id)
        await his.accept()
        await hers.wait_phase("ready")
        await his.start()
        await hers.wait_emoji()
        await his.wait_emoji()
        yield (alice, hers), (bob, his)
