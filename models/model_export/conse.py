"""Zero-shot classification from a classifier and a sentence encoder: ConSE.

Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ICLR 2014): an
image's embedding is the mean of the embeddings of its most probable ImageNet classes, weighted by
their probabilities; a label's score is the cosine of its embedding with the image's.

The whole image side is one graph, so that a program sees an image-text pair like CLIP.
docs/starter-models.md tells how the constants below were chosen, and what they cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import openvino as ov
import openvino.opset15 as ops
from numpy.typing import NDArray

from model_export import efficientnet_lite, layers
from model_export.checkpoint import Weights
from model_export.imagenet import ImageNetClass

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Parameters:
    """What the quality of ConSE hangs on.

    top: classes that are averaged, 1 to 1,000; temperature: divisor of the classifier's logits
    before the softmax, above 0; logit_scale: factor of the cosine before the softmax over labels.
    """

    top: int = 50
    temperature: float = 1.0
    logit_scale: float = 30.0


def class_texts(entry: ImageNetClass) -> list[str]:
    """The texts whose embeddings are averaged for a class."""
    names = ", ".join(entry.names)
    return [f"a photo of a {names}", f"{names}: {entry.gloss}"]


def unit(x: Floats) -> Floats:
    """Rows [.., D] divided by their Euclidean norm."""
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True), np.float32)


def embed(text_model: ov.Model, texts: list[str], batch: int = 32) -> Floats:
    """Embeddings [len(texts), D] by a text graph, in float32.

    Texts of similar length share a batch, since a batch is padded to its longest.
    """
    compiled = ov.Core().compile_model(text_model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts = [
        compiled([texts[i] for i in order[start : start + batch]])[0].copy()
        for start in range(0, len(order), batch)
    ]
    result = np.empty((len(texts), parts[0].shape[1]), np.float32)
    result[order] = np.concatenate(parts)
    return result


def class_embeddings(classes: list[ImageNetClass], text_model: ov.Model) -> Floats:
    """One embedding [len(classes), D] of unit length for each class."""
    groups = [class_texts(entry) for entry in classes]
    rows = unit(embed(text_model, [text for group in groups for text in group]))
    ends = np.cumsum([len(group) for group in groups])
    return unit(np.stack([part.mean(axis=0) for part in np.split(rows, ends[:-1])]))


def build_image(weights: Weights, classes: Floats, parameters: Parameters) -> ov.Model:
    """The graph: "image" float32 [N, 3, 224, 224] → "embedding" float32 [N, D] of unit length.

    weights: EfficientNet-Lite0's; classes: the embeddings of its outputs [classes, D].
    """
    image = ops.parameter([-1, 3, 224, 224], dtype=ov.Type.f32, name="image")
    logits = efficientnet_lite.logits(image, weights)
    scaled = ops.multiply(logits, ops.constant(np.float32(1 / parameters.temperature)))
    best = ops.topk(
        ops.softmax(scaled, axis=1), ops.constant(np.int64(parameters.top)), 1, "max", "value"
    )
    # The probabilities need not sum to 1, since the result is brought to unit length.
    rows = ops.gather(ops.constant(classes), best.output(1), ops.constant(np.int64(0)))
    weight = ops.unsqueeze(best.output(0), layers.indices(1))
    mean = ops.matmul(weight, rows, transpose_a=False, transpose_b=False)
    mean = ops.squeeze(mean, layers.indices(1))
    return layers.model([image], layers.unit_length(mean), "embedding", "conse_image")
