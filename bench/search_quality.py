"""Precision at 10 of `classifier search` on photos in a folder for each label.

Usage: bench/search_quality.py FOLDER (which has a folder of photos for each label, at any depth)

Each label is asked for as it is. Things that are in no photo are asked for as well: how much the
best photo fits them shows where a threshold could be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLASSIFIER = Path(os.environ.get("CLASSIFIER_BIN", ROOT / "build/release/classifier"))
ABSENT = ["airplane", "pizza", "guitar", "a traffic light", "submarine", "microscope", "castle"]


def search(text: str, folder: Path, limit: int) -> list[tuple[str, float]]:
    done = subprocess.run(
        [
            *(CLASSIFIER, "search", text, "--within", folder),
            *("--limit", str(limit), "--format", "json"),
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    results = json.loads(done.stdout)["results"]
    return [(Path(result["key"]).parent.name, result["score"]) for result in results]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    labels = sorted({path.parent.name for path in folder.rglob("*.jpg")})
    print("| asked for | of the best 10 right | best | 10th | best wrong |")
    print("| --- | --- | --- | --- | --- |")
    for label in labels:
        results = search(label, folder, 1_000)
        right = sum(found == label for found, _ in results[:10])
        wrong = max(score for found, score in results if found != label)
        print(f"| {label} | {right} | {results[0][1]:.3f} | {results[9][1]:.3f} | {wrong:.3f} |")
    for text in ABSENT:
        print(f"| {text} (in no photo) | | {search(text, folder, 1)[0][1]:.3f} | | |")


if __name__ == "__main__":
    main()
