"""`python -m tests.pictures`: draws them into docs/pictures, and says how large they are."""

import argparse
import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from adminbot.demo.homeserver import stay_on_loopback, synapse_python
from adminbot.errors import SetupError
from tests import ROOT
from tests.human import ensure_installed
from tests.pictures.browser import a_browser, find_chromium
from tests.pictures.conversation import a_play
from tests.pictures.page import WIDTH, page

_SCREEN = 844  # CSS pixels of a phone, from top to bottom


async def draw_all(target: Path) -> None:
    """Have the conversations, and draw each in both schemes. Raises SetupError."""
    find_chromium()  # before anything is started
    await asyncio.to_thread(ensure_installed)
    synapse = await asyncio.to_thread(synapse_python, print)
    target.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing else goes on
    with tempfile.TemporaryDirectory(prefix="pictures-", ignore_cleanup_errors=True) as directory:
        async with (
            a_browser(WIDTH, _SCREEN) as browser,
            a_play(Path(directory), synapse) as play,
        ):
            async for name, chat in play.all():
                for scheme, ending in (("light", ""), ("dark", "-dark")):
                    drawn = await browser.draw(page(chat), WIDTH, scheme=scheme)
                    (target / f"{name}{ending}.png").write_bytes(_smaller(drawn.png))
                heights = " + ".join(map(str, drawn.messages))
                print(f"{name}: {WIDTH} x {drawn.height} px, its messages {heights}", flush=True)


def _smaller(png: bytes) -> bytes:
    """The picture with a palette: a third of the size, and the eye sees no difference."""
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs/pictures", metavar="DIR")
    args = parser.parse_args()
    stay_on_loopback()
    try:
        asyncio.run(draw_all(args.to))
    except SetupError as exc:
        print(f"❌ {exc.message()}", file=sys.stderr)
        return 1
    except RuntimeError as exc:  # Node is missing, or its packages
        print(f"❌ {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
