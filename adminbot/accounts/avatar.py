"""A person's picture → a small clean one: what it was besides its pixels is gone. Pure, and slow.

The picture may have been made to harm: so its size is read before its pixels, its kind by its
content, and only the four kinds that every client shows.
"""

import re
from io import BytesIO

from PIL import Image, ImageOps

from adminbot.errors import UsageError

MOST_BYTES = 10 * 2**20
_MOST_PIXELS = 25_000_000  # of a phone's camera; as many take up to 400 MB while worked on
# A progressive JPEG has about ten. Each goes over all pixels, and takes a few bytes of the file: a
# small one can keep the decoder busy for hours, and nothing stops a thread.
_MOST_SCANS = 100
# A marker within a JPEG, but for those without a length of their own.
# Source: ITU-T T.81, B.1.1.2 and B.1.1.3.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_SCAN, _END = b"\xda", b"\xd9"
_SIDE = 512
_KINDS = ("JPEG", "PNG", "WEBP", "GIF")


def cleaned(data: bytes) -> tuple[bytes, str]:
    """The picture, re-encoded, upright, of 512 pixels a side at most; and its media type.

    Of an animation the first picture.

    Raises:
        UsageError: no picture, damaged, or too many pixels.
    """
    try:
        with Image.open(BytesIO(data), formats=_KINDS) as found:
            width, height = found.size
            if width * height > _MOST_PIXELS:
                raise Image.DecompressionBombError
            if found.format in ("JPEG", "MPO"):
                _check_scans(data)
            return _encoded(_small(found))
    except Image.DecompressionBombError:
        raise UsageError(
            "That picture has more than 25 million pixels. Nothing was changed.",
            "Send a smaller one; most apps offer that.",
        ) from None
    except Exception:  # noqa: BLE001  # made to harm, it raises whatever its decoder may raise
        raise UsageError(
            "That is no picture that I can read, or a damaged one. Nothing was changed.",
            "Send a JPEG, PNG, WebP or GIF.",
        ) from None


def _check_scans(jpeg: bytes) -> None:
    """Raises ValueError for a JPEG that goes over its pixels more often than any camera does."""
    at = scans = 0
    while (marker := _MARKER.search(jpeg, at)) and marker[1] != _END:
        scans += marker[1] == _SCAN
        if scans > _MOST_SCANS:
            raise ValueError(scans)
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")


def _small(found: Image.Image) -> Image.Image:
    found.draft("RGB", (2 * _SIDE, 2 * _SIDE))  # a JPEG is made smaller while it is read
    found.seek(0)
    is_clear = found.mode in ("RGBA", "LA", "PA") or "transparency" in found.info
    mode = "RGBA" if is_clear else "RGB"
    # Turned last: each of these makes a copy, and the picture is large before it is small.
    picture = found if found.mode == mode else found.convert(mode)
    picture.thumbnail((_SIDE, _SIDE))
    picture = ImageOps.exif_transpose(picture)
    # Pasted into a new one: what the file said besides (place, camera, comments) stays behind.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    return clean


def _encoded(picture: Image.Image) -> tuple[bytes, str]:
    kind = "PNG" if picture.mode == "RGBA" else "JPEG"
    out = BytesIO()
    picture.save(out, kind, **({} if kind == "PNG" else {"quality": 90}))
    return out.getvalue(), f"image/{kind.lower()}"
