"""The program and Pillow see the same in small images of every format and variant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import reference
from agreement import DECODE_IMAGE, Agreement, Program, compare, compare_pixels
from conformance import Collection, report
from PIL import Image
from sample_images import MAKERS, Sample, picture

# What the program decodes.
SUPPORTED = {"JPEG", "PNG", "GIF", "WebP", "BMP", "HEIF", "AVIF", "TIFF", "JPEG XL", "raw"}
# The mean difference of a picture from the one that was encoded; lossy codecs change it most.
ENCODED = 3.0


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    if not DECODE_IMAGE.is_file():
        pytest.skip(f"{DECODE_IMAGE} is not built (cmake --build build/release -t decode_image)")
    with Program() as running:
        yield running


def written(sample: Sample, folder: Path) -> Path:
    # The program knows formats by content; for the reference, raw files are those with such names.
    file = folder / f"{sample.name}.{'dng' if sample.format == 'raw' else 'image'}"
    file.write_bytes(sample.content)
    return file


@pytest.mark.parametrize("format", MAKERS)
def test_program_agrees_with_pillow(format: str, program: Program, tmp_path: Path) -> None:
    if format not in SUPPORTED:
        pytest.skip(f"the program does not decode {format} yet")
    agreements = [
        compare(written(sample, tmp_path), sample.name, program) for sample in MAKERS[format]()
    ]
    assert {one.format for one in agreements} == {format}
    assert [f"{one.file}: {one.difference()}" for one in agreements if not one.agrees] == []
    assert [f"{one.file}: {one.program}" for one in agreements if one.program] == []  # warnings
    assert all(one.both for one in agreements)


@pytest.mark.parametrize("format", MAKERS)
def test_reference_shows_what_was_encoded(format: str, tmp_path: Path) -> None:
    """Otherwise agreement would say nothing."""
    wrong = {}
    for sample in MAKERS[format]():
        if sample.shows is None:
            continue
        pixels = reference.decode(written(sample, tmp_path))
        expected = np.asarray(sample.shows.convert("RGB"))
        difference = float(np.abs(pixels.astype(float) - expected).mean())
        if pixels.shape != expected.shape or difference > ENCODED:
            wrong[sample.name] = difference
    assert wrong == {}


def compared(program: Image.Image, expected: Image.Image) -> Agreement:
    agreement = Agreement("file", "PNG")
    compare_pixels(agreement, np.asarray(program), np.asarray(expected))
    return agreement


def test_the_same_picture_agrees() -> None:
    agreement = compared(picture(), picture())
    assert agreement.agrees
    assert (agreement.mean, agreement.largest) == (0, 0)


@pytest.mark.parametrize("transposition", Image.Transpose)
def test_a_wrong_orientation_is_found(transposition: Image.Transpose) -> None:
    agreement = compared(picture().transpose(transposition), picture())
    assert not agreement.orientation_right
    assert agreement.colours_right


def test_wrong_colours_are_found() -> None:
    brighter = picture().point(lambda value: round(255 * (value / 255) ** 0.8))
    agreement = compared(brighter, picture())
    assert not agreement.colours_right
    assert agreement.orientation_right
    assert agreement.difference().startswith("colours differ: mean ")


def test_a_wrong_part_is_found() -> None:
    """One that changes the mean by less than a lossy codec does."""
    image = picture()
    image.paste("red", (10, 10, 18, 18))
    agreement = compared(image, picture())
    assert agreement.mean < ENCODED
    assert not agreement.colours_right


def test_another_size_is_found() -> None:
    agreement = compared(picture().resize((36, 27)), picture())
    assert not agreement.size_right
    assert agreement.orientation_right


def test_report_counts_what_one_side_decodes() -> None:
    collection = Collection(
        "some",
        [
            Agreement("a.png", "PNG", mean=1, largest=3),
            Agreement("b.png", "PNG", program="no", program_decodes=False),
            Agreement("c.png", "PNG", reference="no", reference_decodes=False),
            Agreement("d.png", "PNG", program_decodes=False, reference_decodes=False),
        ],
    )
    lines = list(report([collection], markdown=True))
    assert lines[2] == "| some | PNG | 4 | 1 | 1 | 1 | 1 | 1.00 | 3 | 1 | 1 | 1 | 2 |"
    assert "- `b.png`: only Pillow decodes it: no" in lines
    assert "- `c.png`: only the program decodes it; Pillow: no" in lines


def test_a_decoder_that_crashes_is_reported_and_replaced(tmp_path: Path) -> None:
    fake = tmp_path / "decode_image"
    fake.write_text("#!/bin/sh\nread -r path\nkill -SEGV $$\n")
    fake.chmod(0o755)
    file = tmp_path / "file.png"
    picture().save(file)
    with Program(fake) as running:
        for _ in range(2):
            assert "only Pillow decodes it: the decoder crashed" in (
                compare(file, file.name, running).difference()
            )
