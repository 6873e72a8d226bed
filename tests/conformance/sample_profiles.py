"""ICC profiles for sample images, written by hand, so that none has to be kept or downloaded."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image, ImageCms

Primaries = tuple[tuple[float, float, float], ...]
SRGB: Primaries = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
P3: Primaries = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB: Primaries = (
    (0.6097, 0.3111, 0.0195),
    (0.2053, 0.6257, 0.0609),
    (0.1492, 0.0632, 0.7446),
)
# By name: primaries and gamma.
RGB_PROFILES: dict[str, tuple[Primaries, float]] = {
    "DisplayP3": (P3, 2.2),
    "AdobeRGB": (ADOBE_RGB, 2.19921875),
    # Green, blue and red for red, green and blue: wrong colours cannot be overlooked.
    "permuted": ((P3[1], P3[2], P3[0]), 2.2),
}
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def rgb_profile(primaries: Primaries, gamma: float) -> bytes:
    """A matrix profile: XYZ of red, green and blue, adapted to D50."""
    xyz = [b"XYZ \0\0\0\0" + b"".join(map(fixed, primary)) for primary in primaries]
    white = b"XYZ \0\0\0\0" + fixed(0.9642) + fixed(1) + fixed(0.8249)
    curve = curve_of(gamma)
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), xyz, strict=True))
    tags |= {b"wtpt": white, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    return profile(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    white = b"XYZ \0\0\0\0" + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return profile(b"GRAY", {b"wtpt": white, b"kTRC": curve_of(gamma)})


def cmyk_profile() -> bytes:
    """A printer that does what the naive formula says, with inks that are less pure."""
    grid = 5
    table = bytearray()
    steps = np.linspace(0, 1, grid)
    for c in steps:
        for m in steps:
            for y in steps:
                for k in steps:
                    light = (1 - 0.9 * c) * (1 - 0.8 * m), 1 - 0.85 * m, 1 - 0.8 * y
                    red = light[0] * (1 - k)
                    green = light[1] * (1 - 0.3 * c) * (1 - k)
                    blue = light[2] * (1 - 0.25 * m) * (1 - k)
                    lightness = 100 * (0.25 * red + 0.65 * green + 0.1 * blue)
                    a, b = 90 * (red - green), 80 * (green - blue)
                    table += bytes(
                        (round(lightness * 2.55), round(a + 128), round(min(b + 128, 255)))
                    )
    identity = bytes(range(256))
    matrix = b"".join(fixed(float(i % 4 == 0)) for i in range(9))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, grid, 0)) + matrix + identity * 4 + bytes(table)
    white = b"XYZ \0\0\0\0" + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return profile(b"CMYK", {b"wtpt": white, b"A2B0": lut + identity * 3}, b"prtr", b"Lab ")


def curve_of(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def profile(
    space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ "
) -> bytes:
    """An ICC profile, version 2.4."""
    description = b"test\0"
    tags = tags | {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(description)) + description + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
    }
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    header = b"\0\0\0\0\x02\x40\0\0" + kind + space + connection
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += fixed(0.9642) + fixed(1) + fixed(0.8249)
    rest = header.ljust(124, b"\0") + struct.pack(">I", len(tags)) + table + data
    return struct.pack(">I", len(rest) + 4) + rest


def shown_with(image: Image.Image, primaries: Primaries, gamma: float) -> Image.Image:
    """What a matrix profile makes of an image, by its definition."""
    linear = (np.asarray(image) / 255) ** gamma
    srgb = (linear @ np.array(primaries) @ np.linalg.inv(np.array(SRGB))).clip(0, 1)
    encoded = np.where(srgb <= 0.0031308, 12.92 * srgb, 1.055 * srgb ** (1 / 2.4) - 0.055)
    return Image.fromarray(np.rint(encoded * 255).astype(np.uint8))
