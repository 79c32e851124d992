"""Requests to the homeserver, with time-outs and patience. No endpoint in here."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from adminbot.errors import HomeserverError, HomeserverUnreachable, SlashUndone
from adminbot.homeserver.answer import decipher, json_object, read_whole, server_date
from adminbot.homeserver.tls import tls_context
from adminbot.metrics import counted
from adminbot.values.backoff import pauses
from adminbot.values.clock import now
from adminbot.values.secret import Secret

log = logging.getLogger(__name__)

# bcrypt at a high work factor on a busy small server takes seconds; a connect does not.
TIMEOUT = httpx.Timeout(30, connect=10)
# And for all of it: an answer that drips keeps to the one above for ever.
_DEADLINE = timedelta(seconds=35)
# The state of a room with ten thousand members is smaller. Read, it may take twenty times that.
_MOST_BYTES = 8 * 2**20
Needs = Mapping[str, type]
_NOTHING: Needs = {}
_ABSURD = timedelta(days=3650)  # no clock is off by that much
_LOOK_S = 10
_LOOK_BYTES = 65_536
_PAUSE_MOST_S = 30


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one plain GET: an answer, or (status 0) why there is none.

    `body` is None where the answer is no JSON object; `page` is its text, to be searched and never
    to be shown.
    """

    status: int = 0
    body: dict[str, Any] | None = None
    page: str = ""
    location: str = ""
    failure: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is no JSON. `kind`: its media type."""

    data: bytes
    kind: str


def part(text: object) -> str:
    """A path segment: every reserved character quoted (`/` is allowed in localparts)."""
    return quote(str(text), safe="")


class _ServerClock:
    """How far the homeserver's clock is ahead of ours."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def note(self, date: datetime | None) -> None:
        if date is not None and abs(date - now()) < _ABSURD:
            self.ahead = date - now()


# InvalidURL: httpx reads a Location also where nobody follows.
_FAILED = (httpx.HTTPError, httpx.InvalidURL)


