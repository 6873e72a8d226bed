"""Measures the ConSE starter model: which label it gives to photos, and to ImageNet's own classes.

    python models/evaluate_conse.py                      # on photos from packages
    python models/evaluate_conse.py --photos DIR --grid  # on more photos, with other parameters

Two measurements. "Photos": real photos against several sets of labels. "Classes": each ImageNet
class as if the classifier were certain of it, against sets whose answer is known from WordNet;
this tests the text side alone, on hundreds of cases. Needs Pillow.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino_tokenizers  # noqa: F401  (registers the tokenizers' operations)
from export import conse, convnets, imagenet, sources, texts
from export.__main__ import lite0_weights, minilm_graph
from PIL import Image

Floats = npt.NDArray[np.float32]
_ROOT = Path(__file__).resolve().parents[1]
_FP32 = {"INFERENCE_PRECISION_HINT": "f32"}
_THRESHOLD = 0.5

# If a photo's subject has another name in a set, PHOTO_SETS has it; a photo whose subject is not in
# a set is left out.
PHOTOS = {
    "cat_720p.jpg": "cat",
    "hot_dog.jpg": "food",
    "kite_and_cold.jpg": "beach",
    "owl.jpg": "bird",
    "parrot.jpg": "bird",
    "pets.jpg": "dog",
    "chelsea.png": "cat",
    "coffee.png": "coffee",
    "astronaut.png": "person",
    "rocket.jpg": "rocket",
    "motorcycle_left.png": "motorcycle",
    "flower.jpg": "flower",
    "china.jpg": "building",
    "clock_motion.png": "clock",
    "camera.png": "person",
    "page.png": "document",
    "text.png": "document",
    "coins.png": "coins",
    "moon.png": "moon",
    "horse.png": "horse",
    "brick.png": "brick wall",
    "grass.png": "grass",
}


@dataclass(frozen=True)
class PhotoSet:
    """labels; rename: the label of a subject, or of the subject of one photo, if it differs."""

    labels: tuple[str, ...]
    rename: dict[str, str]

    def answer(self, photo: str) -> str | None:
        subject = PHOTOS[photo]
        name = self.rename.get(photo, self.rename.get(subject, subject))
        return name if name in self.labels else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


PHOTO_SETS = {
    "ten": PhotoSet(
        _words("cat, dog, bird, food, beach, coffee, flower, building, rocket, motorcycle"), {}
    ),
    "common words": PhotoSet(
        _words(
            "person, animal, food, vehicle, building, receipt, beach, flower, document, landscape"
        ),
        {"cat": "animal", "dog": "animal", "bird": "animal", "horse": "animal", "coffee": "food"}
        | {"rocket": "vehicle", "motorcycle": "vehicle"},
    ),
    "near ones": PhotoSet(
        _words(
            "cat, dog, wolf, fox, tiger, owl, parrot, eagle, hot dog, sandwich, motorcycle, "
            "bicycle, palace, church, "
            "rose, sunflower, rocket, airplane, coffee, tea, beach, desert"
        ),
        {"owl.jpg": "owl", "parrot.jpg": "parrot", "hot_dog.jpg": "hot dog", "building": "palace"},
    ),
    "wide": PhotoSet(
        _words(
            "cat, dog, bird, horse, car, motorcycle, airplane, rocket, person, food, coffee, "
            "flower, tree, building, "
            "beach, mountain, document, receipt, screenshot, clock, coins, moon, brick wall, "
            "grass, computer, furniture"
        ),
        {},
    ),
}


def _classes(spans: str) -> list[int]:
    """Indices of classes from text such as "0-6, 389"."""
    result: list[int] = []
    for span in spans.split(","):
        first, _, last = span.partition("-")
        result += range(int(first), int(last or first) + 1)
    return result


KINDS = {
    "fish": _classes("0-6, 389-397"),
    "bird": _classes("7-24, 80-100, 127-146"),
    "lizard or snake": _classes("38-50, 52-68"),
    "dog": _classes("151-268"),
    "cat": _classes("281-285"),
    "bear": _classes("294-297"),
    "insect": _classes("300-326"),
    "monkey": _classes("365-382"),
    "frog": _classes("30-32"),
    "spider": _classes("72-77"),
    "crab": _classes("118-121"),
    "rabbit": _classes("330-332"),
    "elephant": _classes("385-386"),
    "sheep": _classes("348-349"),
    "pig": _classes("341-343"),
    "whale": _classes("147-148"),
    "food": _classes("924-957, 959-969"),
    "car": _classes("407, 436, 468, 511, 609, 627, 656, 661, 751, 817"),
    "truck": _classes("555, 569, 675, 717, 864, 867"),
    "airplane": _classes("404, 895"),
    "boat": _classes("472, 510, 554, 576, 625, 628, 780, 814, 871, 914"),
    "train": _classes("466, 547, 820, 829"),
    "bicycle": _classes("444, 671"),
    "motorcycle": _classes("665, 670"),
    "bus": _classes("654, 779, 874"),
    "musical instrument": _classes(
        "401, 402, 420, 432, 486, 513, 541, 546, 558, 566, 577, 579, 593, 594, 642, 683, 684, "
        "687, 699, 776, 822, 875, "
        "881, 889"
    ),
    "furniture": _classes(
        "423, 431, 453, 493, 495, 516, 520, 526, 532, 548, 553, 559, 564, 703, 765, 831, 894"
    ),
    "clothing": _classes(
        "399, 411, 459, 474, 568, 578, 601, 608, 610, 614, 617, 638, 639, 655, 689, 697, 735, "
        "775, 806, 834, 841, 842, 869"
    ),
    "building": _classes(
        "415, 425, 449, 483, 497, 498, 580, 624, 663, 668, 698, 727, 743, 762, 832"
    ),
    "beach": _classes("977, 978"),
    "mountain": _classes("970, 980"),
    "flower": _classes("985, 986"),
    "mushroom": _classes("991-997"),
    "shoe": _classes("502, 514, 630, 770, 774"),
    "computer": _classes("508, 527, 590, 620, 673, 681"),
    "ball": _classes("429, 430, 522, 574, 722, 747, 768, 805, 852, 890"),
    "bag": _classes("414, 636, 748, 797"),
    "hat": _classes("439, 452, 515, 793, 808"),
    "bottle": _classes("440, 720, 737, 898, 907"),
}
_ANIMALS = (
    "fish, bird, lizard or snake, dog, cat, bear, insect, monkey, frog, spider, crab, rabbit, "
    "elephant, sheep, pig"
)
_VEHICLES = "car, truck, airplane, boat, train, bicycle, motorcycle, bus"


def _any(names: str) -> list[int]:
    return [index for name in _words(names) for index in KINDS[name]]


CLASS_SETS: dict[str, dict[str, list[int]]] = {
    "kinds": {
        name: KINDS[name]
        for name in _words(
            "dog, cat, bird, fish, lizard or snake, insect, monkey, bear, food, car, boat, "
            "building, clothing, "
            "furniture, musical instrument, flower, mushroom"
        )
    },
    "coarse": {
        "animal": _any(_ANIMALS),
        "vehicle": _any(_VEHICLES),
        "landscape": _any("mountain, beach"),
        "person": [],
        "document": [],
    }
    | {
        name: KINDS[name]
        for name in _words("food, building, furniture, clothing, musical instrument")
    },
    "animals": {name: KINDS[name] for name in _words(_ANIMALS)},
    "vehicles": {name: KINDS[name] for name in _words(_VEHICLES)},
    "things": {
        name: KINDS[name]
        for name in _words("shoe, computer, ball, bag, hat, bottle, dog, cat, car, flower")
    },
}


def probabilities(images: Floats, labels: Floats, logit_scale: float) -> Floats:
    """[images, labels] from embeddings of unit length: softmax of logit_scale × cosine."""
    scores = logit_scale * (images @ labels.T)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True)
class Score:
    """answered: share whose best probability reaches the threshold; precision: the share of those
    that is right.
    """

    right: int
    total: int
    answered: float
    precision: float
    loss: float

    def __str__(self) -> str:
        shares = f"answered {self.answered:4.0%}, of these right {self.precision:4.0%}"
        return f"{self.right:3}/{self.total} right, {shares}, loss {self.loss:.3f}"


def score_photos(rows: dict[str, dict[str, Floats]]) -> Score:
    """rows: for each set and photo the probabilities of the set's labels."""
    best, right, loss = [], [], []
    for name, photos in rows.items():
        for photo, row in photos.items():
            labels = PHOTO_SETS[name].labels
            answer = PHOTO_SETS[name].answer(photo)
            if answer is not None:
                best.append(row.max())
                right.append(labels[int(row.argmax())] == answer)
                loss.append(-np.log(row[labels.index(answer)] + 1e-9))
    answered = np.array(best) >= _THRESHOLD
    hits = np.array(right)
    precision = float(hits[answered].mean()) if answered.any() else 0.0
    return Score(
        int(hits.sum()), len(hits), float(answered.mean()), precision, float(np.mean(loss))
    )


