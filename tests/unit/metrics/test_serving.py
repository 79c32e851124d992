"""The page over real sockets: who gets it, and what the slow and the many cost."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import httpx
import pytest

from adminbot.demo.homeserver import free_port
from adminbot.metrics import serving
from adminbot.metrics.serving import Page, serve
from adminbot.values.address import Address

pytestmark = pytest.mark.anyio


async def a_page() -> bytes:
    return b"adminbot_one_time_keys 49.0\n"


@asynccontextmanager
async def served(page: Page = a_page) -> AsyncIterator[int]:
    port = free_port()
    task = asyncio.create_task(serve(Address("127.0.0.1", port), page))
    try:
        async with asyncio.timeout(5):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.01)
        yield port
    finally:
        task.cancel()
        await asyncio.wait([task])


async def asked(port: int, request: bytes) -> bytes:
    """The whole answer, until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(request)
        async with asyncio.timeout(5):
            return await reader.read()


async def test_get_metrics_is_the_page() -> None:
    async with served() as port, httpx.AsyncClient(trust_env=False) as http:
        for path in ("/metrics", "/metrics?name[]=x"):
            answer = await http.get(f"http://127.0.0.1:{port}{path}")
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            assert answer.content == await a_page()


@pytest.mark.parametrize(
    "request_line",
    [
        *("GET / HTTP/1.1", "GET /metrics/ HTTP/1.1", "GET /metricsx HTTP/1.1", "GET"),
        *("POST /metrics HTTP/1.1", "HEAD /metrics HTTP/1.1", "get /metrics HTTP/1.1"),
        *("GET //metrics HTTP/1.1", "GET http://x/metrics HTTP/1.1", "", "\x16\x03\x01"),
    ],
)
async def test_nothing_else_is_there(request_line: str) -> None:
    async with served() as port:
        answer = await asked(port, f"{request_line}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b"\r\n\r\nOnly GET /metrics is here.\n")


async def test_the_slow_and_the_endless_get_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_WHOLE_S", 0.2)
    async with served() as port:
        assert await asked(port, b"GET /metrics HTTP/1.1\r\n") == b""
        assert await asked(port, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 8000) == b""
        with suppress(ConnectionResetError):  # more came than is read
            assert await asked(port, b"x" * 100_000) == b""


async def test_who_does_not_read_the_page_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_WHOLE_S", 0.2)

    async def long_page() -> bytes:
        return b"x" * 50_000_000

    async with served(long_page) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.5)
        with closing(writer), suppress(ConnectionResetError):
            assert len(await reader.read()) < 50_000_000


async def test_the_many_cost_eight_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_WHOLE_S", 1)
    async with served() as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
        await asyncio.sleep(0.05)
        with suppress(ConnectionResetError):
            assert await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
        await asyncio.sleep(1.2)
        assert (await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        for _, writer in idle:
            writer.close()


async def test_who_asks_forever_does_not_hold_up_the_end() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
        ends = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - ends < 1
    with closing(writer), suppress(ConnectionResetError):
        assert await reader.read() == b""


async def test_a_bug_in_a_page_is_logged_and_the_next_is_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pages = iter([None, b"ok 1"])

    async def now_and_then() -> bytes:
        page = next(pages)
        if page is None:
            raise ZeroDivisionError
        return page

    async with served(now_and_then) as port:
        assert await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
        assert "metrics not given" in caplog.text
        assert (await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\nok 1")


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
async def test_an_address_that_cannot_be_had_is_one_sentence_and_no_end(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Taken by another program; none of this machine's."""
    caplog.set_level(logging.INFO)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        async with asyncio.timeout(5):
            await serve(Address(host, port), a_page)
    [record] = caplog.records
    assert record.levelname == "WARNING"
    why = {"127.0.0.1": "Address already in use", "192.0.2.1": "Cannot assign requested address"}
    assert record.getMessage() == (
        "no metrics: I cannot listen there. Free the address, or set ADMINBOT_METRICS to another "
        f"one, and start me again. address={host}:{port} why={why[host]}"
    )
