"""Measures how near labels are to what the ConSE starter model knows.

    python models/evaluate_labels.py [FOLDER]   # of the model; default: the installed starter model

The program warns of a label whose nearest ImageNet class is below a cosine of 0.60, since the
model cannot see it. This prints, for groups of labels, how many would be warned of.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import openvino_tokenizers  # noqa: F401  (registers the tokenizers' operations)

Floats = npt.NDArray[np.float32]
_FP32 = {"INFERENCE_PRECISION_HINT": "f32"}
_MODELS = Path(__file__).resolve().parents[1] / ".deps/models"
_THRESHOLDS = (0.55, 0.60, 0.65)

GROUPS = {
    "ImageNet has it": """dog cat car bird fish snake bear wolf fox tiger lion elephant monkey
        spider butterfly bee frog turtle lizard crab snail sheep rabbit hamster pig cow zebra camel
        horse mountain beach volcano cliff coral_reef bridge castle church palace library barn
        fence boat ship airplane train bus truck bicycle motorcycle fire_engine taxi tractor guitar
        piano violin drum pizza banana orange strawberry mushroom bread ice_cream burrito coffee
        wine chair sofa bed desk lamp clock television laptop keyboard computer_mouse telephone
        camera umbrella backpack shoe sunglasses hat ball bottle cup knife balloon candle""",
    "a kind of what it has": """animal vehicle food building furniture musical_instrument insect
        fruit clothing tool reptile kitchen computer sea lake landscape bag toy""",
    "ImageNet has not": """person face crowd man woman child baby people portrait selfie family
        wedding concert party moon sunset sky cloud rain snow tree forest grass leaf river
        waterfall city street sunrise fireworks rainbow star galaxy document receipt invoice
        screenshot passport map painting drawing logo coin money tattoo x-ray dance happy sad red
        blue running three summer vacation giraffe deer kangaroo meme text handwriting graffiti
        statue stairs window door wall road""",
    "other languages": """Hund Katze Vogel Pferd Berg Strand Auto Flugzeug chien chat oiseau cheval
        montagne plage voiture avion perro gato pájaro caballo montaña playa coche avión cane gatto
        uccello собака кошка птица машина 犬 猫 鳥 车 狗 개 고양이 كلب قطة σκύλος γάτα כלב कुत्ता แมว
        pies kot hond fågel kuş""",
    "no words": "asdf qwxz foo lorem 🧿 🐱 xyzzy IMG1234 ... 123 blorptang",
}


def class_embeddings(graph: ov.Model) -> Floats:
    """The rows that the image graph averages: its only two-dimensional gathered constant."""
    for node in graph.get_ops():
        if node.get_type_name() == "Gather":
            table = node.input_value(0).get_node()
            if table.get_type_name() == "Constant" and len(table.get_output_shape(0)) == 2:
                return np.asarray(table.get_data(), np.float32)
    raise SystemExit("the image graph gathers no classes: it is not a ConSE model")


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def embedder(core: ov.Core, folder: Path) -> Callable[[list[str]], Floats]:
    """Labels to embeddings of length 1, as the program makes them."""
    prompts = json.loads((folder / "model.json").read_text())["text"]["prompts"]
    graph = core.compile_model(folder / "text.xml", "CPU", _FP32)

    def embed(labels: list[str]) -> Floats:
        rows = [unit(graph([p.replace("{label}", name) for name in labels])[0]) for p in prompts]
        return unit(np.sum(rows, axis=0))

    return embed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    folder_help = "the model's folder"
    default = _MODELS / "conse_efficientnet_lite0_minilm"
    parser.add_argument("folder", nargs="?", type=Path, default=default, help=folder_help)
    folder = parser.parse_args().folder
    core = ov.Core()
    classes = class_embeddings(core.read_model(folder / "image.xml"))
    embed = embedder(core, folder)
    # An underscore stands for a space.
    lists = {
        name: [word.replace("_", " ") for word in words.split()] for name, words in GROUPS.items()
    }
    labels = folder.parent / "efficientnet_lite0/labels.txt"
    if labels.is_file():
        lists["ImageNet's own names"] = [
            line.split(",")[0] for line in labels.read_text().splitlines()
        ]
    limits = "  ".join(f"below {limit:.2f}" for limit in _THRESHOLDS)
    print(f"{'group':24} labels  least  median  most  {limits}")
    for name, words in lists.items():
        nearest = (embed(words) @ classes.T).max(axis=1)
        counts = "  ".join(f"{int((nearest < limit).sum()):10}" for limit in _THRESHOLDS)
        figures = f"{nearest.min():6.2f}  {np.median(nearest):6.2f}  {nearest.max():4.2f}"
        print(f"{name:24} {len(words):6} {figures}  {counts}")


if __name__ == "__main__":
    main()