class HttpClient:
    """Requests to one homeserver with one default access token, in the header only."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        token: Secret | None = None,
        *,
        patience: timedelta = timedelta(seconds=60),
        clock: "_ServerClock | None" = None,
    ) -> None:
        self._http = http
        self._clock = clock or _ServerClock()
        self.token = token
        self._patience = patience

    def acting_with(self, token: Secret | None) -> "HttpClient":
        """The same connections with another access token, or with none."""
        return HttpClient(self._http, token, patience=self._patience, clock=self._clock)

    def server_time(self) -> datetime:
        """The present by the homeserver's clock, which judges the times that we name."""
        return now() + self._clock.ahead

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        once: bool = False,
        needs: Needs = _NOTHING,
        within: timedelta | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Send one request; returns (HTTP status, JSON object) of a 2xx answer.

        An answer that lacks a field of `needs` (name → type) is no usable answer: something
        between us and the homeserver made it up. While no usable answer comes, the request is
        repeated for up to `patience`. A request that must not be repeated is sent `once`, and
        HomeserverUnreachable then means: look up what happened before you try again. One try
        takes 35 s at most. For who cannot wait, `within` limits the time of all tries together.

        Raises: as `decipher`.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (within or self._patience).total_seconds()
        limit = min(_DEADLINE, within or _DEADLINE)  # the first try may outlast our patience
        backoff = pauses(_PAUSE_MOST_S)
        while True:
            try:
                return await self._ask_once(method, path, body, needs, limit)
            except HomeserverUnreachable as exc:
                pause_s = next(backoff)
                left = timedelta(seconds=give_up - loop.time() - pause_s)
                if once or left <= timedelta():
                    raise
                log.warning("no usable answer, trying again in_s=%s why=%s", pause_s, exc)
                await asyncio.sleep(pause_s)
                limit = min(_DEADLINE, left)

    async def download(self, path: str, *, most: int) -> bytes:
        """GET a body that is no JSON, once.

        Raises:
            TooLarge: the body has more than `most` bytes; no more than that was read.
            HomeserverError: as `decipher`.
        """
        headers = {"Authorization": f"Bearer {self.token.reveal()}"} if self.token else {}
        try:
            async with (
                asyncio.timeout(_DEADLINE.total_seconds()),
                self._http.stream("GET", path, headers=headers) as response,
            ):
                is_media = response.status_code == 200
                limit = most if is_media else _LOOK_BYTES
                content = await read_whole(response.aiter_bytes(), response.headers, most=limit)
        except (*_FAILED, TimeoutError) as exc:
            raise _unreachable(exc) from None
        if not is_media:
            decipher(response.status_code, response.headers, content)
            raise HomeserverUnreachable(f"HTTP {response.status_code}")
        return content

    async def look(self, path: str) -> Look:
        """One GET without token, repetition or redirects: for finding out what is there."""
        try:
            async with (
                asyncio.timeout(_LOOK_S),
                self._http.stream("GET", path, follow_redirects=False) as response,
            ):
                content = await _read_some(response)
        except (*_FAILED, TimeoutError) as exc:
            return Look(failure=_reason(exc))
        self._clock.note(server_date(response.headers))
        location = response.headers.get("Location", "")
        page = content.decode("latin-1")
        return Look(response.status_code, json_object(content), page, location)

    async def _ask_once(
        self, method: str, path: str, body: Any, needs: Needs, limit: timedelta
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token.reveal()}"} if self.token else {}
        try:
            async with asyncio.timeout(limit.total_seconds()):
                response = await self._exchange(method, path, body, headers)
        except TimeoutError:
            told = f"no answer within {limit.total_seconds():.2g} s"
            raise HomeserverUnreachable(told) from None
        except _FAILED as exc:
            raise _unreachable(exc) from None
        except UnicodeEncodeError:
            raise HomeserverError("That holds a character that cannot be sent.") from None
        self._clock.note(server_date(response.headers))
        try:
            answer = decipher(response.status_code, response.headers, response.content)
        except HomeserverError as exc:
            if exc.errcode == "M_UNRECOGNIZED" and "%2F" in path:
                raise SlashUndone(exc.status) from exc
            raise
        for name, kind in needs.items():
            if not isinstance(answer.get(name), kind):
                raise HomeserverUnreachable(f"an answer without {name}")
        return response.status_code, answer

    async def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response:
        """The answer with its body read, up to the limit. Follows no redirect."""
        sent: dict[str, Any] = {"json": body, "headers": headers}
        if isinstance(body, Upload):
            sent = {"content": body.data, "headers": headers | {"Content-Type": body.kind}}
        asked = self._http.stream(method, path, follow_redirects=False, **sent)
        async with asked as response:
            content = await read_whole(response.aiter_bytes(), response.headers, most=_MOST_BYTES)
        return httpx.Response(response.status_code, headers=response.headers, content=content)


def _unreachable(exc: Exception) -> HomeserverUnreachable:
    """Without the library's own words: they may name the request."""
    return HomeserverUnreachable(type(exc).__name__)


async def _read_some(response: httpx.Response) -> bytes:
    """A short body; of a compressed or a long body nothing, since we look for neither."""
    try:
        return await read_whole(response.aiter_bytes(), response.headers, most=_LOOK_BYTES)
    except HomeserverUnreachable:
        return b""


def _reason(exc: BaseException) -> BaseException:
    """What the system or TLS said, below what httpx makes of it."""
    below: BaseException | None = exc
    while below is not None:
        if isinstance(below, OSError) and below.errno is not None:
            return below
        below = below.__cause__ or below.__context__
        if isinstance(below, BaseExceptionGroup):
            below = below.exceptions[0]
    return TimeoutError() if isinstance(exc, (httpx.TimeoutException, TimeoutError)) else exc


class _Counted(httpx.AsyncClient):
    """Counts each request, also one without an answer."""

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        path = request.url.raw_path.decode("ascii")
        return await counted(path, super().send(request, **how), lambda it: it.status_code)


@asynccontextmanager
async def open_http(
    homeserver: str,
    token: Secret | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: timedelta = timedelta(seconds=60),
    ca_file: Path | None = None,
) -> AsyncIterator[HttpClient]:
    """Connections to `homeserver` (a base URL) until the block ends."""
    # The same certificates and no proxy variables, exactly as matrix-nio's connections.
    async with _Counted(
        base_url=homeserver,
        timeout=TIMEOUT,
        transport=transport,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
        limits=httpx.Limits(max_connections=None),  # no request waits for those that hang
        verify=tls_context(ca_file) if homeserver.startswith("https") else False,
    ) as http:
        yield HttpClient(http, token, patience=patience)
