"""The service's metrics: begun with the service, and what is a state read when somebody asks."""

import asyncio
from contextlib import suppress
from datetime import datetime

from adminbot.app.shell import Shell
from adminbot.app.wiring import Service
from adminbot.commands import ROUTER
from adminbot.errors import StateError
from adminbot.metrics import use
from adminbot.metrics.serving import serve
from adminbot.metrics.table import AWAITED, CARDS_OPEN, ONE_TIME_KEYS, SYNC_AGE, Metric
from adminbot.values.address import Address
from adminbot.values.clock import now


def start_metrics(address: Address, shell: Shell, tasks: asyncio.TaskGroup) -> None:
    """Count from now on in the caller's task and all that it starts, and serve in `tasks`."""
    # Only here: where nobody wants metrics, Prometheus' library takes no memory.
    from adminbot.metrics.meter import Meter

    meter, began = Meter(command.name for command in ROUTER.commands), now()
    use(meter)

    async def page() -> bytes:
        return meter.page(await _states(shell.service, began))

    tasks.create_task(serve(address, page))


async def _states(service: Service | None, began: datetime) -> dict[Metric, float]:
    """What is known without asking the homeserver. `service`: None until the first sync."""
    done_at = service.sync.done_at if service else None
    states = {SYNC_AGE: (now() - (done_at or began)).total_seconds()}
    if service:
        states[ONE_TIME_KEYS] = service.opened.client.olm.uploaded_key_count or 0
        with suppress(StateError):  # a full disk is an alarm; the rest is wanted all the more
            states[CARDS_OPEN] = await service.opened.store.cards.count_open()
            states[AWAITED] = await service.opened.store.awaited.count()
    return states
