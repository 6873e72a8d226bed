"""Reads PyTorch checkpoints without PyTorch, and without executing their contents.

A checkpoint is a pickle, and a pickle is a program. The reader here resolves only the names listed
in `_Reader.find_class`; each of them stands for a value of this module that can only describe a
tensor. Everything else raises `CheckpointError`.

Three containers are understood:

* the zip archive that `torch.save` has written since PyTorch 1.6 (`<name>/data.pkl`,
  `<name>/data/<key>`),
* the TorchScript archive of `torch.jit.save`, which is the same with modules as nested objects,
* the legacy format before 1.6: five pickles (magic number, protocol, system, object, storage keys)
  followed by the storages, each led by its number of elements as int64.
"""

from __future__ import annotations

import errno
import io
import itertools
import math
import pickle
import pickletools
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_FILE_BYTES = 4 << 30
"""Largest checkpoint, and largest sum of its unpacked parts."""
MAX_PICKLE_BYTES = 64 << 20
"""Largest pickle in an archive; those of real models stay below 2 MiB."""
MAX_ELEMENTS = 1 << 29
"""Most elements of all tensors together, after overlapping views are expanded."""
MAX_DEPTH = 64
"""Deepest nesting of modules."""
MAX_VISITS = 1 << 20
"""Most values that are searched for tensors; parts that modules share count each time."""
MAX_NUMBER = 1 << 40
"""Largest offset, size or stride; larger ones can only be attempts to cause overflows."""
MAX_DIMENSIONS = 32
"""Most dimensions of a tensor; those of real models have up to 5."""

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_BFLOAT16 = "bfloat16"
_STORAGES: Mapping[str, str] = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


class CheckpointError(ValueError):
    """The file is not a checkpoint, is damaged, or holds more than tensors."""


class _Sealed:
    """A value that is checked when it is created, and that a pickle cannot change afterwards."""

    def __setstate__(self, state: object) -> NoReturn:
        raise CheckpointError("the checkpoint tries to change values that were checked already")


@dataclass(frozen=True)
class _StorageType(_Sealed):
    dtype: str

    @property
    def item_size(self) -> int:
        return 2 if self.dtype == _BFLOAT16 else np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Storage(_Sealed):
    kind: _StorageType
    key: str
    elements: int


@dataclass(frozen=True)
class _Tensor(_Sealed):
    """A view of a storage; offset and strides count elements, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Dictionary(dict[Any, Any]):
    """Stands for OrderedDict; attributes such as `_metadata` are dropped."""

    def __setstate__(self, state: object) -> None:
        pass


class _Module:
    """Stands for any TorchScript class: a bag of attributes without code."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise CheckpointError("a module's state is not a dictionary of names")
        self.attributes: dict[str, object] = dict(state)


class _Function(_Sealed):
    """A callable of this module."""

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call

    def __call__(self, *arguments: object) -> object:
        return self._call(*arguments)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER


