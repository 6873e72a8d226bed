"""JPEGs of hundreds of megapixels in milliseconds: a small one whose rows are repeated.

With restart markers after each row of blocks, the rows of a scan do not depend on each other.
"""

from __future__ import annotations

import io
import re
import struct

from PIL import Image

STRIP = 32  # rows; two rows of blocks with 4:2:0
RESTARTS = re.compile(rb"\xff[\xd0-\xd7]")


def large_jpeg(width: int, height: int, *, progressive: bool, subsampling: str = "4:2:0") -> bytes:
    """`height` must be a multiple of 32, and `width` of 16."""
    strip = Image.linear_gradient("L").resize((width, STRIP)).convert("RGB")
    buffer = io.BytesIO()
    strip.save(
        buffer,
        "JPEG",
        quality=75,
        progressive=progressive,
        subsampling=subsampling,
        restart_marker_rows=1,
    )
    return _repeat_rows(buffer.getvalue(), height)


def _repeat_rows(strip: bytes, height: int) -> bytes:
    out = bytearray(strip[:2])
    at = 2
    while strip[at : at + 2] != b"\xff\xd9":
        marker = strip[at + 1]
        (length,) = struct.unpack_from(">H", strip, at + 2)
        segment = bytearray(strip[at : at + 2 + length])
        at += 2 + length
        if 0xC0 <= marker <= 0xC2:
            struct.pack_into(">H", segment, 5, height)
        out += segment
        if marker != 0xDA:
            continue
        end = _end_of_scan(strip, at)
        rows = RESTARTS.split(strip[at:end])
        count = len(rows) * height // STRIP
        for i in range(count):
            out += rows[i % len(rows)]
            if i + 1 < count:
                out += bytes((0xFF, 0xD0 + i % 8))
        at = end
    return bytes(out + b"\xff\xd9")


def _end_of_scan(file: bytes, at: int) -> int:
    """Where the next marker is that ends the scan: not a restart, nor a byte 0xFF of the data."""
    while True:
        at = file.index(b"\xff", at)
        if file[at + 1] != 0 and not 0xD0 <= file[at + 1] <= 0xD7:
            return at
        at += 2
