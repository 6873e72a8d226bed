"""CLIP's two towers and the MiniLM sentence encoder as OpenVINO graphs."""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from . import layers
from .checkpoints import Weights
from .layers import Node, constant

_CLIP_EPS = 1e-5
_CLIP_HEAD_WIDTH = 64
_BERT_EPS = 1e-12
_BERT_HEADS = 12


def _float32(w: Weights) -> Weights:
    return Weights({name: value.astype(np.float32) for name, value in w.items()})


def _clip_blocks(x: Node, w: Weights, prefix: str, *, causal: bool) -> Node:
    """The residual attention blocks of one tower; x is [N, T, C]."""
    heads = w[f"{prefix}.0.ln_1.weight"].size // _CLIP_HEAD_WIDTH
    index = 0
    while f"{prefix}.{index}.ln_1.weight" in w:
        p = f"{prefix}.{index}"
        h = layers.layer_norm(x, w[f"{p}.ln_1.weight"], w[f"{p}.ln_1.bias"], _CLIP_EPS)
        weights = np.split(w[f"{p}.attn.in_proj_weight"], 3)
        biases = np.split(w[f"{p}.attn.in_proj_bias"], 3)
        q, k, v = (layers.linear(h, a, b) for a, b in zip(weights, biases, strict=True))
        h = layers.attention(q, k, v, heads, causal=causal)
        h = layers.linear(h, w[f"{p}.attn.out_proj.weight"], w[f"{p}.attn.out_proj.bias"])
        x = ops.add(x, h)
        h = layers.layer_norm(x, w[f"{p}.ln_2.weight"], w[f"{p}.ln_2.bias"], _CLIP_EPS)
        h = layers.linear(h, w[f"{p}.mlp.c_fc.weight"], w[f"{p}.mlp.c_fc.bias"])
        # QuickGELU, x · σ(1.702 x), as OpenAI trained it
        h = ops.multiply(h, ops.sigmoid(ops.multiply(h, constant(1.702))))
        h = layers.linear(h, w[f"{p}.mlp.c_proj.weight"], w[f"{p}.mlp.c_proj.bias"])
        x = ops.add(x, h)
        index += 1
    return x


def clip_image(w: Weights) -> ov.Model:
    """Image [N, 3, S, S], normalized, to unit-length embedding [N, D]. Radford et al. 2021; sizes
    are taken from the weights.
    """
    w = _float32(w)
    conv = w["visual.conv1.weight"]
    width, patch = conv.shape[0], conv.shape[-1]
    side = int((w["visual.positional_embedding"].shape[0] - 1) ** 0.5) * patch
    image = layers.parameter([-1, 3, side, side], "image")
    x = ops.convolution(image, constant(conv), [patch] * 2, [0, 0], [0, 0], [1, 1])
    x = ops.reshape(x, constant([0, width, -1], np.int64), special_zero=True)
    x = ops.transpose(x, constant([0, 2, 1], np.int64))
    batch = ops.gather(ops.shape_of(image), constant([0], np.int64), constant(0, np.int64))
    shape = ops.concat([batch, constant([1, width], np.int64)], 0)
    x = ops.concat([ops.broadcast(constant(w["visual.class_embedding"]), shape), x], 1)
    x = ops.add(x, constant(w["visual.positional_embedding"]))
    x = layers.layer_norm(x, w["visual.ln_pre.weight"], w["visual.ln_pre.bias"], _CLIP_EPS)
    x = _clip_blocks(x, w, "visual.transformer.resblocks", causal=False)
    x = ops.gather(x, constant(0, np.int64), constant(1, np.int64))
    x = layers.layer_norm(x, w["visual.ln_post.weight"], w["visual.ln_post.bias"], _CLIP_EPS)
    x = layers.linear(x, w["visual.proj"].T)
    return layers.model(layers.unit_length(x), [image], "clip_image", "embedding")


