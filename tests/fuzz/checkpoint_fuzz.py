"""Fuzzes the reader of checkpoints with libFuzzer, guided by the coverage of its Python code.

Takes libFuzzer's arguments (`tests/fuzz/run.sh 10 checkpoint` passes them). The first byte of an
input says what the rest is: 0 a whole file, 1 the pickle of an archive with one storage, others
the object of a legacy file. The reader must return tensors within its limits, or raise
`CheckpointError`, and must execute nothing.
"""

from __future__ import annotations

import codecs
import io
import pickle
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))
with atheris.instrument_imports(include=["export.checkpoints", "pickletools", "zipfile"]):
    from export.checkpoints import MAX_ELEMENTS, CheckpointError, read_checkpoint

STORAGE = struct.pack("<2f", 3.0, 4.0)
LEGACY = b"".join(
    pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
)
KEYS = pickle.dumps(["0"], 2)
RUNS = ("exec", "os.exec", "os.posix_spawn", "os.system", "pickle.find_class", "subprocess.Popen")
armed = False


def refuse_to_run(event: str, arguments: tuple[object, ...]) -> None:
    if armed and event in RUNS:
        raise AssertionError(f"a checkpoint ran {event}{arguments}")


def file_of(data: bytes) -> bytes:
    kind, rest = data[:1], data[1:]
    if kind == b"\0":
        return rest
    if kind != b"\1":
        return LEGACY + rest + KEYS + struct.pack("<q", 2) + STORAGE
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model/data.pkl", rest)
        archive.writestr("model/data/0", STORAGE)
    return stream.getvalue()


def main() -> None:
    codecs.lookup("cp437")  # zipfile needs it, and its first import executes a module
    sys.addaudithook(refuse_to_run)
    with tempfile.TemporaryDirectory(prefix="checkpoint-fuzz-") as folder:
        path = Path(folder) / "x.pth"

        def one_input(data: bytes) -> None:
            global armed
            path.write_bytes(file_of(data))
            armed = True
            try:
                weights = read_checkpoint(path)
            except CheckpointError:
                return
            finally:
                armed = False
            assert weights, "a checkpoint without tensors was taken"
            assert sum(each.size for each in weights.values()) <= MAX_ELEMENTS

        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
