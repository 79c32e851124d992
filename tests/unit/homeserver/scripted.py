"""A homeserver at transport height: it answers what a test writes, and misbehaves on request."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from adminbot.homeserver.http import HttpClient, open_http
from adminbot.values.secret import Secret

HINT = "hunter2"  # stands in every body, and in no error
PAGE = f"<html><body>Bad gateway {HINT}</body></html>"


def refusal(errcode: Any = "M_FORBIDDEN", **more: Any) -> str:
    return json.dumps({"errcode": errcode, "error": HINT, **more})


Handler = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers one request after the other with what is written here, the last one for ever."""

    def __init__(self, *steps: httpx.Response | type[httpx.HTTPError] | int) -> None:
        self._steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, int):
            return httpx.Response(step, content=PAGE if step != 200 else "{}")
        if isinstance(step, type):
            raise step(f"to {request.url} with {request.headers}")
        return step


@asynccontextmanager
async def wire_to(handler: Handler, *, patience_s: float = 0) -> AsyncIterator[HttpClient]:
    async with open_http(
        "http://test",
        Secret("syt_secret"),
        transport=httpx.MockTransport(handler),
        patience=timedelta(seconds=patience_s),
    ) as wire:
        yield wire
