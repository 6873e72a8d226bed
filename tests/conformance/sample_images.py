"""Writes small images of every format and variant. Each shows the same picture, whatever way it is
stored, so that a test need not know the variants."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pillow_heif
import pillow_jxl  # noqa: F401  registers itself with Pillow
import tifffile
from PIL import Image
from sample_profiles import (
    RGB_PROFILES,
    SRGB_PROFILE,
    cmyk_profile,
    grey_profile,
    rgb_profile,
    shown_with,
)

# Odd sides, and more than a block of any codec.
WIDTH, HEIGHT = 71, 53
ORIENTATION_TAG = 0x0112
pillow_heif.register_heif_opener()

# How an upright picture is stored for each of Exif's orientations: the inverse of what turns it.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


class Sample(NamedTuple):
    """A file, and the picture that it shows where no profile or palette changes its colours."""

    format: str
    name: str
    content: bytes
    shows: Image.Image | None = None


def picture() -> Image.Image:
    """Smooth, so that lossy codecs keep it, with saturated colours; all orientations differ."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = 30 + 200 * x / WIDTH
    green = 220 - 180 * y / HEIGHT
    blue = 128 + 90 * np.sin(x / 17 + y / 11)
    pixels = np.stack([red, green, blue], axis=-1)
    pixels[: HEIGHT // 3, : WIDTH // 3] *= 0.4
    return Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))


