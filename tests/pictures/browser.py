"""A page → PNG: Chromium without a window, spoken to over two pipes (Chrome DevTools Protocol).

It opens no port, and gets a profile of its own that is gone afterwards.
"""

import asyncio
import base64
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adminbot.errors import SetupError

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_TO_INSTALL = "On Debian: apt-get install chromium fonts-noto-core fonts-noto-color-emoji"
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Chromium reads commands from descriptor 3 and writes answers to 4: our two ends of its pipes.
_ON_PIPES = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'
_PATIENCE_S = 60
_HEIGHTS = """[document.body, ...document.querySelectorAll(".message")]
  .map(part => Math.ceil(part.getBoundingClientRect().height))"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, twice as wide as the page, and heights in CSS pixels: of all, of each message."""

    png: bytes
    height: int
    messages: tuple[int, ...]


def find_chromium() -> str:
    """The browser's path. Raises SetupError, which says what to install."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    raise SetupError("The pictures are drawn by Chromium, and there is none here.", _TO_INSTALL)


class Browser:
    """One tab of a Chromium that runs. `log`: where its complaints go."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._number = 0
        self._tab: dict[str, str] = {}

    async def open_tab(self, width: int, height: int) -> None:
        """Make the tab, of a phone's size. Raises SetupError."""
        made = await self.call("Target.createTarget", url="about:blank")
        joined = await self.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        self._tab = {"sessionId": joined["sessionId"]}
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2, mobile=True,
        )  # fmt: skip

    async def draw(self, page: str, width: int, *, scheme: str) -> Drawn:
        """Show the page and take a picture of all of it. `scheme`: light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.call("Emulation.setEmulatedMedia", features=[feature])
        tree = await self.call("Page.getFrameTree")
        frame = tree["frameTree"]["frame"]["id"]
        await self.call("Page.setDocumentContent", frameId=frame, html=page)
        found = await self.call("Runtime.evaluate", expression=_HEIGHTS, returnByValue=True)
        height, *messages = found["result"]["value"]
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = await self.call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        return Drawn(base64.b64decode(taken["data"]), height, tuple(messages))

    async def require_emoji(self) -> None:
        """Without a font for them, each emoji would be a box. Raises SetupError."""
        tree = await self.call("Page.getFrameTree")
        frame = tree["frameTree"]["frame"]["id"]
        await self.call("Page.setDocumentContent", frameId=frame, html="<p>🤖🗑️</p>")
        await self.call("DOM.enable")
        await self.call("CSS.enable")
        root = (await self.call("DOM.getDocument"))["root"]["nodeId"]
        shown = await self.call("DOM.querySelector", nodeId=root, selector="p")
        used = await self.call("CSS.getPlatformFontsForNode", nodeId=shown["nodeId"])
        if not any("emoji" in font["familyName"].lower() for font in used["fonts"]):
            raise SetupError("There is no font with emoji here.", _TO_INSTALL)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its result. Raises SetupError."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": params, **self._tab}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\0")
        try:
            answer = await asyncio.wait_for(self._answer(), _PATIENCE_S)
        except (asyncio.IncompleteReadError, TimeoutError) as exc:
            last = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
            text = f"Chromium did not answer to {method}. Its last words: {last or 'none'}"
            raise SetupError(text) from exc
        if "error" in answer:
            raise SetupError(f"Chromium refused {method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    async def _answer(self) -> dict[str, Any]:
        """Events of the tab come in between."""
        assert self._process.stdout
        while True:
            line = await self._process.stdout.readuntil(b"\0")
            answer: dict[str, Any] = json.loads(line[:-1])
            if answer.get("id") == self._number:
                return answer


@asynccontextmanager
async def a_browser(width: int, height: int) -> AsyncIterator[Browser]:
    """A Chromium with one tab inside the block. Raises SetupError."""
    # Chromium's sandbox does not start for root; the page has no scripts, and all words are ours.
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory(prefix="pictures-", ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "complaints"
        with log.open("wb") as complaints:
            process = await asyncio.create_subprocess_exec(
                *("sh", "-c", _ON_PIPES, "sh", find_chromium(), *flags),
                f"--user-data-dir={profile}",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                limit=2**26,
            )
        browser = Browser(process, log)
        try:
            await browser.open_tab(width, height)
            await browser.require_emoji()
            yield browser
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Chromium ends by itself when its pipe does; a profile can be removed only after."""
    assert process.stdin
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
