"""ImageNet's 1,000 classes: names and WordNet glosses, in the order of the models' outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Classes whose first name is not unique, ignoring case.
_DISTINCT = {
    "n02012849": "crane (bird)",
    "n03126707": "crane (machine)",
    "n02113186": "Cardigan Welsh corgi",
    "n03710637": "maillot (tights)",
    "n03710721": "tank suit",
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
        ImageNetClass(s, tuple(name.strip() for name in lemmas[s].split(",")), glosses[s])
        for s in synsets
    ]


def labels(classes: list[ImageNetClass]) -> list[str]:
    """One distinct label for each class: its first name, or a more specific one."""
    names = [_DISTINCT.get(c.synset, c.names[0]) for c in classes]
    twice = [name for name, count in Counter(map(str.casefold, names)).items() if count > 1]
    if twice:
        raise ValueError(f"labels are not distinct: {twice}")
    return names


def distinct(names: list[str]) -> list[str]:
    """The names, with a number after repeated ones, such as "crane (2)"; ignores case.

    Raises ValueError for an empty name.
    """
    result: list[str] = []
    seen: set[str] = set()
    for line, name in enumerate(names, start=1):
        if not name.strip():
            raise ValueError(f"line {line} of the labels is empty")
        candidate, number = name.strip(), 2
        while candidate.casefold() in seen:
            candidate, number = f"{name.strip()} ({number})", number + 1
        seen.add(candidate.casefold())
        result.append(candidate)
    return result
