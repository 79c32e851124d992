"""GET /metrics over HTTP/1.1, one page a connection. Nothing else is there, and no log-in.

By hand, since that is less than what a web server would have to be forbidden: whoever is slow,
endless or many costs a few connections and seconds at most.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable

from adminbot.values.address import Address

log = logging.getLogger(__name__)

_WHOLE_S = 10  # Prometheus gives up after as long
_HEAD_BYTES = 8192
_MOST_AT_ONCE = 8
_NOTHING_ELSE = b"Only GET /metrics is here.\n"

Page = Callable[[], Awaitable[bytes]]


async def serve(address: Address, page: Page) -> None:
    """Serve until cancelled. Where the address cannot be had there is a warning, and no more.

    No reason to stop: whoever has a bot to revoke needs the chat, and Prometheus itself tells of
    a target that is down.
    """
    scrapes: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as tasks:

        def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(scrapes) >= _MOST_AT_ONCE:
                writer.transport.abort()
                return
            scrape = tasks.create_task(_attend(reader, writer, page))
            scrapes.add(scrape)
            scrape.add_done_callback(scrapes.discard)

        try:
            listening = socket.create_server((address.host, address.port), family=address.family)
        except OSError as exc:
            log.warning(
                "no metrics: I cannot listen there. Free the address, or set ADMINBOT_METRICS to "
                "another one, and start me again. address=%s why=%s",
                address,
                os.strerror(exc.errno or 0),  # without what Python adds
            )
            return
        server = await asyncio.start_server(attend, sock=listening, limit=_HEAD_BYTES)
        log.info("metrics address=%s", address)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()


async def _attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: Page) -> None:
    try:
        async with asyncio.timeout(_WHOLE_S):
            writer.write(await _answer(await reader.readuntil(b"\r\n\r\n"), page))
            writer.close()
            await writer.wait_closed()
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
        pass  # gone, slow or endless
    except Exception:  # a bug where a state is read
        log.exception("metrics not given")
    finally:
        writer.transport.abort()


async def _answer(head: bytes, page: Page) -> bytes:
    method, _, rest = head.partition(b" ")
    path, *_ = rest.split(b"?")[0].split(b" ")
    if (method, path) != (b"GET", b"/metrics"):
        return _response(b"404 Not Found", b"text/plain", _NOTHING_ELSE)
    return _response(b"200 OK", b"text/plain; version=1.0.0; charset=utf-8", await page())


def _response(status: bytes, kind: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
        % (status, kind, len(body), body)
    )
