"""How far the program and the reference agree on a file."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import reference
from PIL import Image
from program import BINARY

DECODE_IMAGE = Path(os.environ.get("DECODE_IMAGE", BINARY.parent / "tests/decode_image"))

# The largest difference of the means of 8 × 8 pixels at which colours are called right. Decoders
# may differ in single pixels at edges, where they interpolate colour; not in whole blocks. Lossless
# formats leave only the rounding of profiles and of 16 bits.
BLOCK = 8
LOSSLESS = 3.0
LOSSY = 8.0
TOLERANCES = {
    "PNG": LOSSLESS,
    "GIF": LOSSLESS,
    "BMP": LOSSLESS,
    "TIFF": LOSSLESS,
    # The preview is a JPEG; without one, developments differ as photographers do.
    "raw": 2 * LOSSY,
}


class ProgramError(Exception):
    """The program cannot decode the file, and why."""


@dataclass
class Picture:
    pixels: reference.Pixels
    warning: str


class Program:
    """Decodes many files in one process, and starts another one where it crashes."""

    def __init__(self, path: Path = DECODE_IMAGE) -> None:
        self.path = path
        self.process: subprocess.Popen[bytes] | None = None

    def decode(self, file: Path) -> Picture:
        """Raises ProgramError."""
        if self.process is None:
            self.process = subprocess.Popen(
                [self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(os.fsencode(file) + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.close()
            raise ProgramError(f"the decoder crashed (exit status {code})")
        answer = json.loads(line)
        if "error" in answer:
            raise ProgramError(answer["error"])
        shape = (answer["height"], answer["width"], 3)
        pixels = np.frombuffer(self.process.stdout.read(int(np.prod(shape))), np.uint8)
        return Picture(pixels.reshape(shape), answer["warning"])

    def close(self) -> None:
        if self.process is not None:
            assert self.process.stdin
            assert self.process.stdout
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass
class Agreement:
    file: str
    format: str
    program: str = ""  # its warning, or its error if `program_decodes` is false
    reference: str = ""  # its error
    program_decodes: bool = True
    reference_decodes: bool = True
    # Of those that both decode, in levels of 0 to 255.
    mean: float = 0
    largest: int = 0
    largest_of_blocks: float = 0
    size_right: bool = True
    orientation_right: bool = True
    colours_right: bool = True

    @property
    def both(self) -> bool:
        return self.program_decodes and self.reference_decodes

    @property
    def agrees(self) -> bool:
        if not self.both:
            return self.program_decodes == self.reference_decodes
        return self.size_right and self.orientation_right and self.colours_right

    def difference(self) -> str:
        """In words; empty if they agree."""
        if self.agrees:
            return ""
        if not self.program_decodes:
            return f"only Pillow decodes it: {self.program}"
        if not self.reference_decodes:
            said = f"; the program warns: {self.program}" if self.program else ""
            return f"only the program decodes it; Pillow: {self.reference}{said}"
        wrong = [
            name
            for name, right in (
                ("size", self.size_right),
                ("orientation", self.orientation_right),
                ("colours", self.colours_right),
            )
            if not right
        ]
        said = f"; the program warns: {self.program}" if self.program else ""
        return (
            f"{' and '.join(wrong)} differ: mean {self.mean:.1f}, of blocks at most "
            f"{self.largest_of_blocks:.0f}, of pixels {self.largest}{said}"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"agrees": self.agrees, "difference": self.difference()}


def absolute_difference(a: reference.Pixels, b: reference.Pixels) -> npt.NDArray[np.int16]:
    return np.abs(a.astype(np.int16) - b.astype(np.int16))


def block_means(pixels: reference.Pixels) -> npt.NDArray[np.float64]:
    """Of each channel; blocks at the right and at the bottom may be smaller."""
    height, width, _ = pixels.shape
    rows, columns = np.arange(0, height, BLOCK), np.arange(0, width, BLOCK)
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, 0, np.float64), columns, 1)
    heights = np.minimum(BLOCK, height - rows)[:, None, None]
    widths = np.minimum(BLOCK, width - columns)[None, :, None]
    return np.asarray(sums / (heights * widths))


def orientations(pixels: reference.Pixels) -> list[reference.Pixels]:
    """All eight, the given one first."""
    turned = [pixels, pixels[::-1], pixels[:, ::-1], pixels[::-1, ::-1]]
    return turned + [one.transpose(1, 0, 2) for one in turned]


def likeness(a: reference.Pixels, b: reference.Pixels) -> float:
    """The correlation of their brightness, which hardly depends on how right the colours are."""
    if a.shape != b.shape:
        return -1
    x, y = a.mean(axis=2), b.mean(axis=2)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / scale if scale > 0 else 1


def orientation_is_right(program: reference.Pixels, expected: reference.Pixels) -> bool:
    """Whether no other orientation of the program's picture is more like the reference."""
    like = likeness(program, expected)
    # Pictures may be symmetric but for noise.
    close = 0.02
    if like >= 1 - close:
        return True
    return like >= max(likeness(turned, expected) for turned in orientations(program)) - close


def compare_pixels(
    agreement: Agreement, program: reference.Pixels, expected: reference.Pixels
) -> None:
    height, width, _ = expected.shape
    if program.shape == (width, height, 3) and width != height:
        agreement.orientation_right = orientation_is_right(program, expected)
        agreement.size_right = agreement.orientation_right
        if not agreement.orientation_right:
            program = max(orientations(program), key=lambda one: likeness(one, expected))
    elif program.shape != expected.shape:
        # Another page, or another of several previews: colours can still be compared.
        agreement.size_right = False
        size = (program.shape[1], program.shape[0])
        expected = np.asarray(Image.fromarray(expected).resize(size, Image.Resampling.BOX))
        agreement.orientation_right = orientation_is_right(program, expected)
    elif program.size > 0:
        agreement.orientation_right = orientation_is_right(program, expected)
    differences = absolute_difference(program, expected)
    agreement.mean = float(differences.mean())
    agreement.largest = int(differences.max())
    blocks = np.abs(block_means(program) - block_means(expected))
    agreement.largest_of_blocks = float(blocks.max())
    if agreement.orientation_right:
        tolerance = TOLERANCES.get(agreement.format, LOSSY)
        agreement.colours_right = agreement.largest_of_blocks <= tolerance


def compare(file: Path, name: str, program: Program) -> Agreement:
    agreement = Agreement(name, reference.format_of(file))
    picture = expected = None
    try:
        picture = program.decode(file)
        agreement.program = picture.warning
    except ProgramError as error:
        agreement.program_decodes, agreement.program = False, str(error)
    try:
        expected = reference.decode(file)
    except reference.NotDecoded as error:
        agreement.reference_decodes, agreement.reference = False, str(error)
    if picture is not None and expected is not None:
        compare_pixels(agreement, picture.pixels, expected)
    return agreement
