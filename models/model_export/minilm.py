"""all-MiniLM-L6-v2, a sentence encoder: BERT (Devlin et al., NAACL 2019) of six small layers.

A text's embedding is the mean of its tokens' outputs, of unit length (Reimers and Gurevych,
"Sentence-BERT", EMNLP 2019). Dimensions are read from the weights; heads and limits from config.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
import openvino.opset15 as ops

from model_export import layers
from model_export.checkpoint import Weights
from model_export.text_input import TextInput

HEADS = 12
MAX_TOKENS = 128
"""Where sentence-transformers' own tokenizer file for this model cuts a text."""
_EPSILON = 1e-12


def embedding(weights: Weights, text: TextInput) -> ov.Node:
    """Sentence embeddings [N, D] of unit length for the texts of a tokenizer's graph.

    Raises `CheckpointError` when the tensors are not those of such an encoder.
    """
    for unused in ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"):
        weights.discard(unused)
    zero = ops.constant(np.int64(0))
    words = ops.constant(weights.take("embeddings.word_embeddings.weight"))
    # All tokens belong to the first of BERT's two segments, whose vector joins the positions'.
    segment = weights.take("embeddings.token_type_embeddings.weight")[0]
    positions = ops.constant(weights.take("embeddings.position_embeddings.weight") + segment)
    length = ops.gather(ops.shape_of(text.ids), layers.indices(1), zero)
    positions = ops.slice(positions, layers.indices(0), length, layers.indices(1), layers.indices(0))
    x = ops.add(ops.gather(words, text.ids, zero), positions)
    x = layers.layer_norm(x, weights, "embeddings.LayerNorm", _EPSILON)
    visible = ops.convert(ops.unsqueeze(text.mask, layers.indices(1, 2)), "boolean")
    for number in range(weights.count("encoder.layer.{}.")):
        layer = f"encoder.layer.{number}"
        projections = tuple(
            (weights.take(f"{layer}.attention.self.{part}.weight"),
             weights.take(f"{layer}.attention.self.{part}.bias"))
            for part in ("query", "key", "value")
        )
        assert len(projections) == 3
        y = layers.attention(x, projections, HEADS, mask=visible)
        y = layers.linear_from(y, weights, f"{layer}.attention.output.dense")
        x = layers.layer_norm(
            ops.add(x, y), weights, f"{layer}.attention.output.LayerNorm", _EPSILON
        )
        y = layers.linear_from(x, weights, f"{layer}.intermediate.dense")
        y = layers.linear_from(ops.gelu(y, "erf"), weights, f"{layer}.output.dense")
        x = layers.layer_norm(ops.add(x, y), weights, f"{layer}.output.LayerNorm", _EPSILON)
    weights.finish()
    # The mean's divisor is left out: it does not change the direction.
    mask = ops.convert(ops.unsqueeze(text.mask, layers.indices(2)), "f32")
    return layers.unit_length(ops.reduce_sum(ops.multiply(x, mask), layers.indices(1)))


def build(weights: Weights, text: TextInput) -> ov.Model:
    """The graph: "texts" strings [N] → "embedding" float32 [N, D] of unit length."""
    return layers.model([text.strings], embedding(weights, text), "embedding", "minilm")