def _rebuild_tensor(
    storage: object, offset: object, shape: object, strides: object, *_ignored: object
) -> _Tensor:
    """Checks and records a view; `_ignored` are requires_grad, hooks and metadata."""
    if not isinstance(storage, _Storage):
        raise CheckpointError("a tensor has no storage")
    if not isinstance(shape, tuple | list) or not isinstance(strides, tuple | list):
        raise CheckpointError("a tensor's shape or strides are not lists")
    if len(shape) > MAX_DIMENSIONS:
        raise CheckpointError(f"a tensor has {len(shape)} dimensions")
    if len(shape) != len(strides) or not all(map(_is_count, [offset, *shape, *strides])):
        raise CheckpointError(f"a tensor has impossible shape {shape} or strides {strides}")
    assert isinstance(offset, int)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.elements:
        raise CheckpointError(f"a tensor of shape {tuple(shape)} reaches outside its storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: object, *_ignored: object) -> object:
    return tensor


def _restore_type_tag(value: object, _tag: object) -> object:
    return value


def _build_list(value: object) -> object:
    return value


_FUNCTIONS: Mapping[tuple[str, str], _Function] = {
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Function(_rebuild_parameter),
    ("torch.jit._pickle", "restore_type_tag"): _Function(_restore_type_tag),
    ("torch.jit._pickle", "build_intlist"): _Function(_build_list),
    ("torch.jit._pickle", "build_doublelist"): _Function(_build_list),
    ("torch.jit._pickle", "build_boollist"): _Function(_build_list),
    ("torch.jit._pickle", "build_tensorlist"): _Function(_build_list),
}


class _Reader(pickle.Unpickler):
    """An unpickler that knows only tensors, dictionaries and (in TorchScript) modules."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return _Dictionary
        if module == "torch" and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        if (module, name) in _FUNCTIONS:
            return _FUNCTIONS[(module, name)]
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        raise CheckpointError(
            f"the checkpoint asks for {module}.{name}, which is not part of a tensor; not loaded"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        """`pid`: ("storage", type, key, location, elements[, view]); the view must be None."""
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
            raise CheckpointError("the checkpoint refers to something that is not a storage")
        kind, key, elements = pid[1], pid[2], pid[4]
        if not isinstance(kind, _StorageType) or not isinstance(key, str):
            raise CheckpointError("a storage has no type or no key")
        if len(pid) == 6 and pid[5] is not None:
            raise CheckpointError("views of storages are not supported")
        if not _is_count(elements) or elements * kind.item_size > MAX_FILE_BYTES:
            raise CheckpointError(f"a storage has an impossible size {elements}")
        return _Storage(kind, key, elements)


def _check_memo(file: io.BytesIO) -> None:
    """Rejects a memo index that no pickler writes.

    The unpickler keeps the memo as an array: eight bytes with index 2**31 make it allocate 32 GB.
    """
    start = file.tell()
    for stored, (code, argument, _) in enumerate(pickletools.genops(file)):
        puts = code.name in ("PUT", "BINPUT", "LONG_BINPUT")
        if puts and isinstance(argument, int) and argument > stored:
            raise CheckpointError("a memo index is out of order")
    file.seek(start)


def _unpickle(file: io.BytesIO) -> Any:
    try:
        _check_memo(file)
        return _Reader(file).load()
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise CheckpointError(
            f"the checkpoint is damaged: {error or type(error).__name__}"
        ) from None


def _tensors(root: object) -> Iterator[tuple[str, _Tensor]]:
    """Yields the dotted name and tensor of everything below `root`."""

    visits = itertools.count()

    def walk(value: object, name: str, depth: int) -> Iterator[tuple[str, _Tensor]]:
        if depth > MAX_DEPTH:
            raise CheckpointError("modules are nested too deep")
        # Modules that share parts on every level would take exponential time.
        if next(visits) > MAX_VISITS:
            raise CheckpointError(f"the checkpoint holds more than {MAX_VISITS} values")
        if isinstance(value, _Tensor):
            yield name, value
            return
        children: Mapping[Any, object] = {}
        if isinstance(value, _Module):
            children = getattr(value, "attributes", {})
        elif isinstance(value, dict):
            children = value
        for key, child in children.items():
            if isinstance(key, str):
                yield from walk(child, f"{name}.{key}" if name else key, depth + 1)

    return walk(root, "", 0)


def _materialize(
    root: object, read_storage: Callable[[_Storage], bytes | memoryview]
) -> dict[str, Array]:
    storages: dict[str, Array] = {}
    result: dict[str, Array] = {}
    budget = MAX_ELEMENTS
    for name, tensor in _tensors(root):
        # Sizes of 0 count as 1: numpy rejects too large a product of the others all the same.
        budget -= math.prod(max(size, 1) for size in tensor.shape)
        if budget < 0:
            raise CheckpointError(f"the tensors have more than {MAX_ELEMENTS} elements")
        storage = tensor.storage
        if storage.key not in storages:
            data = read_storage(storage)
            if len(data) < storage.elements * storage.kind.item_size:
                raise CheckpointError(f"storage {storage.key} is cut short")
            storages[storage.key] = _decode(storage, data)
        values = storages[storage.key]
        if values.size < storage.elements:
            raise CheckpointError(f"storage {storage.key} is described in two ways")
        view = np.lib.stride_tricks.as_strided(
            values[tensor.offset :],
            shape=tensor.shape,
            strides=tuple(step * values.itemsize for step in tensor.strides),
            writeable=False,
        )
        result[name] = view.copy()
    if not result:
        raise CheckpointError("the checkpoint holds no tensors")
    return result


def _decode(storage: _Storage, data: bytes | memoryview) -> Array:
    """A storage's elements; bfloat16, which numpy lacks, becomes float32 (its upper half)."""
    size = storage.elements * storage.kind.item_size
    if storage.kind.dtype == _BFLOAT16:
        halves = np.frombuffer(data[:size], "<u2").astype("<u4")
        return (halves << 16).view("<f4")
    return np.frombuffer(data[:size], storage.kind.dtype)


def _read_archive(path: Path) -> dict[str, Array]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sum(entry.file_size for entry in entries.values()) > MAX_FILE_BYTES:
            raise CheckpointError(f"the archive unpacks to more than {MAX_FILE_BYTES} bytes")
        pickles = [name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError("the archive is not a PyTorch checkpoint (no data.pkl)")
        prefix = pickles[0].removesuffix("data.pkl")
        if entries[pickles[0]].file_size > MAX_PICKLE_BYTES:
            raise CheckpointError(f"data.pkl is larger than {MAX_PICKLE_BYTES} bytes")
        order = f"{prefix}byteorder"
        if order in entries and archive.read(order).strip() != b"little":
            raise CheckpointError("the checkpoint was written on a big-endian machine")

        def read_storage(storage: _Storage) -> bytes:
            name = f"{prefix}data/{storage.key}"
            if name not in entries:
                raise CheckpointError(f"the archive has no {name}")
            return archive.read(name)

        return _materialize(_unpickle(io.BytesIO(archive.read(pickles[0]))), read_storage)


def _read_legacy(path: Path) -> dict[str, Array]:
    content = path.read_bytes()
    file = io.BytesIO(content)
    if _unpickle(file) != _LEGACY_MAGIC or _unpickle(file) != _LEGACY_PROTOCOL:
        raise CheckpointError("the file is neither an archive nor a legacy PyTorch checkpoint")
    system = _unpickle(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError("the checkpoint was not written on a little-endian machine")
    root = _unpickle(file)
    keys = _unpickle(file)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError("the list of storages is damaged")
    sizes = {tensor.storage.key: tensor.storage for _, tensor in _tensors(root)}
    rest = memoryview(content)[file.tell() :]
    parts: dict[str, memoryview] = {}
    for key in keys:
        if key not in sizes:
            raise CheckpointError(f"storage {key} belongs to no tensor")
        elements = int.from_bytes(rest[:8], "little", signed=True)
        if len(rest) < 8 or elements != sizes[key].elements:
            raise CheckpointError(f"storage {key} is cut short or has another size than announced")
        end = 8 + elements * sizes[key].kind.item_size
        parts[key] = rest[8:end]
        rest = rest[end:]

    def read_storage(storage: _Storage) -> memoryview:
        if storage.key not in parts:
            raise CheckpointError(f"the file has no storage {storage.key}")
        return parts[storage.key]

    return _materialize(root, read_storage)


def read_checkpoint(path: Path) -> Weights:
    """Returns the tensors of a checkpoint by dotted name, each contiguous and in its own type.

    bfloat16 becomes float32. Raises `CheckpointError` when the file is not a checkpoint, is
    damaged, too large, or asks for anything but tensors; `OSError` when it cannot be read.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise CheckpointError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    try:
        return Weights(_read_archive(path) if zipfile.is_zipfile(path) else _read_legacy(path))
    except CheckpointError as error:
        raise CheckpointError(f"{path.name}: {error}") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise CheckpointError(f"{path.name}: the archive is damaged: {error}") from None
    except OSError as error:
        # Offsets beyond the file, and streams that bzip2 cannot read, raise this too.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise CheckpointError(f"{path.name}: the archive is damaged: {error}") from None


class Weights(dict[str, Array]):
    """Tensors by dotted name; a missing one raises an error that it is another model."""

    def __missing__(self, name: str) -> Array:
        raise CheckpointError(f"there is no tensor {name}: these are the weights of another model")
