"""What may stand before a Synapse, on loopback: TLS of an own authority, a proxy's pages."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

# A path → a whole HTTP answer, or None: on to Synapse.
Answers = Callable[[str], bytes | None]


def page(status: int, text: str = "<html>nginx</html>", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(text)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + f"\r\n\r\n{text}").encode()


@asynccontextmanager
async def front(
    answers: Answers = lambda path: None,
    *,
    to: int = 0,
    tls: ssl.SSLContext | None = None,
    prefix: str = "",
) -> AsyncIterator[int]:
    """A server's port; below `prefix` it passes on to the port `to` what `answers` leaves."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await _answer(reader, writer)
                writer.close()
                await writer.wait_closed()
        except asyncio.CancelledError:
            pass
        finally:
            writer.transport.abort()
            tasks.discard(task)

    async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        canned = answers(path)
        if canned is None and not path.startswith(prefix):
            canned = page(404)
        if canned is not None:
            writer.write(canned)
            await writer.drain()
            return
        head = re.sub(r"(?im)^connection:.*\r\n", "", head)
        head = head.replace(f"{method} {prefix}", f"{method} ", 1)
        head = head.replace("\r\n", "\r\nConnection: close\r\n", 1)
        there, back = await asyncio.open_connection("127.0.0.1", to)
        back.write(head.encode("latin-1"))
        upwards = asyncio.create_task(_pipe(reader, back))
        try:
            await _pipe(there, writer)
        finally:
            upwards.cancel()
            back.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", ssl=tls) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # their transports close in the next round of the loop


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()


def authority(directory: Path, *, name: str = "IP:127.0.0.1", days: int = 2) -> ssl.SSLContext:
    """A server's context; `directory` gets `ca.pem`, which one must trust to believe it."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        *("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Own CA"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (directory / "names").write_text(f"subjectAltName={name}\n")
    openssl(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-out", "server.pem", "-extfile", "names", "-days", str(days)),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    return context
