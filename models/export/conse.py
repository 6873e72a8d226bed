"""ConSE: zero-shot labels from a classifier and a sentence encoder (Norouzi et al., ICLR 2014).

The embedding of an image is the mean of the sentence embeddings of its most probable classes, weighted by their
probabilities. Compared with the embeddings of labels by cosine, it ranks labels that the classifier never saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from . import convnets, layers
from .checkpoints import Array
from .imagenet import ImageNetClass


@dataclass(frozen=True)
class ConseOptions:
    """The choices that ConSE leaves open; docs/models.md has what was measured."""

    temperature: float = 1.0  # of the classifier's softmax; below 1 sharpens
    classes: int = 50  # that are averaged
    logit_scale: float = 40.0  # of the softmax over the labels
    prompts: tuple[str, ...] = ("a photo of a {label}",)


def class_texts(classes: list[ImageNetClass]) -> list[list[str]]:
    """For each class the sentences whose mean embedding stands for it."""
    return [[f"a photo of a {', '.join(c.names)}", f"{c.names[0]}: {c.gloss}"] for c in classes]


def class_embeddings(embed_texts: object, classes: list[ImageNetClass]) -> npt.NDArray[np.float32]:
    """[classes, D], of length 1. `embed_texts` maps a list of texts to embeddings of length 1."""
    texts = class_texts(classes)
    flat = [text for of_class in texts for text in of_class]
    rows = embed_texts(flat)  # type: ignore[operator]
    means = rows.reshape(len(texts), -1, rows.shape[-1]).mean(axis=1)
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def image_graph(weights: convnets.Weights, embeddings: Array, options: ConseOptions) -> ov.Model:
    """Image [N, 3, 224, 224] as EfficientNet-Lite0 takes it, to embedding [N, D]."""
    image = layers.parameter([-1, 3, 224, 224], "image")
    logits = convnets.efficientnet_lite0_logits(image, weights)
    best = ops.topk(
        ops.divide(logits, layers.constant(options.temperature)),
        layers.constant(options.classes, np.int64),
        1,
        "max",
        "value",
    )
    probabilities = ops.softmax(best.output(0), 1)  # over the averaged classes: the rest only scales the mean
    rows = ops.gather(
        layers.constant(embeddings), best.output(1), layers.constant(0, np.int64)
    )  # [N, classes, D]
    mean = ops.matmul(ops.unsqueeze(probabilities, layers.constant([1], np.int64)), rows, False, False)
    embedding = layers.unit_length(ops.squeeze(mean, layers.constant([1], np.int64)))
    return layers.model(embedding, [image], "conse", "embedding")


def reference(
    logits: Array, embeddings: Array, labels: Array, options: ConseOptions
) -> npt.NDArray[np.float64]:
    """The same in numpy, for tests and tuning: probabilities [labels] from logits [classes] of one image."""
    top = np.argsort(-logits)[: options.classes]
    p = np.exp((logits[top] - logits[top[0]]) / options.temperature)
    mean = (p / p.sum()) @ embeddings[top]
    scores = labels @ (mean / math.sqrt(float(mean @ mean)))
    e = np.exp(options.logit_scale * (scores - scores.max()))
    return np.asarray(e / e.sum())
