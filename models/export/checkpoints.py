"""Reads PyTorch checkpoints without PyTorch.

Three formats hold the weights that are exported: the zip archive of ``torch.save``, the TorchScript archive of
``torch.jit.save``, and the legacy stream of pickles of PyTorch before 1.6. All of them pickle their tensors, and a
pickle can call anything, so the unpickler here builds tensors and plain containers and refuses everything else.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_BYTES = 4 << 30

_STORAGE_TYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "BoolStorage": np.dtype("?"),
}


class CheckpointError(ValueError):
    """The file is not a checkpoint that can be read, or it holds more than tensors."""


@dataclass(frozen=True)
class _StorageType:
    name: str

    @property
    def dtype(self) -> np.dtype[Any]:
        return _STORAGE_TYPES[self.name]


@dataclass
class _Tensor:
    """A view of a storage that is read later."""

    storage: Any
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self, flat: Array) -> Array:
        """The tensor as an array of its own; raises CheckpointError where it leaves its storage."""
        if len(self.shape) != len(self.stride) or self.offset < 0:
            raise CheckpointError("a tensor's shape and stride do not fit together")
        if any(n < 0 for n in self.shape) or any(s < 0 for s in self.stride):
            raise CheckpointError("a tensor has a negative size")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
        if 0 not in self.shape and last >= flat.size:
            raise CheckpointError("a tensor reaches beyond its storage")
        strides = tuple(s * flat.itemsize for s in self.stride)
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides)
        return np.array(view)


def _rebuild_tensor(
    storage: Any, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


class _ScriptModule:
    """A TorchScript object: its attributes are tensors, plain values and other objects."""

    def __init__(self, *_: Any) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.attributes = state


class _Unpickler(pickle.Unpickler):
    """Builds tensors and containers; any other global is an error that names it."""

    def __init__(self, stream: Any, load_storage: Callable[[Any], Any], script: bool) -> None:
        super().__init__(stream)
        self._load_storage = load_storage
        self._script = script

    def persistent_load(self, pid: Any) -> Any:
        return self._load_storage(pid)

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Any] = {
            ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
            ("collections", "OrderedDict"): OrderedDict,
        }
        if (module, name) in known:
            return known[(module, name)]
        if module == "torch" and name in _STORAGE_TYPES:
            return _StorageType(name)
        if self._script and module.startswith("__torch__."):
            return _ScriptModule
        if self._script and module == "torch.jit._pickle":
            return lambda value, *_: value
        raise CheckpointError(f"the checkpoint wants to run {module}.{name}, which is not a tensor")


def _load_pickle(stream: Any, load_storage: Callable[[Any], Any], script: bool = False) -> Any:
    try:
        return _Unpickler(stream, load_storage, script).load()
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"the checkpoint is damaged: {error}") from error


def _flatten(tree: Any, prefix: str, arrays: dict[str, Array], read: Callable[[Any], Array]) -> None:
    if isinstance(tree, _ScriptModule):
        tree = tree.attributes
    if isinstance(tree, _Tensor):
        arrays[prefix] = tree.array(read(tree.storage))
    elif isinstance(tree, dict):
        for key, value in tree.items():
            _flatten(value, f"{prefix}.{key}" if prefix else str(key), arrays, read)


def _read_zip(file: Path) -> dict[str, Array]:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError("the archive has no data.pkl")
        if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES:
            raise CheckpointError("the archive unpacks to more than 4 GiB")
        root = pickles[0].rpartition("/")[0]
        script = f"{root}/constants.pkl" in names
        flats: dict[str, Array] = {}

        def storage(pid: Any) -> Any:
            kind, dtype, key = pid[0], pid[1], str(pid[2])
            if kind != "storage" or not isinstance(dtype, _StorageType):
                raise CheckpointError("the checkpoint refers to something that is not a storage")
            if key not in flats:
                try:
                    content = archive.read(f"{root}/data/{key}")
                except (KeyError, zipfile.BadZipFile) as error:
                    raise CheckpointError(f"storage {key} is missing or damaged") from error
                flats[key] = np.frombuffer(content, dtype.dtype)
            return key

        tree = _load_pickle(io.BytesIO(archive.read(pickles[0])), storage, script)
        arrays: dict[str, Array] = {}
        _flatten(tree, "", arrays, lambda key: flats[key])
        return arrays


def _read_legacy(stream: io.BytesIO) -> dict[str, Array]:
    def no_storage(pid: Any) -> Any:
        raise CheckpointError("a header refers to a storage")

    if _load_pickle(stream, no_storage) != _LEGACY_MAGIC:
        raise CheckpointError("this is not a PyTorch checkpoint")
    if _load_pickle(stream, no_storage) != _LEGACY_PROTOCOL:
        raise CheckpointError("the checkpoint has an unknown version")
    _load_pickle(stream, no_storage)  # sizes of C types; they are fixed by the names of the storages
    types: dict[str, np.dtype[Any]] = {}

    def storage(pid: Any) -> Any:
        kind, dtype, key = pid[0], pid[1], str(pid[2])
        if kind != "storage" or not isinstance(dtype, _StorageType) or (len(pid) > 5 and pid[5]):
            raise CheckpointError("the checkpoint refers to something that is not a whole storage")
        types[key] = dtype.dtype
        return key

    tree = _load_pickle(stream, storage)
    keys = _load_pickle(stream, no_storage)
    flats: dict[str, Array] = {}
    for key in keys:
        count = int.from_bytes(stream.read(8), "little")
        if key not in types or count * types[key].itemsize > _MAX_BYTES:
            raise CheckpointError(f"storage {key} has an impossible size")
        content = stream.read(count * types[key].itemsize)
        if len(content) != count * types[key].itemsize:
            raise CheckpointError("the checkpoint is truncated")
        flats[key] = np.frombuffer(content, types[key])
    arrays: dict[str, Array] = {}
    _flatten(tree, "", arrays, lambda key: flats[key])
    return arrays


def read_checkpoint(file: Path) -> dict[str, Array]:
    """The tensors of a checkpoint by their dotted names, in the types they are stored in.

    Raises CheckpointError for a file that is not a checkpoint, is damaged, or holds more than tensors.
    """
    if not file.is_file():
        raise CheckpointError(f"there is no file {file}")
    if zipfile.is_zipfile(file):
        return _read_zip(file)
    if file.stat().st_size > _MAX_BYTES:
        raise CheckpointError("the checkpoint has more than 4 GiB")
    return _read_legacy(io.BytesIO(file.read_bytes()))
