#!/usr/bin/env python3
"""Decodes folders of images with the program and with Pillow, and reports by format how far they
agree. docs/conformance.md says what is compared, and has the figures of public collections."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from agreement import DECODE_IMAGE, Agreement, Program, compare
from reference import RAW_ENDINGS, format_of

HEADINGS = (
    "format", "files", "both", "program only", "Pillow only", "neither",
    "mean", "max", "size", "orientation", "colours", "agree",
)  # fmt: skip
EXPLANATION = """\
both, program only, Pillow only, neither: files that these decode. mean: of the absolute difference
of all pixels; max: the largest one of any pixel; both in levels of 0 to 255. size, orientation,
colours: files, of those that both decode, that have them right. agree: files that both decode, with
all three right, or that neither does."""

# Damaged files may claim any size, and not all plugins check it.
MEMORY = 6 << 30


@dataclass
class Collection:
    name: str
    agreements: list[Agreement] = field(default_factory=list)

    def of_format(self, name: str) -> Collection:
        return Collection(name, [one for one in self.agreements if one.format == name])

    def formats(self) -> list[str]:
        return sorted({one.format for one in self.agreements})

    def row(self) -> list[str]:
        both = [one for one in self.agreements if one.both]
        mean = f"{sum(one.mean for one in both) / len(both):.2f}" if both else "–"
        largest = str(max(one.largest for one in both)) if both else "–"
        counts = (
            len(self.agreements),
            len(both),
            sum(one.program_decodes and not one.reference_decodes for one in self.agreements),
            sum(one.reference_decodes and not one.program_decodes for one in self.agreements),
            sum(not (one.program_decodes or one.reference_decodes) for one in self.agreements),
        )
        right = (
            sum(one.size_right for one in both),
            sum(one.orientation_right for one in both),
            sum(one.colours_right for one in both),
            sum(one.agrees for one in self.agreements),
        )
        return [self.name, *map(str, counts), mean, largest, *map(str, right)]

    def rows(self) -> list[list[str]]:
        return [self.of_format(name).row() for name in self.formats()]


def images_in(folder: Path) -> Iterator[Path]:
    """Files that are images by content or, for raw ones, by name."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (file.suffix.lower() in RAW_ENDINGS or format_of(file) != "other"):
            yield file


def measure(folder: Path, program: Program) -> Collection:
    return Collection(
        folder.name,
        [compare(file, str(file.relative_to(folder)), program) for file in images_in(folder)],
    )


def terminal_table(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells])


def markdown_table(rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(rows[0])} |"
    yield f"| --- |{' ---: |' * (len(rows[0]) - 1)}"
    for row in rows[1:]:
        yield f"| {' | '.join(row)} |"


def report(collections: list[Collection], markdown: bool) -> Iterator[str]:
    rows = [["collection", *HEADINGS]]
    for collection in collections:
        rows += [[collection.name, *row] for row in collection.rows()]
    yield from (markdown_table if markdown else terminal_table)(rows)
    for collection in collections:
        different = [one for one in collection.agreements if not one.agrees]
        if different:
            yield f"\n{collection.name}: {len(different)} files differ\n"
        for one in different:
            name = f"`{one.file}`" if markdown else one.file
            yield f"- {name}: {one.difference()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXPLANATION)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to FILE")
    parser.add_argument(
        "--program",
        type=Path,
        default=DECODE_IMAGE,
        metavar="FILE",
        help="decode_image of a build (default: %(default)s)",
    )
    arguments = parser.parse_args()
    for folder in arguments.folders:
        if not folder.is_dir():
            parser.error(f"there is no folder {folder}")
    if not arguments.program.is_file():
        parser.error(
            f"{arguments.program} is not built: "
            "cmake --preset release && cmake --build build/release --target decode_image"
        )
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with Program(arguments.program.resolve()) as program:
        collections = [measure(folder, program) for folder in arguments.folders]
    if arguments.json:
        content = {one.name: [file.to_json() for file in one.agreements] for one in collections}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")
    for line in report(collections, arguments.markdown):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
