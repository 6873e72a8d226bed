"""What an image looks like by Pillow and its plugins: the reference of the comparison."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
import rawpy
from PIL import Image, ImageCms, ImageOps
from PIL.TiffImagePlugin import TiffImageFile
from pillow_jxl.JpegXLImagePlugin import JXLImageFile  # registers itself with Pillow

Pixels = npt.NDArray[np.uint8]  # [height, width, 3], upright sRGB

RAW_ENDINGS = {".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"}
# Numbers of tags in Exif and TIFF, and a value.
ORIENTATION, BITS_PER_SAMPLE, SAMPLE_FORMAT = 0x0112, 258, 339
UNSIGNED = 1
# Of the modes that Pillow has, those that a profile of a colour space describes.
MODES_OF_SPACES = {"RGB": ("RGB",), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab": ("LAB",)}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
SMALLEST_PREVIEW = 400  # pixels of its shorter side, as in the program
# LibRaw's flips, as Pillow's transpositions.
FLIPS = {
    3: Image.Transpose.ROTATE_180,
    5: Image.Transpose.ROTATE_90,
    6: Image.Transpose.ROTATE_270,
}

pillow_heif.register_heif_opener()
# Pillow refuses what has more than twice this, such as files that claim to be huge.
Image.MAX_IMAGE_PIXELS = 60_000_000


class NotDecoded(Exception):
    """Pillow cannot decode the file, and why."""


def format_of(file: Path) -> str:
    """By content; raw files, most of which are TIFF files, by name."""
    with file.open("rb") as stream:
        head = stream.read(32)
    if file.suffix.lower() in RAW_ENDINGS:
        return "raw"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head.startswith(b"BM"):
        return "BMP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JPEG XL"
    if head[4:8] == b"ftyp":
        return "AVIF" if b"avi" in head[8:32] else "HEIF"
    return "other"


def white_of(image: Image.Image, values: npt.NDArray[Any]) -> float:
    if np.issubdtype(values.dtype, np.floating):
        # By custom, 1 is white; where values go beyond, the file has those of integers.
        highest = float(np.nan_to_num(values).max(initial=0))
        return next((white for white in (1.0, 255.0, 65535.0) if highest <= white), highest)
    if isinstance(image, TiffImageFile):
        return float(2 ** image.tag_v2.get(BITS_PER_SAMPLE, (16,))[0] - 1)
    return 65535


def without_deep_samples(image: Image.Image) -> Image.Image:
    """Samples of more than 8 bits, or floating point, as 8 bits of grey."""
    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if image.mode == "I" and isinstance(image, TiffImageFile):
        signed = image.tag_v2.get(SAMPLE_FORMAT, (UNSIGNED,))[0] != UNSIGNED
        values = values if signed else values.view(np.uint32)
    scaled = np.nan_to_num(values.astype(np.float64)) / white_of(image, values)
    grey = Image.fromarray(np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(values != image.info["transparency"]).convert("L"))
    grey.getexif().update({ORIENTATION: image.getexif().get(ORIENTATION, 1)})
    return grey


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    if image.mode in ("RGBa", "La"):
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode in ("P", "PA") or (
        image.mode in ("1", "L", "RGB") and image.has_transparency_data
    ):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in ("RGBA", "LA"):
        colours = image.convert(image.mode[:-1])
        colours.info.pop("transparency", None)
        return colours, image.getchannel("A")
    return image, None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A profile that does not fit the image's kind of colours is passed over, as browsers do."""
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("YCbCr", "RGBX", "HSV"):
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            if image.mode in MODES_OF_SPACES.get(space, ()):
                converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
                assert converted is not None
                return converted
        except (OSError, ImageCms.PyCMSError):
            pass
    if image.mode == "LAB":
        converted = ImageCms.profileToProfile(image, LAB, SRGB, outputMode="RGB")
        assert converted is not None
        return converted
    return image.convert("RGB")


def upright_pixels(image: Image.Image) -> Pixels:
    image.load()
    profile = image.info.get("icc_profile")
    # A JPEG XL is turned by its codestream, whatever its Exif says.
    turned = isinstance(image, JXLImageFile) and not image.jpeg
    shallow = without_deep_samples(image)
    colours, alpha = split_alpha(shallow if turned else ImageOps.exif_transpose(shallow))
    picture = to_srgb(colours, profile)
    if alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=alpha)
        picture = white
    return np.asarray(picture)


def preview_of(raw: rawpy.RawPy) -> Image.Image | None:
    """The JPEG that the camera stored for people to look at, not for its own screen."""
    try:
        preview = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if preview.format is not rawpy.ThumbFormat.JPEG:
        return None
    image: Image.Image = Image.open(io.BytesIO(bytes(preview.data)))
    if min(image.size) < SMALLEST_PREVIEW:
        return None
    flip = FLIPS.get(raw.sizes.flip)
    # Most cameras leave it to the raw file to say how the preview is turned.
    if flip is not None and image.getexif().get(ORIENTATION, 1) == 1:
        image = image.transpose(flip)
    return image


def raw_pixels(file: Path) -> Pixels:
    """The preview, or else a development at half the size."""
    with rawpy.imread(str(file)) as raw:
        preview = preview_of(raw)
        if preview is not None:
            return upright_pixels(preview)
        return np.asarray(raw.postprocess(half_size=True, use_camera_wb=True))


def decode(file: Path) -> Pixels:
    """The first frame. Raises NotDecoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if file.suffix.lower() in RAW_ENDINGS:
                return raw_pixels(file)
            with Image.open(file) as image:
                return upright_pixels(image)
    except Exception as error:  # the plugins raise of everything
        message = str(error).splitlines()[0] if str(error) else ""
        raise NotDecoded(f"{type(error).__name__}: {message}") from error
