"""The checkpoint reader builds tensors, rejects everything else, and survives damage."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export import checkpoints
from export.checkpoints import CheckpointError, read_checkpoint


class Global:
    """Pickles as a reference to module.name."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Storage:
    """Pickles as PyTorch's persistent id of a storage."""

    def __init__(self, kind: str, key: str, elements: Any) -> None:
        self.pid = ("storage", Global("torch", kind), key, "cpu", elements)


class Call:
    """Pickles as a call of a global with arguments."""

    def __init__(self, function: Global, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


# The C pickler cannot write globals that do not exist here; this one, in Python, is untyped.
_Pickler: Any = pickle._Pickler


class _Writer(_Pickler):  # type: ignore[misc]
    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, Storage) else None

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Global):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(b"R")
        else:
            super().save(value, save_persistent_id)


def pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    _Writer(stream, protocol=2).dump(value)
    return stream.getvalue()


def tensor(storage: Storage, offset: Any, shape: Any, strides: Any) -> Call:
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, offset, shape, strides, False, OrderedDict())


def archive(path: Path, root: Any, **storages: bytes) -> Path:
    """A checkpoint in the zip format."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", root if isinstance(root, bytes) else pickled(root))
        for key, content in storages.items():
            file.writestr(f"model/data/{key.removeprefix('s')}", content)
    return path


def legacy(path: Path, root: Any, keys: list[str], content: bytes) -> Path:
    """A checkpoint in the format before PyTorch 1.6."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    parts = [pickle.dumps(value, 2) for value in head]
    path.write_bytes(b"".join([*parts, pickled(root), pickle.dumps(keys, 2), content]))
    return path


def test_views_share_a_storage(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32)
    storage = Storage("FloatStorage", "0", 12)
    root = {
        "whole": tensor(storage, 0, (3, 4), (4, 1)),
        "transposed": tensor(storage, 0, (4, 3), (1, 4)),
        "part": tensor(storage, 5, (2, 2), (4, 1)),
        "repeated": tensor(storage, 7, (3, 2), (0, 1)),
        "scalar": tensor(storage, 11, (), ()),
        "none": tensor(storage, 0, (0, 4), (4, 1)),
    }
    weights = read_checkpoint(archive(tmp_path / "x.pth", root, s0=values.tobytes()))
    whole = values.reshape(3, 4)
    np.testing.assert_array_equal(weights["whole"], whole)
    np.testing.assert_array_equal(weights["transposed"], whole.T)
    np.testing.assert_array_equal(weights["part"], [[5, 6], [9, 10]])
    np.testing.assert_array_equal(weights["repeated"], [[7, 8]] * 3)
    assert weights["scalar"] == 11
    assert weights["none"].shape == (0, 4)
    weights["whole"][0, 0] = 99  # each is a separate copy
    assert weights["transposed"][0, 0] == 0


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("HalfStorage", np.array([1.5, -2], "<f2").tobytes(), [1.5, -2]),
        ("DoubleStorage", np.array([1.5, -2], "<f8").tobytes(), [1.5, -2]),
        ("LongStorage", np.array([1, -2], "<i8").tobytes(), [1, -2]),
        ("BoolStorage", b"\x01\x00", [True, False]),
        ("BFloat16Storage", struct.pack("<HH", 0x3FC0, 0xC000), [1.5, -2]),
    ],
)
def test_types(tmp_path: Path, kind: str, content: bytes, expected: list[float]) -> None:
    root = {"x": tensor(Storage(kind, "0", 2), 0, (2,), (1,))}
    assert read_checkpoint(archive(tmp_path / "x.pth", root, s0=content))["x"].tolist() == expected


def test_nested_names_and_plain_values(tmp_path: Path) -> None:
    storage = Storage("FloatStorage", "0", 1)
    root = {"a": {"b": tensor(storage, 0, (1,), (1,))}, "steps": 3, "name": "net", 4: None}
    weights = read_checkpoint(archive(tmp_path / "x.pth", root, s0=bytes(4)))
    assert list(weights) == ["a.b"]


