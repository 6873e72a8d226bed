"""Names and glosses of ImageNet's 1,000 classes, from the tables in the `timm` wheel (WordNet)."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model_export import ExportError

_TABLES = "timm/data/_info/imagenet_"
# Two classes that WordNet gives one and the same only name.
_HINTS = {"n02012849": "crane (bird)", "n03126707": "crane (machine)"}


@dataclass(frozen=True)
class ImageNetClass:
    """A class: WordNet's id, its names (best known first) and its definition."""

    synset: str
    names: tuple[str, ...]
    gloss: str


def read_classes(timm_wheel: Path) -> list[ImageNetClass]:
    """The classes in the order of the classifiers' outputs.

    Raises `ExportError` when the wheel has not exactly 1,000 of them.
    """
    with zipfile.ZipFile(timm_wheel) as wheel:

        def lines(name: str) -> list[str]:
            return wheel.read(f"{_TABLES}{name}.txt").decode("utf-8").splitlines()

        names = dict(line.split("\t", 1) for line in lines("synset_to_lemma"))
        glosses = dict(line.split("\t", 1) for line in lines("synset_to_definition"))
        classes = [
            ImageNetClass(
                synset, tuple(name.strip() for name in names[synset].split(",")), glosses[synset]
            )
            for synset in lines("synsets")
        ]
    if len(classes) != 1000:
        raise ExportError(f"{timm_wheel.name} lists {len(classes)} classes instead of 1000")
    return classes


def labels(classes: list[ImageNetClass]) -> list[str]:
    """One label for each class, no two alike even where upper and lower case are not told apart.

    The first name; of classes that share it, the next name of those that have one.
    """
    result = [_HINTS.get(entry.synset, entry.names[0]) for entry in classes]
    count = Counter(label.casefold() for label in result)
    for i, entry in enumerate(classes):
        if count[result[i].casefold()] > 1 and len(entry.names) > 1:
            result[i] = entry.names[1]
    return result
