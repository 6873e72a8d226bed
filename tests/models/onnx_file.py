"""ONNX files without the package onnx: protobuf, written field by field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt


def _varint(number: int) -> bytes:
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*result, number])


def _message(*fields: tuple[int, int | str | bytes]) -> bytes:
    result = b""
    for field, value in fields:
        if isinstance(value, int):
            result += _varint(field << 3) + _varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            result += _varint(field << 3 | 2) + _varint(len(content)) + content
    return result


def _float_tensor(name: str, shape: list[int]) -> bytes:
    dimensions = _message(*[(1, _message((1, size))) for size in shape])
    return _message((1, name), (2, _message((1, _message((1, 1), (2, dimensions))))))


def write_with_external_weights(
    file: Path, weights: npt.NDArray[np.float32], data: str, side: int = 32
) -> None:
    """A classifier of an image's mean colours; its `weights` [3, labels] are in the file `data`
    beside it, as PyTorch writes them.
    """
    (file.parent / data).write_bytes(weights.astype("<f4").tobytes())
    entries = [("location", data), ("offset", "0"), ("length", str(weights.size * 4))]
    tensor = _message(
        *[(1, size) for size in weights.shape],
        (2, 1),
        (8, "weights"),
        *[(13, _message((1, key), (2, value))) for key, value in entries],
        (14, 1),
    )
    graph = _message(
        (1, _message((1, "image"), (2, "means"), (4, "GlobalAveragePool"))),
        (1, _message((1, "means"), (2, "rows"), (4, "Flatten"))),
        (1, _message((1, "rows"), (1, "weights"), (2, "scores"), (4, "MatMul"))),
        (2, "net"),
        (5, tensor),
        (11, _float_tensor("image", [1, 3, side, side])),
        (12, _float_tensor("scores", [1, weights.shape[1]])),
    )
    file.write_bytes(_message((1, 8), (7, graph), (8, _message((1, ""), (2, 13)))))
