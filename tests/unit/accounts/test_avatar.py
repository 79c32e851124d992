"""What becomes of a picture, and which ones are none."""

import struct
import time
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from adminbot.accounts.avatar import cleaned
from adminbot.errors import UsageError


def picture(
    kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **more: Any
) -> bytes:
    out = BytesIO()
    Image.new(mode, size, 1 if mode in "PL1" else None).save(out, kind, **more)
    return out.getvalue()


def reread(data: bytes) -> Image.Image:
    found = Image.open(BytesIO(data))
    found.load()
    return found


def with_place() -> Image.Exif:
    """As a phone writes it: turned on its side, and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "PhoneMaker"
    exif.get_ifd(0x8825)[2] = tuple(TiffImagePlugin.IFDRational(n) for n in (52, 31, 12))
    return exif


@pytest.mark.parametrize(
    ("data", "kind", "size"),
    [
        (picture(), "image/jpeg", (40, 20)),
        (picture("JPEG", (2000, 1000)), "image/jpeg", (512, 256)),
        (picture("JPEG", (100, 50), "CMYK"), "image/jpeg", (100, 50)),
        (picture("WEBP", (40, 20), "RGBA"), "image/png", (40, 20)),
        (picture("GIF", (40, 20), "P"), "image/jpeg", (40, 20)),
        (picture("PNG", (1, 1)), "image/jpeg", (1, 1)),
        (picture("PNG", (40, 20), "P", transparency=0), "image/png", (40, 20)),
        (picture("PNG", (40, 20), "I;16"), "image/jpeg", (40, 20)),
        (picture("PNG", (3000, 3)), "image/jpeg", (512, 1)),
    ],
)
def test_a_picture_is_small_and_of_a_plain_kind(
    data: bytes, kind: str, size: tuple[int, int]
) -> None:
    found, found_kind = cleaned(data)
    assert found_kind == kind
    again = reread(found)
    assert again.size == size
    assert Image.MIME[again.format or ""] == kind


def test_where_and_with_what_it_was_taken_is_gone() -> None:
    data = picture("JPEG", (40, 20), exif=with_place(), comment=b"secret comment")
    assert b"PhoneMaker" in data
    found, _ = cleaned(data)
    again = reread(found)
    assert not again.getexif()
    assert again.size == (20, 40), "upright"
    for word in (b"PhoneMaker", b"secret comment", b"Exif"):
        assert word not in found


def test_of_an_animation_the_first_picture_is_taken() -> None:
    first, second = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")
    out = BytesIO()
    first.save(out, "GIF", save_all=True, append_images=[second])
    again = reread(cleaned(out.getvalue())[0])
    assert getattr(again, "n_frames", 1) == 1
    pixel = again.convert("RGB").getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200


def test_a_photo_with_a_second_picture_and_a_film_behind_is_a_photo() -> None:
    out = BytesIO()
    first, second = Image.new("RGB", (40, 20), "red"), Image.new("RGB", (40, 20), "blue")
    first.save(out, "MPO", save_all=True, append_images=[second])
    found, kind = cleaned(out.getvalue() + b"\xff\xda\x00\x02" * 200)
    assert kind == "image/jpeg"
    pixel = reread(found).getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200


@pytest.mark.parametrize("between", [b"", b"\xff\x01", b"\xff\xd0"])
def test_a_jpeg_that_would_keep_the_decoder_busy_is_refused(between: bytes) -> None:
    data = picture("JPEG", (4000, 4000), progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    began = time.monotonic()
    with pytest.raises(UsageError, match="damaged"):
        cleaned(data[:-2] + (between + last) * 2_000 + data[-2:])
    assert time.monotonic() - began < 5  # a minute, where all is decoded


def bomb(width: int, height: int) -> bytes:
    """A PNG whose head says that it is enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99)))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bomb(30_000, 30_000), "more than 25 million pixels"),
        (bomb(6_000, 5_000), "more than 25 million pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "Nothing was changed"),
        (picture("JPEG", (400, 400))[:300], "no picture that I can read"),
        (b"", "no picture that I can read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture that I can read"),
        (b"<html><script>alert(1)</script>", "no picture that I can read"),
        (b"\xff\xd8\xff" + b"x" * 500, "no picture that I can read"),
        (picture("TIFF"), "no picture that I can read"),
        (picture("BMP"), "no picture that I can read"),
        (picture("ICO", (16, 16)), "no picture that I can read"),
    ],
)
def test_what_is_no_picture_is_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        cleaned(data)
