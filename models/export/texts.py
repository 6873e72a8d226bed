"""Text graphs: strings in, embeddings out, with the tokenizer inside."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino_tokenizers import convert_tokenizer

# transformers would warn that PyTorch is absent, which is intended.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

# MiniLM's sentence encoder was trained on texts of up to this many tokens.
_MINILM_TOKENS = 256
_CLIP_TOKENS = 77
_CLIP_VOCABULARY = 49_408


def minilm_tokenizer(folder: Path) -> ov.Model:
    """Strings [N] to input_ids and attention_mask [N, T] from the tokenizer.json in `folder`."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=_MINILM_TOKENS,
    )
    return convert_tokenizer(tokenizer, max_length=_MINILM_TOKENS, truncation=True)


def clip_tokenizer(merges_gz: Path) -> ov.Model:
    """Strings [N] to input_ids [N, T] as by OpenAI's tokenizer, T at most 77, from its merges."""
    from transformers import CLIPTokenizer

    lines = gzip.decompress(merges_gz.read_bytes()).decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : _CLIP_VOCABULARY - 2 * 256 - 2 + 1]]
    # The vocabulary: the bytes, the bytes at the end of a word, the merges, and two special tokens.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]
    words = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    # Padding stays the end token: with "!", which has the id 0 of OpenAI's padding, "!" would be
    # removed from the texts.
    tokenizer = CLIPTokenizer(
        vocab={word: index for index, word in enumerate(words)},
        merges=merges,
        model_max_length=_CLIP_TOKENS,
    )
    return convert_tokenizer(tokenizer, max_length=_CLIP_TOKENS, truncation=True)


def text_graph(tokenizer: ov.Model, encoder: ov.Model) -> ov.Model:
    """The tokenizer's outputs connected to the encoder's inputs of the same names."""
    # The converter keeps options of the tokenizer as state. They are made constants here, because
    # only a graph without state can run in several requests at once.
    for node in tokenizer.get_ordered_ops():
        if node.get_type_name() == "ReadValue":
            node.output(0).replace(node.input_value(0))
    tokens = {output.any_name: output.node.input_value(0) for output in tokenizer.outputs}
    for parameter in encoder.inputs:
        parameter.node.output(0).replace(tokens[parameter.any_name])
    strings = tokenizer.get_parameters()
    strings[0].output(0).get_tensor().set_names({"texts"})
    return ov.Model(encoder.get_results(), strings, encoder.get_friendly_name())


def embed(graph: ov.CompiledModel, texts: list[str], batch: int = 64) -> npt.NDArray[np.float32]:
    """Embeddings [len(texts), D] of a compiled text graph.

    Texts of similar length share a batch, since a batch is as long as its longest text.
    """
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = [
        graph([texts[i] for i in order[at : at + batch]])[0].copy()
        for at in range(0, len(order), batch)
    ]
    result = np.empty((len(texts), rows[0].shape[1]), np.float32)
    result[order] = np.concatenate(rows)
    return result
