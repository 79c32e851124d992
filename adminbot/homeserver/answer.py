"""What an answer of the homeserver means. No connections in here, and no endpoint."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from adminbot.errors import (
    HomeserverError,
    HomeserverUnreachable,
    RateLimited,
    TokenRejected,
    TooLarge,
)
from adminbot.values.text import code_of

# As older Synapses spell it, from when MSC3939 was a proposal.
_SPELT_NOW = {"ORG_MATRIX_MSC3939_USER_LOCKED": "M_USER_LOCKED"}


def decipher(status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """Return the JSON object of a 2xx answer, or raise what the answer means.

    Raises:
        RateLimited: 429; `retry_after` is what the server said, else 5 s.
        TokenRejected: 401 with M_UNKNOWN_TOKEN or M_MISSING_TOKEN.
        HomeserverUnreachable: nothing a Matrix server says: 5xx, a proxy's page, a cut-off body.
        HomeserverError: any other refusal, with its errcode.
    """
    body = json_object(content)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimited(_retry_after(headers, body or {}))
    if body is None or status >= 500:
        raise HomeserverUnreachable(f"HTTP {status}")
    if 200 <= status < 300:
        return body
    errcode = body.get("errcode")
    if not isinstance(errcode, str):
        errcode = "M_UNKNOWN"
    errcode = _SPELT_NOW.get(errcode, errcode)
    if status == 401 and errcode in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"):
        raise TokenRejected
    refusal = HomeserverError(
        f"The homeserver refused ({status} {code_of(errcode) or 'M_UNKNOWN'}).",
        errcode=errcode,
        status=status,
    )
    refusal.answer = body
    raise refusal


def json_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None for anything else. A list becomes {"list": …}."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, list):  # GET /rooms/{id}/state is the one answer that is a list
        return {"list": body}
    return body if isinstance(body, dict) else None


def _retry_after(headers: Mapping[str, str], body: dict[str, Any]) -> timedelta:
    waits_ms = body.get("retry_after_ms")
    if isinstance(waits_ms, (int, float)) and 0 < waits_ms < 86_400_000:
        return timedelta(milliseconds=waits_ms)
    header = headers.get("Retry-After", "")
    if re.fullmatch(r"[1-9][0-9]{0,4}", header):
        return timedelta(seconds=int(header))
    return timedelta(seconds=5)


def server_date(headers: Mapping[str, str]) -> datetime | None:
    """The answer's Date header, in whole seconds; None where there is no usable one."""
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


async def read_whole(
    chunks: AsyncIterator[bytes], headers: Mapping[str, str], *, most: int
) -> bytes:
    """A body that comes in pieces, as the server sent it: a compressed body is refused.

    We ask for `Accept-Encoding: identity`: 250 kB of gzip can unpack to half a gigabyte.

    Raises:
        HomeserverUnreachable: the body is compressed, or has more than `most` bytes.
    """
    if headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise HomeserverUnreachable("it is compressed, which I had not asked for")
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise TooLarge(most)
    return bytes(body)