def alpha() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return Image.fromarray(((x * 255 // WIDTH + y) % 256).astype(np.uint8))


def over_white(image: Image.Image, mask: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=mask)
    return white


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[ORIENTATION_TAG] = orientation
    return tags.tobytes()


def turned(format: str, kind: str, **options: Any) -> Iterator[Sample]:
    """All orientations, as Exif."""
    yield Sample(
        format, "orientation1", encoded(picture(), kind, exif=exif(1), **options), picture()
    )
    for orientation, transposition in STORED.items():
        image = picture().transpose(transposition)
        content = encoded(image, kind, exif=exif(orientation), **options)
        yield Sample(format, f"orientation{orientation}", content, picture())


def profiled(format: str, kind: str, **options: Any) -> Iterator[Sample]:
    content = encoded(picture(), kind, icc_profile=SRGB_PROFILE, **options)
    yield Sample(format, "sRGB", content, picture())
    for name, (primaries, gamma) in RGB_PROFILES.items():
        profile = rgb_profile(primaries, gamma)
        content = encoded(picture(), kind, icc_profile=profile, **options)
        yield Sample(format, name, content, shown_with(picture(), primaries, gamma))


def jpeg() -> Iterator[Sample]:
    grey, cmyk = picture().convert("L"), picture().convert("CMYK")
    for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1"):
        for progressive in (False, True):
            name = f"{subsampling.replace(':', '')}{'_progressive' if progressive else ''}"
            content = encoded(
                picture(), "JPEG", quality=92, subsampling=subsampling, progressive=progressive
            )
            yield Sample("JPEG", name, content, picture())
    for quality in (30, 75, 100):
        yield Sample("JPEG", f"quality{quality}", encoded(picture(), "JPEG", quality=quality))
    yield Sample("JPEG", "rgb", encoded(picture(), "JPEG", quality=95, keep_rgb=True), picture())
    yield Sample(
        "JPEG",
        "restarts",
        encoded(picture(), "JPEG", quality=92, restart_marker_blocks=3),
        picture(),
    )
    yield Sample("JPEG", "grey", encoded(grey, "JPEG", quality=92), grey)
    yield Sample("JPEG", "cmyk", encoded(cmyk, "JPEG", quality=95))
    yield Sample(
        "JPEG", "cmyk_profile", encoded(cmyk, "JPEG", quality=95, icc_profile=cmyk_profile())
    )
    yield Sample(
        "JPEG", "grey_profile", encoded(grey, "JPEG", quality=95, icc_profile=grey_profile(1.8))
    )
    yield Sample("JPEG", "mpo", encoded(picture(), "MPO", save_all=True, append_images=[grey]))
    yield from turned("JPEG", "JPEG", quality=92)
    yield from profiled("JPEG", "JPEG", quality=95)


Samples = npt.NDArray[np.unsignedinteger[Any]]  # [height, width, channels]
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def png_chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png_rows(samples: Samples, depth: int) -> bytes:
    """Unfiltered."""
    rows = b""
    for row in samples:
        if depth == 16:
            content = row.astype(">u2").tobytes()
        elif depth == 8:
            content = row.astype(np.uint8).tobytes()
        else:
            bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, -depth:]
            content = np.packbits(bits.reshape(-1)).tobytes()
        rows += b"\0" + content
    return rows


def png_file(
    samples: Samples, depth: int, colour_type: int, interlaced: bool, chunks: bytes = b""
) -> bytes:
    """Pillow writes neither interlaced files nor all depths."""
    height, width, _ = samples.shape
    if interlaced:
        passes = [samples[y::down, x::right] for x, y, right, down in ADAM7]
        rows = b"".join(png_rows(one, depth) for one in passes if one.size > 0)
    else:
        rows = png_rows(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + chunks
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def deep(values: npt.NDArray[np.uint8], depth: int) -> Samples:
    """Samples of 8 bits in another depth."""
    levels = 2**depth - 1
    scaled: Samples = np.rint(values / 255 * levels).astype(np.uint16)
    return scaled


def png() -> Iterator[Sample]:
    rgb, mask = np.asarray(picture()), np.asarray(alpha())[:, :, None]
    grey_picture = picture().convert("L")
    grey = np.asarray(grey_picture)[:, :, None]
    kinds: list[tuple[str, int, Samples, tuple[int, ...], Image.Image]] = [
        ("grey", 0, grey, (1, 2, 4, 8, 16), grey_picture),
        ("rgb", 2, rgb, (8, 16), picture()),
        ("grey_alpha", 4, np.dstack([grey, mask]), (8, 16), over_white(grey_picture, alpha())),
        ("rgba", 6, np.dstack([rgb, mask]), (8, 16), over_white(picture(), alpha())),
    ]
    for interlaced in (False, True):
        mark = "_interlaced" if interlaced else ""
        for name, colour_type, samples, depths, shows in kinds:
            for depth in depths:
                content = png_file(deep(samples, depth), depth, colour_type, interlaced)
                yield Sample("PNG", f"{name}{depth}{mark}", content, shows if depth >= 8 else None)
        for depth in (1, 2, 4, 8):
            palette = picture().quantize(2**depth)
            colours = png_chunk(b"PLTE", bytes(palette.getpalette() or []))
            indexes = np.asarray(palette)[:, :, None]
            content = png_file(indexes, depth, 3, interlaced, colours)
            yield Sample("PNG", f"palette{depth}{mark}", content, palette.convert("RGB"))
            colours += png_chunk(b"tRNS", b"\x00\x80")
            content = png_file(indexes, depth, 3, interlaced, colours)
            yield Sample("PNG", f"palette{depth}_transparent{mark}", content)
    for depth in (8, 16):
        samples = deep(rgb, depth)
        key = png_chunk(b"tRNS", struct.pack(">3H", *samples[20, 30].tolist()))
        yield Sample("PNG", f"rgb{depth}_key", png_file(samples, depth, 2, False, key))
        samples = deep(grey, depth)
        key = png_chunk(b"tRNS", struct.pack(">H", int(samples[20, 30, 0])))
        yield Sample("PNG", f"grey{depth}_key", png_file(samples, depth, 0, False, key))
    animation = encoded(picture(), "PNG", save_all=True, append_images=[grey_picture])
    yield Sample("PNG", "animation", animation, picture())
    yield Sample("PNG", "grey_profile", encoded(grey_picture, "PNG", icc_profile=grey_profile(1.8)))
    yield from turned("PNG", "PNG")
    yield from profiled("PNG", "PNG")


def with_alpha() -> Image.Image:
    image = picture().convert("RGBA")
    image.putalpha(alpha())
    return image


def webp() -> Iterator[Sample]:
    yield Sample("WebP", "lossy", encoded(picture(), "WEBP", quality=90), picture())
    yield Sample("WebP", "lossless", encoded(picture(), "WEBP", lossless=True), picture())
    shows = over_white(picture(), alpha())
    yield Sample("WebP", "lossy_alpha", encoded(with_alpha(), "WEBP", quality=90), shows)
    yield Sample("WebP", "lossless_alpha", encoded(with_alpha(), "WEBP", lossless=True), shows)
    frames = [picture().rotate(180)]
    animation = encoded(picture(), "WEBP", save_all=True, append_images=frames, lossless=True)
    yield Sample("WebP", "animation", animation, picture())
    yield from turned("WebP", "WEBP", quality=90)
    yield from profiled("WebP", "WEBP", lossless=True)


def gif() -> Iterator[Sample]:
    for colours in (2, 16, 256):
        image = picture().quantize(colours)
        for interlaced in (0, 1):
            content = encoded(image, "GIF", interlace=interlaced)
            mark = "_interlaced" if interlaced else ""
            yield Sample("GIF", f"colours{colours}{mark}", content, image.convert("RGB"))
    image = picture().quantize(64)
    yield Sample("GIF", "transparent", encoded(image, "GIF", transparency=5))
    frames = [image.transpose(Image.Transpose.ROTATE_180)]
    animation = encoded(image, "GIF", save_all=True, append_images=frames, transparency=9)
    yield Sample("GIF", "animation", animation)


def bmp() -> Iterator[Sample]:
    grey = picture().convert("L")
    palette = picture().quantize(200)
    bilevel = grey.convert("1")
    yield Sample("BMP", "rgb", encoded(picture(), "BMP"), picture())
    yield Sample("BMP", "grey", encoded(grey, "BMP"), grey)
    yield Sample("BMP", "bilevel", encoded(bilevel, "BMP"), bilevel)
    yield Sample("BMP", "palette", encoded(palette, "BMP"), palette.convert("RGB"))
    # Of 16 bits, without and with masks.
    rgb = np.asarray(picture()).astype(np.uint16)
    for name, masks in (("555", (0x7C00, 0x3E0, 0x1F)), ("565", (0xF800, 0x7E0, 0x1F))):
        green_bits = masks[1].bit_count()
        packed = rgb[:, :, 0] >> 3 << (5 + green_bits)
        packed |= rgb[:, :, 1] >> (8 - green_bits) << 5
        packed |= rgb[:, :, 2] >> 3
        rows = np.pad(packed, ((0, 0), (0, WIDTH % 2)))[::-1].astype("<u2").tobytes()
        table = struct.pack("<3I", *masks) if name == "565" else b""
        compression = 3 if table else 0
        header = struct.pack(
            "<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 16, compression, len(rows), 0, 0, 0, 0
        )
        start = 14 + len(header) + len(table)
        file = struct.pack("<2sIII", b"BM", start + len(rows), 0, start) + header + table + rows
        yield Sample("BMP", f"rgb{name}", file, picture())


def tiff_file(samples: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    byteorder = options.pop("byteorder", "<")
    bigtiff = options.pop("bigtiff", False)
    with tifffile.TiffWriter(stream, byteorder=byteorder, bigtiff=bigtiff) as writer:
        writer.write(samples, **options)
    return stream.getvalue()


def tiff() -> Iterator[Sample]:
    grey_picture, rgb = picture().convert("L"), np.asarray(picture())
    grey = np.asarray(grey_picture)
    # Layouts, which Pillow does not write.
    layouts: dict[str, dict[str, Any]] = {
        "strips": {"rowsperstrip": 7},
        "tiles": {"tile": (16, 32)},
        "big_endian": {"byteorder": ">"},
        "bigtiff": {"bigtiff": True},
    }
    for name, layout in layouts.items():
        for compression in (None, "adobe_deflate"):
            mark = "_deflate" if compression else ""
            options = layout | {"compression": compression, "photometric": "rgb"}
            yield Sample("TIFF", f"{name}{mark}", tiff_file(rgb, **options), picture())
            planes = tiff_file(rgb.transpose(2, 0, 1).copy(), planarconfig="separate", **options)
            yield Sample("TIFF", f"{name}_planar{mark}", planes, picture())
    predicted = tiff_file(rgb, photometric="rgb", compression="adobe_deflate", predictor=True)
    yield Sample("TIFF", "predictor", predicted, picture())
    # Kinds of samples.
    kinds: dict[str, tuple[npt.NDArray[Any], str]] = {
        "grey8": (grey, "minisblack"),
        "grey8_inverted": (255 - grey, "miniswhite"),
        "grey16": (deep(grey, 16), "minisblack"),
        "grey_float": ((grey / 255).astype(np.float32), "minisblack"),
        "rgb16": (deep(rgb, 16), "rgb"),
    }
    for name, (samples, photometric) in kinds.items():
        shows = picture() if photometric == "rgb" else grey_picture
        yield Sample("TIFF", name, tiff_file(samples, photometric=photometric), shows)
    rgba = np.asarray(with_alpha())
    content = tiff_file(rgba, photometric="rgb", extrasamples=["unassalpha"])
    yield Sample("TIFF", "rgba", content, over_white(picture(), alpha()))
    # A channel that is no alpha, such as a selection that was saved.
    content = tiff_file(rgba, photometric="rgb", extrasamples=["unspecified"])
    yield Sample("TIFF", "rgb_and_other", content, picture())
    # Without the tag that says what the channel is, it is alpha.
    opaque = rgba[:, :, 3:] > 127
    hole = np.where(opaque, np.dstack([rgb, np.full_like(grey, 255)]), 0).astype(np.uint8)
    tag, private_tag = (struct.pack("<HHI", number, 3, 1) for number in (338, 65000))
    content = tiff_file(hole, photometric="rgb", extrasamples=["unspecified"])
    assert content.count(tag) == 1
    yield Sample("TIFF", "rgb_and_unknown", content.replace(tag, private_tag))
    # Compressions, by libtiff.
    for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"):
        options = {"compression": compression}
        if compression == "jpeg":
            options["quality"] = 92
        yield Sample("TIFF", compression, encoded(picture(), "TIFF", **options), picture())
        yield Sample(
            "TIFF", f"{compression}_grey", encoded(grey_picture, "TIFF", **options), grey_picture
        )
    bilevel = grey_picture.convert("1")
    for compression in ("raw", "group3", "group4", "tiff_lzw", "packbits"):
        content = encoded(bilevel, "TIFF", compression=compression)
        yield Sample("TIFF", f"bilevel_{compression}", content, bilevel)
    palette = picture().quantize(200)
    yield Sample("TIFF", "palette", encoded(palette, "TIFF"), palette.convert("RGB"))
    cmyk = picture().convert("CMYK")
    yield Sample("TIFF", "cmyk", encoded(cmyk, "TIFF"))
    yield Sample("TIFF", "cmyk_profile", encoded(cmyk, "TIFF", icc_profile=cmyk_profile()))
    pages = encoded(picture(), "TIFF", save_all=True, append_images=[grey_picture])
    yield Sample("TIFF", "pages", pages, picture())
    yield Sample(
        "TIFF", "grey_profile", encoded(grey_picture, "TIFF", icc_profile=grey_profile(1.8))
    )
    yield from turned("TIFF", "TIFF")
    yield from profiled("TIFF", "TIFF")


def heif() -> Iterator[Sample]:
    for chroma in (420, 422, 444):
        content = encoded(picture(), "HEIF", quality=90, chroma=chroma)
        yield Sample("HEIF", f"chroma{chroma}", content, picture())
    grey = picture().convert("L")
    yield Sample("HEIF", "grey", encoded(grey, "HEIF", quality=90), grey)
    shows = over_white(picture(), alpha())
    yield Sample("HEIF", "alpha", encoded(with_alpha(), "HEIF", quality=90), shows)
    deep_pixels = deep(np.asarray(picture()), 16).tobytes()
    ten_bits = pillow_heif.from_bytes("RGB;16", (WIDTH, HEIGHT), deep_pixels)
    stream = io.BytesIO()
    ten_bits.save(stream, quality=90)
    yield Sample("HEIF", "ten_bits", stream.getvalue(), picture())
    yield from turned("HEIF", "HEIF", quality=90)
    yield from profiled("HEIF", "HEIF", quality=95, chroma=444)


def avif() -> Iterator[Sample]:
    for subsampling in ("4:2:0", "4:2:2", "4:4:4"):
        content = encoded(picture(), "AVIF", quality=90, subsampling=subsampling)
        yield Sample("AVIF", f"chroma{subsampling.replace(':', '')}", content, picture())
    grey = picture().convert("L")
    yield Sample("AVIF", "grey", encoded(grey, "AVIF", quality=90, subsampling="4:0:0"), grey)
    shows = over_white(picture(), alpha())
    yield Sample("AVIF", "alpha", encoded(with_alpha(), "AVIF", quality=90), shows)
    limited = encoded(picture(), "AVIF", quality=90, range="limited")
    yield Sample("AVIF", "limited_range", limited, picture())
    frames = [picture().rotate(180)]
    sequence = encoded(picture(), "AVIF", save_all=True, append_images=frames, quality=90)
    yield Sample("AVIF", "sequence", sequence, picture())
    yield from turned("AVIF", "AVIF", quality=90)
    yield from profiled("AVIF", "AVIF", quality=95, subsampling="4:4:4")


def jxl() -> Iterator[Sample]:
    grey = picture().convert("L")
    yield Sample("JPEG XL", "lossy", encoded(picture(), "JXL", quality=90), picture())
    yield Sample("JPEG XL", "lossless", encoded(picture(), "JXL", lossless=True), picture())
    container = encoded(picture(), "JXL", lossless=True, use_container=True)
    yield Sample("JPEG XL", "container", container, picture())
    yield Sample("JPEG XL", "grey", encoded(grey, "JXL", lossless=True), grey)
    shows = over_white(picture(), alpha())
    yield Sample("JPEG XL", "alpha", encoded(with_alpha(), "JXL", lossless=True), shows)
    # A JPEG that is packed without loss keeps its orientation and profile, as the codestream's.
    jpegs = [*turned("JPEG XL", "JPEG", quality=92), *profiled("JPEG XL", "JPEG", quality=95)]
    for sample in jpegs:
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            file.write(sample.content)
            file.flush()
            with Image.open(file.name) as image:
                yield sample._replace(content=encoded(image, "JXL", lossless_jpeg=True))


def dng(image: Image.Image, orientation: int, preview: bool) -> bytes:
    """As of a camera whose sensor lies as the image does."""
    light = (np.asarray(image) / 255) ** 2.2
    samples = np.rint(light * 65535).astype(np.uint16)
    mosaic = samples[:, :, 1].copy()
    mosaic[::2, ::2] = samples[::2, ::2, 0]
    mosaic[1::2, 1::2] = samples[1::2, 1::2, 2]
    # Numbers and types of tags: TIFF 6.0 and the DNG specification.
    xyz_to_srgb = (32406, -15372, -4986, -9689, 18758, 415, 557, -2040, 10570)
    camera: list[tuple[Any, ...]] = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # version
        (50708, "s", 0, "Test", True),  # model
        (ORIENTATION_TAG, "H", 1, orientation, True),
        (50721, "2i", 9, tuple(n for value in xyz_to_srgb for n in (value, 10000)), True),
        (50728, "2I", 3, (1,) * 6, True),  # neutral
        (50778, "H", 1, 21, True),  # daylight D65
    ]
    pattern: list[tuple[Any, ...]] = [
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),  # red, green, green, blue
        (50717, "I", 1, 65535, True),  # white
    ]
    color_filter_array = 32803
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        if preview:
            jpeg = encoded(image, "JPEG", quality=92, subsampling="4:2:0")
            writer.write(
                iter([jpeg]),
                shape=(image.height, image.width, 3),
                dtype=np.uint8,
                compression="jpeg",
                photometric="ycbcr",
                subsampling=(2, 2),
                subfiletype=1,
                subifds=1,
                rowsperstrip=image.height,
                extratags=camera,
            )
        tags = pattern if preview else camera + pattern
        writer.write(mosaic, photometric=color_filter_array, subfiletype=0, extratags=tags)
    return stream.getvalue()


def raw() -> Iterator[Sample]:
    # Cameras turn their pictures, and do not mirror them.
    for orientation in (1, 3, 6, 8):
        # The preview has to be large enough for people to look at.
        image = picture().resize((600, 448), Image.Resampling.BICUBIC)
        upright = image
        if orientation > 1:
            image = image.transpose(STORED[orientation])
        yield Sample("raw", f"preview{orientation}", dng(image, orientation, True), upright)
        # LibRaw brightens what it develops.
        yield Sample("raw", f"sensor{orientation}", dng(image, orientation, False))


MAKERS: dict[str, Callable[[], Iterator[Sample]]] = {
    "JPEG": jpeg,
    "PNG": png,
    "WebP": webp,
    "GIF": gif,
    "BMP": bmp,
    "TIFF": tiff,
    "HEIF": heif,
    "AVIF": avif,
    "JPEG XL": jxl,
    "raw": raw,
}