def test_legacy_format(tmp_path: Path) -> None:
    content = struct.pack("<q2f", 2, 3.0, 4.0)
    root = OrderedDict(x=tensor(Storage("FloatStorage", "77", 2), 0, (2,), (1,)))
    file = legacy(tmp_path / "x.pth", root, ["77"], content)
    assert read_checkpoint(file)["x"].tolist() == [3.0, 4.0]


def test_every_truncation_of_a_legacy_file_is_refused(tmp_path: Path) -> None:
    root = {"x": tensor(Storage("FloatStorage", "77", 2), 0, (2,), (1,))}
    file = legacy(tmp_path / "x.pth", root, ["77"], struct.pack("<q2f", 2, 3.0, 4.0))
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_checkpoint(file)


def test_truncations_of_an_archive_are_refused(tmp_path: Path) -> None:
    root = {"x": tensor(Storage("FloatStorage", "0", 2), 0, (2,), (1,))}
    file = archive(tmp_path / "x.pth", root, s0=bytes(8))
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_checkpoint(file)


def test_a_changed_byte_is_read_or_refused(tmp_path: Path) -> None:
    """Whichever byte changes, the reader returns tensors or raises its own error."""
    root = {"x": tensor(Storage("FloatStorage", "0", 2), 0, (2,), (1,))}
    content = pickled(root)
    for at in range(len(content)):
        for value in (0, 0xFF, content[at] ^ 0x01, content[at] ^ 0x20):
            changed = content[:at] + bytes([value]) + content[at + 1 :]
            with contextlib.suppress(CheckpointError):
                read_checkpoint(archive(tmp_path / "x.pth", changed, s0=bytes(8)))


MARKER = "EXPORT_TEST_RAN"


@pytest.mark.parametrize(
    "function",
    [
        Global("os", "system"),
        Global("posix", "system"),
        Global("builtins", "eval"),
        Global("builtins", "getattr"),
        Global("subprocess", "run"),
        Global("torch", "load"),
        Global("torch._utils", "_rebuild_tensor_v3"),
        Global("collections", "Counter"),
        Global("numpy", "load"),
        Global("export.checkpoints", "read_checkpoint"),
        Global("torch.jit._pickle", "anything"),
    ],
    ids=lambda g: f"{g.module}.{g.name}",
)
@pytest.mark.parametrize("write", ["archive", "legacy"])
def test_nothing_but_tensors_is_called(
    tmp_path: Path, function: Global, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    monkeypatch.setattr(builtins, "eval", ran.append)
    root = {"x": Call(function, "true")}
    if write == "archive":
        file = archive(tmp_path / "x.pth", root)
    else:
        file = legacy(tmp_path / "x.pth", root, [], b"")
    with pytest.raises(CheckpointError, match=rf"{function.module}\.{function.name}"):
        read_checkpoint(file)
    assert ran == []


def test_a_real_exploit_does_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Exploit:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return os.system, (f"touch {marker}",)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        file = archive(tmp_path / "x.pth", pickle.dumps({"x": Exploit()}, protocol))
        with pytest.raises(CheckpointError, match="not part of a tensor"):
            read_checkpoint(file)
    assert not marker.exists()


def build(value: bytes, state: Any) -> bytes:
    """A pickle that makes `value` and then sets its state, as BUILD does for objects."""
    body = pickled(state).removeprefix(b"\x80\x02").removesuffix(b".")
    return b"\x80\x02" + value + body + b"b."


@pytest.mark.parametrize(
    "state", [(None, {"__call__": 1}), {"x": 1}, (1 << 40, 2, 3, 4), ("O",)], ids=str
)
@pytest.mark.parametrize("kind", ["function", "storage type", "storage", "tensor"])
def test_what_was_checked_cannot_be_changed_later(tmp_path: Path, kind: str, state: Any) -> None:
    storage = Storage("FloatStorage", "0", 2)
    made = {
        "function": pickled(Global("torch._utils", "_rebuild_tensor_v2")),
        "storage type": pickled(Global("torch", "FloatStorage")),
        "storage": pickled(storage),
        "tensor": pickled(tensor(storage, 0, (2,), (1,))),
    }[kind]
    content = build(made.removeprefix(b"\x80\x02").removesuffix(b"."), state)
    with pytest.raises(CheckpointError, match="tries to change"):
        read_checkpoint(archive(tmp_path / "x.pth", content, s0=bytes(8)))


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "reason"),
    [
        (0, (3,), (1,), "outside"),
        (2, (1,), (1,), "outside"),
        (0, (2, 2), (1, 1), "outside"),
        (-1, (1,), (1,), "impossible"),
        (0, (-1,), (1,), "impossible"),
        (0, (2,), (-1,), "impossible"),
        (0, (1, 1), (1,), "impossible"),
        (0, (1.5,), (1,), "impossible"),
        ("0", (1,), (1,), "impossible"),
        (0, 2, (1,), "not lists"),
        (0, (1 << 20, 1 << 20), (0, 0), "more than"),
    ],
)
def test_impossible_views_are_refused(
    tmp_path: Path, offset: Any, shape: Any, strides: Any, reason: str
) -> None:
    root = {"x": tensor(Storage("FloatStorage", "0", 2), offset, shape, strides)}
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(archive(tmp_path / "x.pth", root, s0=bytes(8)))


