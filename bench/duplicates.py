"""Recall and precision of `classifier duplicates` on photos of which some were changed.

Usage: bench/duplicates.py FOLDER_OF_PHOTOS... (real photos, none of them twice)

Of each photo two changed copies are made, of: resized, recompressed, turned by 1 degree, cropped
by 5 %. Of each fourth photo a mirrored one is added, which looks alike and is no duplicate. A pair
counts as found if both photos are in one group.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
CLASSIFIER = Path(os.environ.get("CLASSIFIER_BIN", ROOT / "build/release/classifier"))


def cropped(image: Image.Image) -> Image.Image:
    """Without 2.5 % at each edge."""
    width, height = image.size
    return image.crop(
        (
            round(width * 0.025),
            round(height * 0.025),
            round(width * 0.975),
            round(height * 0.975),
        )
    )


CHANGES: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "resized": (lambda image: image.resize((image.width // 2 + 1, image.height // 2 + 1)), 90),
    "recompressed": (lambda image: image, 40),
    "turned": (lambda image: image.rotate(1, resample=Image.Resampling.BICUBIC), 90),
    "cropped": (cropped, 90),
}


def make(photos: list[Path], folder: Path) -> dict[str, tuple[int, str]]:
    """Writes the photos and their copies; returns the number and the change of each file."""
    chosen = random.Random(1)
    files: dict[str, tuple[int, str]] = {}
    for number, photo in enumerate(photos):
        with Image.open(photo) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")

        def add(change: str, picture: Image.Image, quality: int, number: int = number) -> None:
            path = folder / f"{number:04}-{change}.jpg"
            picture.save(path, quality=quality)
            files[str(path)] = (number, change)

        add("original", image, 95)
        for change in chosen.sample(sorted(CHANGES), 2):
            alter, quality = CHANGES[change]
            add(change, alter(image), quality)
        if number % 4 == 0:
            add("mirrored", ImageOps.mirror(image), 95)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--min-similarity", default="0.95")
    options = parser.parse_args()
    photos = sorted(p for folder in options.folders for p in folder.rglob("*.jpg"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "photos"
        folder.mkdir()
        files = make(photos, folder)
        start = time.monotonic()
        done = subprocess.run(
            [
                *(CLASSIFIER, "duplicates", "--within", folder, "--format", "json"),
                *("--min-similarity", options.min_similarity),
            ],
            env={**os.environ, "XDG_CACHE_HOME": temporary},
            stdout=subprocess.PIPE,
            check=True,
        )
        seconds = time.monotonic() - start
        groups = [[i["key"] for i in g["images"]] for g in json.loads(done.stdout)["groups"]]
    of_photo: dict[int, list[str]] = defaultdict(list)
    for path, (number, change) in files.items():
        if change != "mirrored":
            of_photo[number].append(path)
    wanted = {p for same in of_photo.values() for p in itertools.combinations(sorted(same), 2)}
    found = {p for group in groups for p in itertools.combinations(sorted(group), 2)}
    kept = sum(files[group[0]][1] == "original" for group in groups)
    missed: Counter[str] = Counter()
    for pair in wanted - found:
        missed.update(change for path in pair if (change := files[path][1]) != "original")
    print(f"{len(files)} files of {len(photos)} photos, {seconds:.1f} s")
    print(
        f"recall    {len(wanted & found) / len(wanted):.4f} of {len(wanted)} pairs; "
        f"missed {dict(missed)}"
    )
    print(f"precision {len(wanted & found) / max(len(found), 1):.4f} of {len(found)} pairs")
    for pair in sorted(found - wanted)[:10]:
        print("  no duplicates:", *(Path(path).name for path in pair))
    print(f"the original is kept in {kept} of {len(groups)} groups")


if __name__ == "__main__":
    main()
