"""ImageNet's classes in some 35 groups that open, such as "dog" and "vehicle": groups.json.

WordNet says what is a kind of what, and the table below at which of its concepts a group begins.
A class is in the group of the nearest concept above it, counted in steps; of two equally near ones
the first in the table decides. Where WordNet is of no help (it calls a web site a computer, and a
menu food), the class itself is in the table, which makes it the nearest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from . import folders, imagenet

# Where Debian's package wordnet-base has it.
WORDNET = Path("/usr/share/wordnet/data.noun")
FILE = "groups.json"
CLASSES = 1000

# Group: WordNet 3.0's concepts, then classes placed by hand, by their labels.
_GROUPS: dict[str, tuple[str, str]] = {
    "dog": ("n02084071 dog", ""),
    "cat": ("n02120997 feline", ""),
    "wolf and fox": ("n02083346 canine, n02117135 hyena", ""),
    "monkey and ape": ("n02469914 primate", ""),
    "hoofed animal": ("n02370806 ungulate", ""),
    "rodent and rabbit": ("n02329401 rodent, n02323902 leporid", ""),
    "other mammal": ("n01861778 mammal", ""),
    "bird": ("n01503061 bird", ""),
    "reptile": ("n01661091 reptile", ""),
    "frog and salamander": ("n01627424 amphibian", ""),
    "fish": ("n02512053 fish", ""),
    "insect and spider": (
        "n02159955 insect, n01769347 arachnid, n01784675 centipede",
        "spider web, honeycomb",
    ),
    "crab, snail and jellyfish": ("n01905661 invertebrate", ""),
    "plant and mushroom": (
        "n00017222 plant, n12992868 fungus, n13086908 plant_part",
        "rapeseed, hay",
    ),
    "fruit and vegetable": ("n07705711 produce", "corn, ear"),
    "food and drink": ("n00021265 food, n07555863 food", "mashed potato"),
    "person": ("n00007846 person", ""),
    "landscape": ("n09287968 geological_formation", ""),
    "vehicle": (
        "n03100490 conveyance, n04576211 wheeled_vehicle",
        "golfcart, car mirror, car wheel, disk brake, seat belt",
    ),
    "boat and ship": ("n04530566 vessel", ""),
    "aircraft": ("n02686568 aircraft", "space shuttle, wing, parachute"),
    "building": (
        "n02913152 building, n03546340 housing",
        "altar, beacon, bell cote, birdhouse, castle, dome, lumbermill, mobile home, "
        "mountain tent, patio, prison, shoji, sliding door, stage, thatch, tile roof, vault, "
        "water tower, window screen",
    ),
    "shop": ("n03953020 place_of_business", ""),
    "bridge, fence and monument": ("n04341686 structure", "flagpole, maypole, pier, pole"),
    "furniture": ("n03405265 furnishing", "bathtub, fire screen, plate rack, tub, washbasin"),
    "lamp and candle": (
        "n04263760 source_of_illumination",
        "lampshade, lighter, matchstick, table lamp",
    ),
    "household appliance": ("n02729837 appliance", "electric fan, radiator, space heater, stove"),
    "kitchenware": (
        "n04516672 utensil, n04381994 tableware",
        "beer glass, caldron, can opener, cleaver, cocktail shaker, coffee mug, coffeepot, "
        "corkscrew, goblet, ladle, measuring cup, mixing bowl, mortar, pitcher, saltshaker, "
        "soup bowl, strainer, teapot, tray, wooden spoon",
    ),
    "bottle, box and bag": ("n03094503 container", "bottlecap"),
    "clothing": (
        "n03051540 clothing, n03380867 footwear",
        "buckle, cloak, hair slide, mask, necklace, ski mask, sunglass, sunglasses, umbrella",
    ),
    "cloth, curtain and bedding": (
        "n03309808 fabric, n02851099 blind",
        "doormat, mosquito net, pillow, prayer rug, quilt, shower curtain, sleeping bag, "
        "theater curtain",
    ),
    "weapon and armour": (
        "n04565375 weapon, n02739668 armor",
        "breastplate, gasmask, holster, pickelhaube, scabbard",
    ),
    "musical instrument": ("n03800933 musical_instrument", "drumstick, pick, whistle"),
    "electronics": (
        "n03082979 computer, n03278248 electronic_equipment",
        "cash machine, cassette, computer keyboard, hard disc, home theater, lens cap, "
        "loudspeaker, microphone, mouse, photocopier, Polaroid camera, projector, radio, "
        "reflex camera, remote control, screen, space bar, television, tripod, "
        "typewriter keyboard",
    ),
    "clock and measuring instrument": (
        "n03733925 measuring_instrument",
        "abacus, binoculars, loupe, magnetic compass, oscilloscope, radio telescope, slide rule",
    ),
    "sport, toy and game": (
        "n03414162 game_equipment, n04285146 sports_equipment",
        "bubble, carousel, maze, paddle, pinwheel, puck, racket, reel, ski, slot, snorkel, "
        "swing, teddy",
    ),
    "health and beauty": (
        "n04447443 toiletry",
        "Band Aid, crutch, neck brace, nipple, oxygen mask, pill bottle, stethoscope, "
        "stretcher, syringe, toilet tissue",
    ),
    "paper, pen and sign": (
        "n04608567 writing_implement",
        "binder, book jacket, comic book, crossword puzzle, envelope, letter opener, menu, "
        "pencil box, pencil sharpener, rubber eraser, scoreboard, street sign, traffic light, "
        "web site",
    ),
    "tool and machine": (
        "n03563967 implement, n03183080 device",
        "carpenter's kit, chain, coil, drilling platform, manhole cover, thimble",
    ),
}


def read_hypernyms(file: Path) -> dict[str, tuple[str, list[str]]]:
    """Of each noun synset of WordNet's data.noun: its first word, and the ids one step above it.

    Raises ValueError for a line that is not as wndb(5WN) has it.
    """
    synsets = {}
    for number, line in enumerate(file.read_text(encoding="latin-1").splitlines(), start=1):
        if line.startswith(" "):
            continue  # the licence
        fields = line.split(" | ")[0].split()
        try:
            words = int(fields[3], 16)
            pointers = fields[5 + 2 * words :][: 4 * int(fields[4 + 2 * words])]
            above = [
                f"n{offset}"
                for kind, offset in zip(pointers[::4], pointers[1::4], strict=True)
                if kind in ("@", "@i")
            ]
            synsets[f"n{fields[0]}"] = (fields[4], above)
        except (IndexError, ValueError) as error:
            raise ValueError(f"{file}, line {number}: this is not a file of WordNet 3.0") from error
    return synsets


def _heads(
    classes: list[imagenet.ImageNetClass], synsets: dict[str, tuple[str, list[str]]]
) -> dict[str, str]:
    """The group of each concept and class in the table."""
    by_label = dict(zip(imagenet.labels(classes), (c.synset for c in classes), strict=True))
    heads: dict[str, str] = {}
    for group, (concepts, by_hand) in _GROUPS.items():
        ids = []
        for concept in filter(None, concepts.split(", ")):
            synset, word = concept.split(" ")
            if synsets.get(synset, ("",))[0] != word:
                raise ValueError(f"WordNet 3.0 has {concept}, this one has not")
            ids.append(synset)
        ids += [by_label[label] for label in filter(None, by_hand.split(", "))]
        for one in ids:
            if one in heads:
                raise ValueError(f"{one} is in two groups")
            heads[one] = group
    return heads


def of_classes(classes: list[imagenet.ImageNetClass], wordnet: Path) -> dict[str, list[str]]:
    """The labels of each group, in the order of the table and of the classes.

    Raises OSError without WordNet's file, ValueError if it is another version's or leaves a class
    without group.
    """
    synsets = read_hypernyms(wordnet)
    heads = _heads(classes, synsets)
    order = list(_GROUPS)
    result: dict[str, list[str]] = {group: [] for group in order}
    for entry, label in zip(classes, imagenet.labels(classes), strict=True):
        nearest, seen = {entry.synset}, set()
        while nearest and not nearest & heads.keys():
            seen |= nearest
            nearest = {up for one in nearest for up in synsets.get(one, ("", []))[1]} - seen
        if not nearest:
            raise ValueError(f"no group has {label}")
        found = {heads[one] for one in nearest & heads.keys()}
        result[min(found, key=order.index)].append(label)
    return result


def write(folder: Path, groups: dict[str, list[str]]) -> None:
    """Writes groups.json."""
    listed = [{"name": name, "labels": labels} for name, labels in groups.items()]
    text = json.dumps({"groups": listed}, indent=1, ensure_ascii=False) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def read(file: Path, labels: list[str]) -> dict[str, list[str]]:
    """The groups of a groups.json; raises ValueError unless they are of these labels, each in one
    group at most.
    """
    result: dict[str, list[str]] = {}
    waiting = set(labels)
    try:
        for group in json.loads(file.read_text(encoding="utf-8-sig"))["groups"]:
            name, members = group["name"], group["labels"]
            if not isinstance(name, str) or not name.strip() or not isinstance(members, list):
                raise TypeError
            if name.strip() in result:
                raise ValueError(f"{file}: two groups have the name {name!r}")
            for label in members:
                if label not in waiting:
                    raise ValueError(
                        f"{file}: {label!r} in {name!r} is no label of the model, or is there twice"
                    )
                waiting.remove(label)
            if members:
                result[name.strip()] = members
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f'{file} must be {{"groups": [{{"name": "dog", "labels": ["pug", …]}}, …]}}'
        ) from error
    return result


def add(
    folder: Path,
    classes: Callable[[], list[imagenet.ImageNetClass]],
    wordnet: Path | None = None,
) -> bool:
    """Writes groups.json into a model folder with ImageNet's labels that has none, and its name
    and checksum into model.json; returns whether the folder was changed.

    Raises OSError and ValueError as `of_classes` does; the folder is then unchanged.
    """
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    if "groups" in document or "labels" not in document or "sha256" not in document:
        return False
    labels = (folder / document["labels"]).read_text(encoding="utf-8").splitlines()
    if len(labels) != CLASSES:
        return False
    wordnet = wordnet or WORDNET
    if not wordnet.is_file():
        raise FileNotFoundError(f"{wordnet} is missing: apt-get install wordnet-base")
    known = classes()
    if labels != imagenet.labels(known):
        return False
    write(folder, of_classes(known, wordnet))
    document["groups"] = FILE
    document["sha256"][FILE] = folders.sha256(folder / FILE)
    folders.write_document(folder, document)
    return True
