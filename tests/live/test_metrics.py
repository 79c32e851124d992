"""What Prometheus reads of a real service: what happened is in it, and nobody's name."""

import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from adminbot.demo.homeserver import Homeserver, Person, free_port
from tests.counting import samples_of
from tests.world import a_world

pytestmark = pytest.mark.anyio

COMMANDS = "adminbot_commands_total{command=%s,outcome=%s}"
REQUESTS = "adminbot_homeserver_requests_total{endpoint=%s,status=%s}"


async def scraped(port: int) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    return answer.text


async def test_what_happened_is_on_the_page_and_nobodys_name(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    port = free_port()
    async with a_world(homeserver, root, directory, METRICS=str(port)) as world:
        secret = f"{directory.name}-secret"
        await world.card("is ready", f"!newbot {secret}")
        await world.ask(f"!newbot {secret}")
        await world.ask(f"!{secret}")
        await world.ask(f"!deletebot {secret}")
        page = await scraped(port)
        samples = samples_of(page)
        assert samples[COMMANDS % ("newbot", "done")] == 1
        assert samples[COMMANDS % ("newbot", "refused")] == 1
        assert samples[COMMANDS % ("unknown", "mistyped")] == 1
        assert samples[COMMANDS % ("deletebot", "asked")] == 1
        assert samples["adminbot_act_seconds_count{command=newbot}"] == 1
        assert 0.01 < samples["adminbot_act_seconds_sum{command=newbot}"] < 20
        assert samples["adminbot_cards_open"] == samples["adminbot_awaited_devices"] == 1
        assert samples["adminbot_one_time_keys"] >= 25
        assert samples["adminbot_sync_age_seconds"] < 31
        assert samples["adminbot_alarms_total{about=identity}"] == 0
        assert samples["process_resident_memory_bytes"] > 30e6
        # From both libraries, and also of what came before the first sync.
        for endpoint in ("sync", "keys", "send", "admin_users", "versions"):
            assert samples[REQUESTS % (endpoint, "2xx")] > 0, endpoint
        names = [directory.name, "example.test", world.human.device_id, world.room, world.dm]
        assert not [name for name in (*names, "@", "!") if name in page]

        await world.bot.stop()
        world.bot.environ["ADMINBOT_HOMESERVER"] = "http://127.0.0.1:1"
        await world.bot.start(ready=False)
        await world.bot.wait_log("waiting for the homeserver, next try", count=2)
        samples = samples_of(await scraped(port))
        assert samples[REQUESTS % ("login", "none")] > 0
        assert 0 < samples["adminbot_sync_age_seconds"] < 20
        assert "adminbot_cards_open" not in samples
        await world.bot.stop()

        del world.bot.environ["ADMINBOT_HOMESERVER"]
        with closing(socket.create_server(("127.0.0.1", port))):
            await world.bot.start()
            assert f"address=127.0.0.1:{port} why=Address already in use" in world.bot.log
            await world.ask("!ping")
