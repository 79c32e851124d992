"""The counters of a service: what comes out, and what can never come out."""

import asyncio
import warnings

import pytest

from adminbot.commands import ROUTER
from adminbot.metrics import count, observe, timed
from adminbot.metrics.meter import Meter
from adminbot.metrics.table import (
    ACT,
    ALARMS,
    COMMANDS,
    METRICS,
    ONE_TIME_KEYS,
    RATE_LIMIT_WAIT,
    REQUESTS,
    About,
    Kind,
    Outcome,
    Wait,
)
from tests.counting import counting, samples_of


def test_what_is_counted_is_on_the_page() -> None:
    with counting() as counted:
        count(COMMANDS, "newbot", Outcome.DONE)
        count(ALARMS, About.SILENCE, times=3)
        count(REQUESTS, "sync", "2xx")
        observe(RATE_LIMIT_WAIT, 333, Wait.LOGIN)
        with timed(ACT, "newbot"):
            pass
    assert counted.risen() == {
        "adminbot_commands_total{command=newbot,outcome=done}": 1,
        "adminbot_alarms_total{about=silence}": 3,
        "adminbot_homeserver_requests_total{endpoint=sync,status=2xx}": 1,
        "adminbot_rate_limit_wait_seconds_count{waits=login}": 1,
        "adminbot_act_seconds_count{command=newbot}": 1,
    }
    assert counted.samples()["adminbot_rate_limit_wait_seconds_sum{waits=login}"] == 333


def test_what_raised_was_not_done_and_is_not_timed() -> None:
    with counting() as counted:
        with pytest.raises(OSError, match="away"), timed(ACT, "newbot"):
            raise OSError("away")
        assert not counted.risen()


def test_a_label_holds_nothing_but_what_it_was_given_beforehand() -> None:
    """Whoever counts by mistake what a person typed."""
    with counting() as counted:
        count(COMMANDS, "@nano:example.org", "hunter2")
        count(REQUESTS, "!room:example.org", "200 OK")
        observe(ACT, 1, "nano")
        observe(RATE_LIMIT_WAIT, 1, "you")
    page = counted.page()
    for typed in ("nano", "example.org", "hunter2", "200 OK", "you"):
        assert f'"{typed}' not in page
        assert f":{typed}" not in page
    assert counted.samples()["adminbot_commands_total{command=other,outcome=other}"] == 1


def test_every_count_begins_at_zero() -> None:
    """Prometheus sees no rise in what was not there before."""
    with counting() as counted:
        samples = counted.samples()
    for command in ROUTER.commands:
        assert samples[f"adminbot_commands_total{{command={command.name},outcome=bug}}"] == 0
    for about in About:
        assert samples[f"adminbot_alarms_total{{about={about}}}"] == 0


def test_a_state_is_what_it_is_now_and_left_out_where_nobody_knows() -> None:
    with counting() as counted:
        assert counted.samples({ONE_TIME_KEYS: 49})["adminbot_one_time_keys"] == 49
        assert "adminbot_one_time_keys" not in counted.page()


@pytest.mark.parametrize("metric", METRICS, ids=lambda it: it.name)
def test_names_are_as_prometheus_has_them(metric: object) -> None:
    """Source: prometheus.io, "Metric and label naming"."""
    it = next(each for each in METRICS if each is metric)
    assert it.name.startswith("adminbot_")
    assert it.name.endswith("_total") == (it.kind is Kind.COUNTER)
    assert it.help.endswith(".")
    assert bool(it.buckets) == (it.kind is Kind.HISTOGRAM)
    if it.kind in (Kind.HISTOGRAM, Kind.SUMMARY):
        assert it.name.endswith("_seconds")


def test_the_process_itself_is_on_the_page() -> None:
    with counting() as counted:
        samples = counted.samples()
    assert samples["process_resident_memory_bytes"] > 1e6
    assert samples["process_open_fds"] > 0


def test_where_nobody_asked_nothing_is_counted() -> None:
    count(COMMANDS, "newbot", "done")  # and does no harm
    observe(ACT, 1, "newbot")


async def _count(metres: list[Meter], times: int) -> None:
    with counting() as counted:
        metres.append(counted.meter)
        for _ in range(times):
            await asyncio.create_task(_ping())


async def _ping() -> None:
    count(COMMANDS, "ping", Outcome.DONE)


@pytest.mark.anyio
async def test_two_services_in_a_process_count_apart_with_all_that_they_start() -> None:
    metres: list[Meter] = []
    await asyncio.gather(*(asyncio.create_task(_count(metres, times)) for times in (2, 5)))
    pings = "adminbot_commands_total{command=ping,outcome=done}"
    assert sorted(samples_of(it.page({}).decode())[pings] for it in metres) == [2, 5]


def test_the_page_has_no_second_line_for_when_a_count_began() -> None:
    with warnings.catch_warnings(), counting() as counted:
        assert "_created" not in counted.page()
