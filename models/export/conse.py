"""ConSE: zero-shot labels from a classifier and a sentence encoder (Norouzi et al., ICLR 2014).

The embedding of an image is the mean of the sentence embeddings of its most probable classes,
weighted by their probabilities. The cosine with the embeddings of labels ranks labels that the
classifier was not trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from . import convnets, layers
from .checkpoints import Array, Weights
from .imagenet import ImageNetClass


@dataclass(frozen=True)
class ConseOptions:
    """The parameters of ConSE; docs/starter-models.md has the measurements."""

    temperature: float = 1.8  # of the classifier's softmax; above 1, lesser classes count more
    classes: int = 20  # number averaged
    logit_scale: float = 30.0  # of the softmax over the labels
    # The least cosine of an image and a text that fits it: see docs/remembered.md.
    search_threshold: float = 0.6
    prompts: tuple[str, ...] = ("a {label}", "a photo of a {label}")


def class_texts(entry: ImageNetClass) -> tuple[list[str], list[str]]:
    """Two groups of sentences: one for each name of the class, and WordNet's definition."""
    return [f"a photo of a {name}" for name in entry.names], [entry.gloss]


def unit(rows: Array) -> npt.NDArray[np.float32]:
    """Rows [..., D] divided by their Euclidean length."""
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def class_embeddings(
    embed_texts: Callable[[list[str]], Array], classes: list[ImageNetClass]
) -> npt.NDArray[np.float32]:
    """[classes, D], of length 1. `embed_texts` maps a list of texts to embeddings of length 1.

    The embedding of a class is the mean of its two groups' means, so that many names do not
    outweigh the gloss.
    """
    groups = [group for entry in classes for group in class_texts(entry)]
    rows = embed_texts([text for group in groups for text in group])
    ends = np.cumsum([len(group) for group in groups])[:-1]
    means = unit(np.stack([part.mean(axis=0) for part in np.split(rows, ends)]))
    return unit(means.reshape(len(classes), 2, -1).mean(axis=1))


def image_graph(weights: Weights, embeddings: Array, options: ConseOptions) -> ov.Model:
    """Image [N, 3, 224, 224], the input of EfficientNet-Lite0, to embedding [N, D]."""
    image = layers.parameter([-1, 3, 224, 224], "image")
    logits = convnets.efficientnet_lite0_logits(image, weights)
    best = ops.topk(
        ops.divide(logits, layers.constant(options.temperature)),
        layers.constant(options.classes, np.int64),
        1,
        "max",
        "value",
    )
    probabilities = ops.softmax(
        best.output(0), 1
    )  # over the averaged classes: the rest only scales the mean
    rows = ops.gather(
        layers.constant(embeddings), best.output(1), layers.constant(0, np.int64)
    )  # [N, classes, D]
    mean = ops.matmul(
        ops.unsqueeze(probabilities, layers.constant([1], np.int64)), rows, False, False
    )
    embedding = layers.unit_length(ops.squeeze(mean, layers.constant([1], np.int64)))
    return layers.model(embedding, [image], "conse", "embedding")


def reference(logits: Array, embeddings: Array, options: ConseOptions) -> npt.NDArray[np.float32]:
    """The image side in numpy, for tests and tuning: embeddings [N, D] from a classifier's logits
    [N, classes].
    """
    scaled = logits / options.temperature
    threshold = np.sort(scaled, axis=1)[:, -options.classes, None]
    kept = np.where(scaled >= threshold, np.exp(scaled - scaled.max(axis=1, keepdims=True)), 0)
    return unit(kept @ embeddings)