@pytest.mark.parametrize("elements", [-1, 1.5, True, "2", 1 << 60])
def test_impossible_storages_are_refused(tmp_path: Path, elements: Any) -> None:
    root = {"x": tensor(Storage("FloatStorage", "0", elements), 0, (1,), (1,))}
    with pytest.raises(CheckpointError, match="impossible size"):
        read_checkpoint(archive(tmp_path / "x.pth", root, s0=bytes(8)))


def test_missing_and_short_storages_are_refused(tmp_path: Path) -> None:
    root = {"x": tensor(Storage("FloatStorage", "0", 2), 0, (2,), (1,))}
    with pytest.raises(CheckpointError, match="no model/data/0"):
        read_checkpoint(archive(tmp_path / "x.pth", root))
    with pytest.raises(CheckpointError, match="cut short"):
        read_checkpoint(archive(tmp_path / "x.pth", root, s0=bytes(7)))


def test_files_that_are_something_else(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    with pytest.raises(CheckpointError, match="there is no file"):
        read_checkpoint(file)
    for content in (b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100), pickle.dumps({"x": 1})):
        file.write_bytes(content)
        with pytest.raises(CheckpointError):
            read_checkpoint(file)
    with zipfile.ZipFile(file, "w") as empty:
        empty.writestr("readme.txt", "x")
    with pytest.raises(CheckpointError, match=r"no data\.pkl"):
        read_checkpoint(file)


def test_size_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = {"x": tensor(Storage("FloatStorage", "0", 64), 0, (64,), (1,))}
    file = archive(tmp_path / "x.pth", root, s0=bytes(256))
    monkeypatch.setattr(checkpoints, "MAX_PICKLE_BYTES", 16)
    with pytest.raises(CheckpointError, match="larger than 16 bytes"):
        read_checkpoint(file)
    # A bomb: 1 MiB of zeros packed into a small file.
    monkeypatch.setattr(checkpoints, "MAX_FILE_BYTES", 100_000)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("model/data.pkl", bytes(1 << 20))
    with pytest.raises(CheckpointError, match="unpacks to more than"):
        read_checkpoint(file)


def test_modules_that_hold_themselves_end(tmp_path: Path) -> None:
    # }q\0 memoizes a dictionary, which then becomes its own item "a".
    content = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."
    with pytest.raises(CheckpointError, match="nested too deep"):
        read_checkpoint(archive(tmp_path / "x.pth", content))


def test_torchscript_archive(shared: Path) -> None:
    weights = read_checkpoint(shared / "models/clip_tiny_random_jit.pt")
    assert weights["visual.conv1.weight"].shape == (128, 3, 32, 32)
    assert weights["logit_scale"].shape == ()
    assert {value.dtype for value in weights.values()} == {np.dtype("<f2")}
