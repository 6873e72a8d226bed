"""Tokenizers as graphs: strings in, token ids and mask out, run by OpenVINO's tokenizer extension."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from typing import Any

import openvino as ov
import openvino.opset15 as ops
from tokenizers import Tokenizer

_CLIP_MERGES = 49152 - 256 - 2
"""Lines of OpenAI's merges file that CLIP uses: its vocabulary without bytes and special tokens."""


@dataclass(frozen=True)
class TextInput:
    """A tokenizer's graph, open at its end.

    strings: parameter of strings [N]; ids and mask: int64 [N, L], L the longest text of the call;
    mask is 1 for tokens and 0 for padding. Longer texts are cut to max_length tokens, of which the
    last is the end token.
    """

    strings: ov.Node
    ids: ov.Node
    mask: ov.Node


def _convert(tokenizer: Any, max_length: int) -> TextInput:
    from openvino_tokenizers import convert_tokenizer

    model = convert_tokenizer(
        tokenizer, with_detokenizer=False, truncation=True, max_length=max_length
    )
    # The converter keeps its switches as state of an inference request; as constants they leave
    # the graph stateless, so that requests can share a compiled model.
    for node in model.get_ordered_ops():
        if node.get_type_name() == "ReadValue":
            for target in node.output(0).get_target_inputs():
                if target.get_node().get_type_name() != "Assign":
                    target.replace_source_output(node.input_value(0))
    outputs = {output.any_name: output.node.input_value(0).node for output in model.outputs}
    strings = model.inputs[0].node
    strings.set_friendly_name("texts")
    return TextInput(strings, outputs["input_ids"], outputs["attention_mask"])


def _import_transformers() -> Any:
    # It warns on import that PyTorch is absent, which is intended here.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import transformers

    return transformers


def bert(tokenizer_json: str, max_length: int) -> TextInput:
    """BERT's WordPiece tokenizer from the text of a `tokenizer.json`."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()  # the file pads every text to 128 tokens; the graph pads to the longest
    fast = _import_transformers().PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_max_length=max_length,
    )
    return _convert(fast, max_length)


def _byte_characters() -> list[str]:
    """The printable character that stands for each byte in GPT-2's byte-level vocabulary.

    In the vocabulary's order: printable bytes stand for themselves, the other 68 follow as the
    characters from U+0100 (Radford et al., "Language Models are Unsupervised Multitask Learners").
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(code) for code in printable] + [chr(0x100 + i) for i in range(len(others))]


def clip(merges_gz: bytes, max_length: int) -> TextInput:
    """CLIP's byte-pair tokenizer from OpenAI's gzipped merges file; the end token has the last id."""
    lines = gzip.decompress(merges_gz).decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : _CLIP_MERGES + 1]]  # the first is a header
    symbols = _byte_characters()
    words = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(m) for m in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = _import_transformers().CLIPTokenizer(
        vocab=vocabulary, merges=merges, model_max_length=max_length
    )
    return _convert(tokenizer, max_length)


def model(text: TextInput) -> ov.Model:
    """The tokenizer alone, with outputs "input_ids" and "attention_mask"."""
    results = []
    for node, name in ((text.ids, "input_ids"), (text.mask, "attention_mask")):
        result = ops.result(node)
        result.output(0).get_tensor().set_names({name})
        results.append(result)
    return ov.Model(results, [text.strings], "tokenizer")
