"""The removal of an account's messages: begun, and looked after for some seconds."""

import asyncio
import time

from adminbot.errors import HomeserverError
from adminbot.homeserver.synapse_messages import SynapseMessages
from adminbot.homeserver.values import Removal, RemovalState
from adminbot.values.ids import UserId

_REMOVAL_S, _LOOK_S = 8.0, 0.4


async def remove_messages(messages: SynapseMessages, user_id: UserId) -> Removal:
    """Begin a removal; returns how far it is when done, or after some seconds.

    The server goes on without us. Raises HomeserverError.
    """
    try:
        redact_id = await messages.redact(user_id)
    except HomeserverError as exc:
        if exc.errcode != "M_UNRECOGNIZED":
            raise
        return Removal(RemovalState.UNSUPPORTED)
    so_far, until_s = Removal(RemovalState.GOES_ON), time.monotonic() + _REMOVAL_S
    while redact_id and time.monotonic() < until_s:
        await asyncio.sleep(_LOOK_S)
        so_far = await messages.removal_of(redact_id)
        if so_far.state is not RemovalState.GOES_ON:
            break
    return so_far
