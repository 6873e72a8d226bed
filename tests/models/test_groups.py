"""Groups of ImageNet's labels: each label in one of them, where people look for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from export import __main__ as command
from export import folders, groups, imagenet

Classes = list[imagenet.ImageNetClass]


@pytest.fixture(scope="module")
def classes(package: Callable[[str], Path]) -> Classes:
    return imagenet.read_classes(package("timm") / "timm/data/_info")


@pytest.fixture(scope="module")
def wordnet() -> Path:
    if not groups.WORDNET.is_file():
        pytest.skip("wordnet-base is not installed")
    return groups.WORDNET


@pytest.fixture(scope="module")
def grouped(classes: Classes, wordnet: Path) -> dict[str, list[str]]:
    return groups.of_classes(classes, wordnet)


def group_of(grouped: dict[str, list[str]], label: str) -> str:
    return next(name for name, labels in grouped.items() if label in labels)


def model_folder(folder: Path, labels: list[str]) -> Path:
    def fill(work: Path) -> None:
        (work / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")

    folders.write(folder, {"kind": "classifier", "labels": "labels.txt"}, fill)
    return folder


def test_every_label_is_in_exactly_one_group(
    classes: Classes, grouped: dict[str, list[str]]
) -> None:
    assert sorted(label for labels in grouped.values() for label in labels) == sorted(
        imagenet.labels(classes)
    )


def test_groups_are_few_of_a_handy_size_with_names_that_people_use(
    grouped: dict[str, list[str]],
) -> None:
    assert 25 <= len(grouped) <= 45
    sizes = {name: len(labels) for name, labels in grouped.items()}
    assert sizes.pop("person") == 3, "ImageNet has no more of them"
    assert all(5 <= size <= 120 for size in sizes.values()), sizes
    assert not grouped.keys() & {"entity", "artifact", "whole", "instrumentality", "device"}
    assert all(re.fullmatch(r"[a-z]+(,? [a-z]+)*", name) for name in grouped)


@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("Chihuahua", "dog"),
        ("Cardigan Welsh corgi", "dog"),
        ("cardigan", "clothing"),
        ("crane (bird)", "bird"),
        ("crane (machine)", "tool and machine"),
        ("maillot (tights)", "clothing"),
        ("tank suit", "clothing"),
        ("tank", "vehicle"),
        ("sunglass", "clothing"),
        ("sunglasses", "clothing"),
        ("tabby", "cat"),
        ("lion", "cat"),
        ("sea lion", "other mammal"),
        ("Madagascar cat", "monkey and ape"),
        ("spider monkey", "monkey and ape"),
        ("hyena", "wolf and fox"),
        ("kite", "bird"),
        ("drake", "bird"),
        ("cock", "bird"),
        ("anemone fish", "fish"),
        ("sea anemone", "crab, snail and jellyfish"),
        ("walking stick", "insect and spider"),
        ("monarch", "insect and spider"),
        ("tick", "insect and spider"),
        ("centipede", "insect and spider"),
        ("spider web", "insect and spider"),
        ("boa constrictor", "reptile"),
        ("feather boa", "clothing"),
        ("amphibian", "vehicle"),
        ("eft", "frog and salamander"),
        ("mushroom", "fruit and vegetable"),
        ("agaric", "plant and mushroom"),
        ("orange", "fruit and vegetable"),
        ("hip", "plant and mushroom"),
        ("banana", "fruit and vegetable"),
        ("plate", "food and drink"),
        ("hot pot", "food and drink"),
        ("cup", "food and drink"),
        ("pot", "bottle, box and bag"),
        ("Crock Pot", "kitchenware"),
        ("teapot", "kitchenware"),
        ("menu", "paper, pen and sign"),
        ("web site", "paper, pen and sign"),
        ("mouse", "electronics"),
        ("notebook", "electronics"),
        ("monitor", "electronics"),
        ("Komodo dragon", "reptile"),
        ("screen", "electronics"),
        ("window screen", "building"),
        ("file", "furniture"),
        ("plane", "tool and machine"),
        ("airliner", "aircraft"),
        ("pirate", "boat and ship"),
        ("gondola", "boat and ship"),
        ("submarine", "boat and ship"),
        ("cab", "vehicle"),
        ("bullet train", "vehicle"),
        ("pickup", "vehicle"),
        ("mountain bike", "vehicle"),
        ("upright", "musical instrument"),
        ("organ", "musical instrument"),
        ("drumstick", "musical instrument"),
        ("bow", "weapon and armour"),
        ("bow tie", "clothing"),
        ("brass", "bridge, fence and monument"),
        ("viaduct", "bridge, fence and monument"),
        ("church", "building"),
        ("shoe shop", "shop"),
        ("running shoe", "clothing"),
        ("crash helmet", "clothing"),
        ("studio couch", "furniture"),
        ("table lamp", "lamp and candle"),
        ("toaster", "household appliance"),
        ("iron", "household appliance"),
        ("horizontal bar", "sport, toy and game"),
        ("teddy", "sport, toy and game"),
        ("slot", "sport, toy and game"),
        ("wall clock", "clock and measuring instrument"),
        ("lipstick", "health and beauty"),
        ("prayer rug", "cloth, curtain and bedding"),
        ("ballplayer", "person"),
        ("groom", "person"),
        ("volcano", "landscape"),
        ("bubble", "sport, toy and game"),
    ],
)
def test_labels_are_where_people_look_for_them(
    grouped: dict[str, list[str]], label: str, group: str
) -> None:
    assert group_of(grouped, label) == group


def test_groups_are_added_once_with_a_checksum(
    tmp_path: Path, classes: Classes, wordnet: Path, grouped: dict[str, list[str]]
) -> None:
    folder = model_folder(tmp_path / "model", imagenet.labels(classes))
    assert groups.add(folder, lambda: classes, wordnet)
    assert folders.is_current(folder)
    document = json.loads((folder / "model.json").read_text("utf-8"))
    assert document["groups"] == "groups.json"
    assert document["sha256"]["groups.json"] == folders.sha256(folder / "groups.json")
    assert groups.read(folder / "groups.json", imagenet.labels(classes)) == grouped

    def never() -> Classes:
        raise AssertionError("the package is not needed again")

    assert not groups.add(folder, never, wordnet)


def test_other_labels_get_no_groups(tmp_path: Path, classes: Classes, wordnet: Path) -> None:
    assert not groups.add(model_folder(tmp_path / "two", ["cat", "dog"]), lambda: classes, wordnet)
    others = [f"thing {number}" for number in range(1000)]
    assert not groups.add(model_folder(tmp_path / "others", others), lambda: classes, wordnet)
    assert not (tmp_path / "others" / "groups.json").exists()


def test_all_adds_groups_to_folders_that_exist(
    tmp_path: Path, classes: Classes, wordnet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wordnet == groups.WORDNET
    folder = model_folder(tmp_path / "efficientnet_lite0", imagenet.labels(classes))
    monkeypatch.setattr(command, "_classes", lambda _: classes)
    monkeypatch.setattr(command, "export_conse", lambda *_: None)
    assert command.main(["--out", str(tmp_path), "all", "--source", "starter"]) == 0
    assert (folder / "groups.json").is_file()
    assert folders.is_current(folder)


def test_without_wordnet_the_folder_is_as_it_was(
    tmp_path: Path,
    classes: Classes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = model_folder(tmp_path / "efficientnet_lite0", imagenet.labels(classes))
    before = (folder / "model.json").read_bytes()
    monkeypatch.setattr(groups, "WORDNET", tmp_path / "absent")
    command._add_groups(folder, tmp_path)
    said = capsys.readouterr().err
    assert "efficientnet_lite0: groups of labels are left out" in said
    assert "apt-get install wordnet-base" in said
    assert (folder / "model.json").read_bytes() == before
    assert not (folder / "groups.json").exists()


@pytest.mark.parametrize(
    "line",
    [
        "00001740 03 n 01 entity 0 001",  # pointers are missing
        "00001740 03 n zz entity 0 000 | gloss",
        "no database at all",
        "00001740 03 n 01 thing 0 000 | another version",
    ],
)
def test_another_wordnet_is_refused(tmp_path: Path, classes: Classes, line: str) -> None:
    (tmp_path / "data.noun").write_text(f"  1 the licence\n{line}\n")
    with pytest.raises(ValueError, match=r"WordNet 3\.0"):
        groups.of_classes(classes, tmp_path / "data.noun")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "must be"),
        ("{", "must be"),
        ('{"groups": [{"name": "pet"}]}', "must be"),
        ('{"groups": [{"name": " ", "labels": ["cat"]}]}', "must be"),
        ('{"groups": [{"name": "pet", "labels": ["cow"]}]}', "is no label of the model"),
        ('{"groups": [{"name": "pet", "labels": ["cat", "cat"]}]}', "or is there twice"),
        (
            '{"groups": [{"name": "a", "labels": ["cat"]}, {"name": "a", "labels": ["dog"]}]}',
            "two groups have the name",
        ),
    ],
)
def test_bad_groups_are_explained(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        groups.read(tmp_path / "g.json", ["cat", "dog"])
