"""Files made to use up memory or time, and polyglot files, with the real service: every valid
image is classified, every other one gets an error message, nothing is served as anything but an
image, and memory stays as with ordinary images."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from program import Service

TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
}
MAX_PIXELS = 2_000_000
# Memory for images of this many pixels, for a decoder and its copy, in each of a few threads; and
# what an allocator keeps.
MEMORY_KB = 160 * 1024
SCRIPT = b"<?php system($_GET['x']); ?><html><script>alert(document.domain)</script></html>"


def image(format_: str, size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, format_, **options)
    return file.getvalue()


def frames(format_: str, count: int) -> bytes:
    """An animation whose frames differ, otherwise the writer would omit them."""
    pictures = [Image.new("RGB", (16, 16), (i % 256, i // 256, 0)) for i in range(count)]
    file = io.BytesIO()
    pictures[0].save(file, format_, save_all=True, append_images=pictures[1:], duration=20)
    return file.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, data: bytes, extra: bytes = b"") -> bytes:
    """Grey, 8 bits; `data` is the compressed rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", zlib.compress(data, 9))
        + png_chunk(b"IEND", b"")
    )


def rows(width: int, height: int) -> bytes:
    return (b"\0" + b"\x7f" * width) * height


def zeros(size: int) -> bytes:
    """That many zero bytes, compressed without holding them in memory."""
    compressor = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join(compressor.compress(block) for _ in range(size >> 20)) + compressor.flush()


def jpeg_that_claims(side: int) -> bytes:
    whole = image("JPEG")
    frame = whole.index(b"\xff\xc0")
    return whole[: frame + 5] + struct.pack(">HH", side, side) + whole[frame + 9 :]


def jpeg_with_scans(count: int) -> bytes:
    """The first scan of a progressive JPEG, repeated; later ones refine the earlier."""
    whole = image("JPEG", progressive=True)
    begin = whole.index(b"\xff\xda")
    end = whole.index(b"\xff\xc4", begin)
    return whole[:end] + whole[begin:end] * count + whole[end:]


def gif_of_frames(count: int) -> bytes:
    """The frame of a GIF, repeated."""
    whole = image("GIF", (8, 8))
    colours = 3 * 2 ** ((whole[10] & 7) + 1)
    frame = whole[whole.index(b"\x2c", 13 + colours) : -1]
    return whole[:-1] + frame * count + whole[-1:]


def zip_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("evil.js", "alert(1)")
    return file.getvalue()


def gif_script() -> bytes:
    """A width of 0x2A2F is the start of a comment, so that the file is also a script."""
    whole = bytearray(image("GIF", (64, 64)))
    whole[6:8] = b"/*"
    return bytes(whole) + b"*/=1;alert(document.domain)//"


