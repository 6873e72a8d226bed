"""ImageNet's 1,000 classes: names and WordNet glosses, in the order of the models' outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Pairs of classes share their first name; WordNet's glosses tell them apart.
_DISTINCT = {
    "n02012849": "crane (bird)",
    "n03126707": "crane (machine)",
    "n03710637": "maillot (one-piece)",
    "n03710721": "maillot (tank suit)",
}


@dataclass(frozen=True)
class ImageNetClass:
    synset: str  # WordNet id, such as "n02123045"
    names: tuple[str, ...]  # lemmas, the most common first
    gloss: str


def read_classes(folder: Path) -> list[ImageNetClass]:
    """The classes from timm's tables in `folder`."""

    def table(name: str) -> dict[str, str]:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        return dict(line.split("\t", 1) for line in lines if "\t" in line)

    lemmas = table("imagenet_synset_to_lemma.txt")
    glosses = table("imagenet_synset_to_definition.txt")
    synsets = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    return [
        ImageNetClass(s, tuple(name.strip() for name in lemmas[s].split(",")), glosses[s]) for s in synsets
    ]


def labels(classes: list[ImageNetClass]) -> list[str]:
    """One distinct label for each class: its first name, or what sets it apart from its namesake."""
    names = [_DISTINCT.get(c.synset, c.names[0]) for c in classes]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"labels are not distinct: {twice}")
    return names
