"""Tokenizers as graphs: strings in, token ids and mask out, run by OpenVINO's tokenizer extension."""

from __future__ import annotations

import contextlib
import gzip
import io
import logging
import os
from dataclasses import dataclass

import openvino as ov
from tokenizers import Tokenizer

# `transformers` warns on import that PyTorch is absent, which is intended here.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

_CLIP_MERGES = 49152 - 256 - 2
"""Lines of OpenAI's merges file that CLIP uses: its vocabulary without bytes and special tokens."""


@dataclass(frozen=True)
class TextInput:
    """A tokenizer's graph, open at its end.

    strings: parameter of strings [N]; ids and mask: int64 [N, L], L the longest text of the call,
    mask 1 for tokens and 0 for padding.
    """

    strings: ov.Node
    ids: ov.Node
    mask: ov.Node


def _convert(tokenizer: object, max_length: int) -> TextInput:
    from openvino_tokenizers import convert_tokenizer

    logging.getLogger("transformers").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        model = convert_tokenizer(tokenizer, with_detokenizer=False, max_length=max_length)
    outputs = {output.any_name: output.node.input_value(0).get_node() for output in model.outputs}
    strings = model.input(0).node
    strings.set_friendly_name("texts")
    raise NotImplementedError
