"""What stands behind a base URL on the network: its addresses, its certificate."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.tls import tls_context

_WAIT_S = 10


async def addresses_of(url: str) -> list[str]:
    """The IP addresses that the URL's host name has here, as text; empty if none is found."""
    where = urlsplit(url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(where.hostname, where.port or 0)
    except OSError:
        return []
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found})


async def certificate_ends_at(url: str, ca_file: Path | None) -> datetime:
    """Until when the certificate of an https URL is valid (UTC).

    Raises HomeserverUnreachable: no connection, or the certificate is not believed.
    """
    where = urlsplit(url)
    try:
        async with asyncio.timeout(_WAIT_S):
            _, writer = await asyncio.open_connection(
                where.hostname, where.port or 443, ssl=tls_context(ca_file)
            )
    except (OSError, TimeoutError) as exc:
        raise HomeserverUnreachable(type(exc).__name__) from exc
    shown = writer.get_extra_info("peercert") or {}
    writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
