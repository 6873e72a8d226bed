"""Text graphs: strings in, embeddings out, with the tokenizer inside."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import openvino as ov
from openvino_tokenizers import connect_models, convert_tokenizer

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
    """Strings [N] to input_ids [N, 77] as OpenAI's tokenizer, padded with 0, from its list of merges."""
    from transformers import CLIPTokenizer

    lines = gzip.decompress(merges_gz.read_bytes()).decode("utf-8").split("\n")
    merges = lines[1 : _CLIP_VOCABULARY - 2 * 256 - 2 + 1]
    # The vocabulary is the bytes, the bytes at the end of a word, the merges, and two marks.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]
    words = symbols + [s + "</w>" for s in symbols] + [m.replace(" ", "") for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vocabulary = {word: index for index, word in enumerate(words)}
        (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"tokenizer_class": "CLIPTokenizer", "pad_token": "!", "model_max_length": _CLIP_TOKENS})
        )
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        return convert_tokenizer(
            tokenizer, max_length=_CLIP_TOKENS, use_max_padding=True, truncation=True
        )


def text_graph(tokenizer: ov.Model, encoder: ov.Model) -> ov.Model:
    """The tokenizer's outputs connected to the encoder's inputs of the same names."""
    # The converter keeps options of the tokenizer as state; here they are fixed, and a graph without state can run in
    # several requests at once.
    for node in tokenizer.get_ordered_ops():
        if node.get_type_name() == "ReadValue":
            node.output(0).replace(node.input_value(0))
    graph = connect_models(tokenizer, encoder)
    graph.output(0).get_tensor().set_names({"embedding"})
    return graph


def embed(graph: ov.CompiledModel, texts: list[str], batch: int = 64) -> np.ndarray:
    """Embeddings [len(texts), D] of a compiled text graph."""
    rows = [graph(texts[i : i + batch])[0].copy() for i in range(0, len(texts), batch)]
    return np.concatenate(rows)