def score_classes(embeddings: Floats, embed: LabelEmbedder) -> dict[str, float]:
    """For each set the share of ImageNet's classes with the right label, mean over labels."""
    result = {}
    for name, kinds in CLASS_SETS.items():
        best = (embeddings @ embed(list(kinds)).T).argmax(axis=1)
        shares = [
            np.mean(best[members] == i) for i, members in enumerate(kinds.values()) if members
        ]
        result[name] = float(np.mean(shares))
    return result


class LabelEmbedder:
    """Embeddings of labels, the mean over prompts, as the program computes them."""

    def __init__(self, graph: ov.CompiledModel, prompts: tuple[str, ...]) -> None:
        self._graph, self._prompts = graph, prompts

    def __call__(self, labels: list[str] | tuple[str, ...]) -> Floats:
        rows = [
            conse.unit(
                texts.embed(self._graph, [prompt.replace("{label}", label) for label in labels])
            )
            for prompt in self._prompts
        ]
        return conse.unit(np.mean(rows, axis=0))


def read_photo(file: Path) -> Floats:
    """[3, 224, 224], the input of EfficientNet-Lite0: a crop of a 256 resize, (x − 127) / 128."""
    image = Image.open(file).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC
    )
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
    return np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the ConSE starter model.")
    parser.add_argument("--cache", type=Path, default=_ROOT / ".deps/cache")
    parser.add_argument(
        "--photos",
        type=Path,
        action="append",
        default=[],
        help="folder with photos named as in PHOTOS; can be repeated",
    )
    parser.add_argument(
        "--grid",
        action="store_true",
        help="also try other temperatures, numbers of classes and scales",
    )
    parser.add_argument("--verbose", action="store_true", help="print each photo's best label")
    args = parser.parse_args()

    folders = [
        *args.photos,
        sources.unpacked_wheel("scikit-image", args.cache) / "skimage/data",
        sources.unpacked_wheel("scikit-learn", args.cache) / "sklearn/datasets/images",
    ]
    files = {
        photo: folder / photo
        for photo in PHOTOS
        for folder in folders
        if (folder / photo).is_file()
    }
    print(f"{len(files)} photos of {len(PHOTOS)}")
    core = ov.Core()
    text = core.compile_model(minilm_graph(args.cache), "CPU", _FP32)
    classifier = core.compile_model(
        convnets.efficientnet_lite0(lite0_weights(args.cache)), "CPU", _FP32
    )
    logits = classifier(np.stack([read_photo(file) for file in files.values()]))[0]
    info = sources.unpacked_wheel("timm", args.cache) / "timm/data/_info"
    embeddings = conse.class_embeddings(lambda t: texts.embed(text, t), imagenet.read_classes(info))

    chosen = conse.ConseOptions()
    embed = LabelEmbedder(text, chosen.prompts)
    label_rows = {name: embed(photo_set.labels) for name, photo_set in PHOTO_SETS.items()}

    def run(options: conse.ConseOptions) -> dict[str, dict[str, Floats]]:
        images = conse.reference(logits, embeddings, options)
        return {
            name: dict(zip(files, probabilities(images, rows, options.logit_scale), strict=True))
            for name, rows in label_rows.items()
        }

    rows = run(chosen)
    for name, photos in rows.items():
        print(f"photos  {name:14}", score_photos({name: photos}))
        for photo, row in photos.items() if args.verbose else ():
            labels, answer = PHOTO_SETS[name].labels, PHOTO_SETS[name].answer(photo)
            best = labels[int(row.argmax())]
            mark = " " if answer is None else "+" if best == answer else "-"
            print(f"   {mark} {photo:22} {best:14} {row.max():.2f}   {answer or ''}")
    print(f"photos  {'all':14}", score_photos(rows))
    for name, share in score_classes(embeddings, embed).items():
        print(f"classes {name:14} {share:.0%}")
    if args.grid:
        for temperature in (1.0, 1.5, 1.8, 2.0):
            for top in (1, 10, 20, 50):
                for scale in (20.0, 30.0, 40.0):
                    options = replace(
                        chosen, temperature=temperature, classes=top, logit_scale=scale
                    )
                    print(
                        f"temperature {temperature} classes {top:2} scale {scale:.0f}:",
                        score_photos(run(options)),
                    )


if __name__ == "__main__":
    main()