def clip_text(w: Weights) -> ov.Model:
    """Token ids [N, T] int64, T of at most 77, to unit-length embedding [N, D].

    T is that of the longest text: padding after a text changes nothing, since a token attends only
    to earlier ones.
    """
    w = _float32(w)
    ids = layers.parameter([-1, -1], "input_ids", np.int64)
    zero, one = constant([0], np.int64), constant([1], np.int64)
    length = ops.gather(ops.shape_of(ids), one, constant(0, np.int64))
    x = ops.gather(constant(w["token_embedding.weight"]), ids, constant(0, np.int64))
    x = ops.add(x, ops.slice(constant(w["positional_embedding"]), zero, length, one, zero))
    x = _clip_blocks(x, w, "transformer.resblocks", causal=True)
    x = layers.layer_norm(x, w["ln_final.weight"], w["ln_final.bias"], _CLIP_EPS)
    # The embedding is at the first end-of-text token, which has the highest id.
    end = w["token_embedding.weight"].shape[0] - 1
    backwards = ops.range(
        ops.squeeze(length, zero), constant(0, np.int64), constant(-1, np.int64), "i64"
    )  # T, T - 1, … 1: the largest at an end token marks the first one
    at_end = ops.convert(ops.equal(ids, constant(end, np.int64)), "i64")
    first = ops.subtract(
        length, ops.reduce_max(ops.multiply(at_end, backwards), one, keep_dims=True)
    )
    x = ops.squeeze(ops.gather(x, first, constant(1, np.int64), batch_dims=1), one)
    x = layers.linear(x, w["text_projection"].T)
    return layers.model(layers.unit_length(x), [ids], "clip_text", "embedding")


def logit_scale(w: Weights) -> float:
    """The factor of the cosine; the weights contain its logarithm."""
    return float(np.exp(w["logit_scale"].astype(np.float64)))


def minilm(w: Weights) -> ov.Model:
    """Token ids and attention mask, both [N, T] int64, to unit-length sentence embeddings [N, D].

    A BERT encoder (Devlin et al. 2019) with the mean over the tokens of a text (Reimers and
    Gurevych 2019).
    """
    ids = layers.parameter([-1, -1], "input_ids", np.int64)
    given = layers.parameter([-1, -1], "attention_mask", np.int64)
    mask = ops.convert(given, "f32")  # 1 for tokens, 0 for padding
    zero, one = constant(0, np.int64), constant(1, np.int64)

    def norm(x: Node, name: str) -> Node:
        return layers.layer_norm(x, w[f"{name}.weight"], w[f"{name}.bias"], _BERT_EPS)

    def linear(x: Node, name: str) -> Node:
        return layers.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    length = ops.gather(ops.shape_of(ids), one, zero)
    positions = ops.range(zero, length, one, "i64")
    x = ops.gather(constant(w["embeddings.word_embeddings.weight"]), ids, zero)
    x = ops.add(
        x, ops.gather(constant(w["embeddings.position_embeddings.weight"]), positions, zero)
    )
    x = ops.add(x, constant(w["embeddings.token_type_embeddings.weight"][0]))
    x = norm(x, "embeddings.LayerNorm")
    hidden = ops.multiply(ops.subtract(mask, constant(1.0)), constant(1e9))
    hidden = ops.unsqueeze(hidden, constant([1, 2], np.int64))
    index = 0
    while f"encoder.layer.{index}.output.LayerNorm.weight" in w:
        p = f"encoder.layer.{index}"
        q, k, v = (linear(x, f"{p}.attention.self.{name}") for name in ("query", "key", "value"))
        h = layers.attention(q, k, v, _BERT_HEADS, hidden)
        h = linear(h, f"{p}.attention.output.dense")
        x = norm(ops.add(x, h), f"{p}.attention.output.LayerNorm")
        h = ops.gelu(linear(x, f"{p}.intermediate.dense"), "erf")
        x = norm(ops.add(x, linear(h, f"{p}.output.dense")), f"{p}.output.LayerNorm")
        index += 1
    weights = ops.unsqueeze(mask, constant([2], np.int64))
    total = ops.reduce_sum(ops.multiply(x, weights), constant([1], np.int64))
    count = ops.reduce_sum(weights, constant([1], np.int64))
    x = layers.unit_length(ops.divide(total, count))
    return layers.model(x, [ids, given], "minilm", "embedding")