def bitmap(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


def webp_that_claims(side: int) -> bytes:
    size = (side - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + size + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def polyglots() -> dict[str, bytes]:
    """Valid images that are also something else."""
    return {
        "archive.jpg": image("JPEG") + zip_archive(),
        "script.png": image("PNG") + SCRIPT,
        "comment.jpg": image("JPEG", comment=SCRIPT),
        "script.gif": image("GIF") + SCRIPT,
        "comment.gif": gif_script(),
        "script.webp": image("WEBP") + SCRIPT,
        "script.bmp": image("BMP") + SCRIPT,
        "named-wrongly.jpg": image("PNG") + SCRIPT,
    }


def whole_images() -> dict[str, bytes]:
    """Large images in small files, within the limits; chunks without pixels are passed over."""
    text = b"Comment\0\0" + zeros(256 << 20)
    profile = b"profile\0\0" + zeros(256 << 20)
    return {
        "text-bomb.png": png(8, 8, rows(8, 8), png_chunk(b"zTXt", text)),
        "profile-bomb.png": png(8, 8, rows(8, 8), png_chunk(b"iCCP", profile)),
        "within.png": png(1_400, 1_400, rows(1_400, 1_400)),
        "frames.gif": gif_of_frames(100_000),
        "frames.webp": frames("WEBP", 300),
        "some-scans.jpg": jpeg_with_scans(20),
    } | polyglots()


def refused_images() -> dict[str, tuple[bytes, str]]:
    """Each with a word of its error message."""
    halves = {f"half.{ext}": image(ext.replace("jpg", "jpeg"), (64, 64)) for ext in TYPES}
    return {
        "huge.png": (png(65_535, 65_535, b"x"), "65535"),
        "largest.png": (png(2**31 - 1, 2**31 - 1, b"x"), "2147483647"),
        "pixels.png": (png(20_000, 20_000, rows(100, 1)), "20000"),
        "huge.jpg": (jpeg_that_claims(65_500), "65500"),
        "scans.jpg": (jpeg_with_scans(3_000), "more than 100 scans"),
        "canvas.gif": (b"GIF89a" + b"\xff\xff\xff\xff" + image("GIF")[10:], "65535"),
        "canvas.webp": (webp_that_claims(16_384), ""),
        "huge.bmp": (bitmap(60_000, 60_000) + b"x", "60000"),
        "turned.bmp": (bitmap(60_000, -60_000) + b"x", "60000"),
        "edge.bmp": (bitmap(64, -(2**31)) + b"x", ""),
        "page.jpg": (SCRIPT, "not an image"),
    } | {name: (content[: len(content) // 2], "") for name, content in halves.items()}


@pytest.fixture(scope="module")
def hardened(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("hostile") / "data", MAX_IMAGE_PIXELS=str(MAX_PIXELS))
    yield service
    assert service.stop() == 0


def upload(service: Service, name: str, content: bytes) -> str:
    return service.upload(content, name, TYPES[name.rsplit(".", 1)[1]])


def classify(service: Service, keys: list[str]) -> dict[str, str | None]:
    """The error of each image, None if it has a label."""
    job = service.submit(keys, confidence_threshold=0)
    assert service.wait(job)["status"] == "completed"
    rows_ = service.get(f"/result/{job}").json()["detailed_results"]
    return {row["s3_key"]: row.get("error") for row in rows_}


def test_bombs_are_named_and_take_no_more_memory_than_images(hardened: Service) -> None:
    ordinary = [upload(hardened, f"{i}.jpg", image("JPEG", (1_400, 1_400))) for i in range(16)]
    assert set(classify(hardened, ordinary).values()) == {None}
    before = hardened.peak_kb()

    good = {upload(hardened, name, content): name for name, content in whole_images().items()}
    bad = {
        upload(hardened, name, content): (name, word)
        for name, (content, word) in refused_images().items()
    }
    errors = classify(hardened, [*good, *bad])
    assert len(errors) == len(good) + len(bad)
    for key, name in good.items():
        assert errors[key] is None, (name, errors[key])
    for key, (name, word) in bad.items():
        said = errors[key]
        assert said, f"{name} was taken for an image"
        assert word in said, (name, said)
    for key in [*good, *bad]:
        answer = hardened.get(f"/images/{key}/thumbnail?size=64")
        assert (answer.status_code == 200) == (key in good), (key, answer.text)
        if key in good:
            assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
        else:
            assert answer.json()["error"], key
    assert hardened.peak_kb() - before < MEMORY_KB


@pytest.mark.parametrize("name", polyglots())
def test_what_is_two_things_is_served_as_an_image_only(hardened: Service, name: str) -> None:
    content = polyglots()[name]
    key = upload(hardened, name, content)
    answer = hardened.get(f"/images/{key}")
    assert answer.content == content
    assert answer.headers["Content-Type"] == TYPES[name.rsplit(".", 1)[1]]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    # A re-encoded image has nothing of the other format.
    thumbnail = hardened.get(f"/images/{key}/thumbnail?size=32")
    assert thumbnail.headers["Content-Type"] == "image/jpeg"
    assert b"script" not in thumbnail.content
    assert b"PK\3\4" not in thumbnail.content
