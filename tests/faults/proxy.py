"""A proxy on loopback, between the bot and its Synapse, that records everything and can fail.

Knows nothing of adminbot: a request is known by its method and path, with ids cut out.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

_ID = re.compile(r"/(?:[!@$]|%21|%40|%24)[^/?]*")
_TXN = re.compile(r"(/(?:send|redact)/[^/]+)/[^/?]+")
_DEVICE = re.compile(r"(/devices/|/sendToDevice/[^/]+/|secret_storage\.key\.)[^/?]+")
_HOP = {"transfer-encoding", "connection", "content-length", "content-encoding", "date", "server"}
_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
WRONG = ("{}", "[]", "null", '"ok"', "7", '{"errcode": 5}', '{"access_token": 5, "event_id": []}')


def kind_of(method: str, raw_path: str) -> str:
    """What a request is, without whom it is about: `PUT /_synapse/admin/v2/users/*`."""
    path = _ID.sub("/*", raw_path.partition("?")[0])
    path = _DEVICE.sub(r"\1*", _TXN.sub(r"\1/*", path))
    return f"{method} {path}"


@dataclass
class Exchange:
    """One request with its answer, as they went over the wire."""

    method: str
    raw_path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int = 0
    answer: bytes = field(default=b"", repr=False)

    @property
    def kind(self) -> str:
        return kind_of(self.method, self.raw_path)


Handler = Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]


@dataclass
class Trap:
    """The n-th request of a kind from now on meets `fault`; `sprung` once it has."""

    kind: str
    nth: int
    fault: Handler
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """Hands on what comes, but for what meets a trap."""

    def __init__(self, upstream: str, session: aiohttp.ClientSession, chance: random.Random):
        self._upstream = upstream
        self._session = session
        self._chance = chance
        self.url = ""
        self.seen: list[Exchange] = []
        self.admin_api: str = ""  # the name of a fault that all of it meets
        self._traps: list[Trap] = []

    def trap(self, kind: str, nth: int, fault: str | Handler) -> Trap:
        """Set a trap; `fault` is a name of FAULTS, or what is to be done."""
        handler = self._fault(fault) if isinstance(fault, str) else fault
        self._traps.append(Trap(kind, nth, handler))
        return self._traps[-1]

    def _fault(self, name: str) -> Handler:
        handler: Handler = getattr(self, f"_{name}")
        return handler

    def disarm(self) -> None:
        self._traps.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        exchange = Exchange(
            request.method, request.raw_path, dict(request.headers), await request.read()
        )
        self.seen.append(exchange)
        if self.admin_api and "/_synapse/admin/" in exchange.raw_path:
            return await self._fault(self.admin_api)(request, exchange)
        for trap in self._traps:
            if trap.kind == exchange.kind and not trap.sprung.is_set():
                trap.nth -= 1
                if trap.nth == 0:
                    trap.sprung.set()
                    try:
                        return await trap.fault(request, exchange)
                    except ConnectionResetError:  # the bot had enough of it
                        return web.Response()
        return await self.hand_on(request, exchange)

    async def ask(self, exchange: Exchange) -> aiohttp.ClientResponse:
        """Let the server have the request; its answer is recorded."""
        headers = {k: v for k, v in exchange.headers.items() if k.lower() != "host"}
        url = URL(self._upstream + exchange.raw_path, encoded=True)
        async with self._session.request(
            exchange.method, url, headers=headers, data=exchange.body or None
        ) as answer:
            exchange.status, exchange.answer = answer.status, await answer.read()
            return answer

    async def hand_on(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        try:
            answer = await self.ask(exchange)
        except aiohttp.ClientError:
            return self._cut(request)
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
        return web.Response(status=exchange.status, headers=kept, body=exchange.answer)

    @staticmethod
    def _cut(request: web.Request) -> web.StreamResponse:
        """Close the connection without an answer."""
        if request.transport:
            request.transport.abort()
        return web.Response()

    # -- what can go wrong; the names are those of FAULTS

    async def _dropped(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        return self._cut(request)

    async def _unheard(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        await self.ask(exchange)
        return self._cut(request)

    async def _limited(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many", "retry_after_ms": 700}
        return web.json_response(body, status=429)

    async def _error_500(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        return web.json_response({"errcode": "M_UNKNOWN", "error": "Internal"}, status=500)

    async def _page_502(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        return web.Response(status=502, text=_PAGE, content_type="text/html")

    async def _page_after(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        await self.ask(exchange)
        return await self._page_502(request, exchange)

    async def _cut_short(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        await self.ask(exchange)
        half = exchange.answer[: max(1, len(exchange.answer) // 2)]
        response = web.StreamResponse(status=exchange.status)
        response.content_type = "application/json"
        response.content_length = len(exchange.answer) + 1
        await response.prepare(request)
        await response.write(half)
        if request.transport:
            request.transport.close()
        return response

    async def _frozen(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """The request lies there until the server goes on, as with one that was stopped."""
        while self.admin_api == "frozen":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return await self.hand_on(request, exchange)

    async def _half_json(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Truncated, and nobody can tell by its length."""
        await self.ask(exchange)
        half = exchange.answer[: len(exchange.answer) // 2]
        return web.Response(status=exchange.status, body=half, content_type="application/json")

    async def _wrong_json(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        await self.ask(exchange)
        return web.Response(text=self._chance.choice(WRONG), content_type="application/json")

    async def _slow(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        await self.ask(exchange)
        response = web.StreamResponse(status=exchange.status)
        response.content_type = "application/json"
        response.content_length = len(exchange.answer)
        await response.prepare(request)
        step = max(1, len(exchange.answer) // 8)
        for start in range(0, len(exchange.answer), step):
            await response.write(exchange.answer[start : start + step])
            await asyncio.sleep(0.2)
        return response


FAULTS = {
    "dropped": "connection closed, request not seen",
    "unheard": "connection closed, request carried out",
    "limited": "429",
    "error_500": "500",
    "page_502": "502 with a page",
    "page_after": "502 with a page, request carried out",
    "cut_short": "answer cut short",
    "half_json": "half an answer of JSON",
    "wrong_json": "another JSON",
    "slow": "answer in drops",
}


@asynccontextmanager
async def a_proxy(upstream: str, chance: random.Random) -> AsyncIterator[Proxy]:
    """A proxy on a port of its own until the block ends."""
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=True) as session:
        proxy = Proxy(upstream, session, chance)
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            [address] = runner.addresses
            proxy.url = f"http://127.0.0.1:{address[1]}"
            yield proxy
        finally:
            await runner.cleanup()


def json_of(body: bytes) -> object:
    """A body's JSON; None if it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None
