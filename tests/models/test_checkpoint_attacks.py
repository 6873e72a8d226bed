"""Files that try to execute something, or to use up memory or time: the reader rejects them all."""

from __future__ import annotations

import codecs
import contextlib
import functools
import io
import os
import pickle
import pickletools
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from export import checkpoints
from export.checkpoints import CheckpointError, read_checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_checkpoints import Global, Storage, archive, pickled, tensor

MEMORY_MB = 400  # more than a process with numpy and the reader needs
FUZZ = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_a_number_of_the_memo_cannot_take_memory(tmp_path: Path) -> None:
    """In a separate process, so that its peak is that of this file alone.

    Its ru_maxrss would not be: that has the peak of the process which started it as well.
    """
    archive(tmp_path / "x.pth", b"\x80\x02Nr" + struct.pack("<I", 1 << 27) + b".")
    code = (
        "import re\n"
        "from pathlib import Path\n"
        "from export.checkpoints import CheckpointError, read_checkpoint\n"
        "try:\n"
        f"    read_checkpoint(Path({str(tmp_path / 'x.pth')!r}))\n"
        "except CheckpointError as error:\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    print(int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1]) // 1024, error)\n"
    )
    models = Path(checkpoints.__file__).parents[1]
    output = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(models), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "out of order" in output
    assert int(output.split()[0]) < MEMORY_MB


def test_parts_that_are_shared_level_by_level_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root: dict[str, Any] = functools.reduce(lambda d, _: {"a": d, "b": d}, range(60), {})
    monkeypatch.setattr(checkpoints, "MAX_VISITS", 10_000)
    with pytest.raises(CheckpointError, match="more than 10000 values"):
        read_checkpoint(archive(tmp_path / "x.pth", root))


@pytest.mark.parametrize(
    ("shape", "strides"),
    [
        ((1,) * 70, (1,) * 70),
        ((0, 1 << 70), (1 << 80, 1)),
        ((1,), (1 << 62,)),
        ((0, 1 << 40, 1 << 40), (1, 1, 1)),
        ((0, 1 << 39), (1, 1 << 39)),
    ],
    ids=str,
)
def test_views_that_numpy_refuses(tmp_path: Path, shape: Any, strides: Any) -> None:
    root = {"x": tensor(Storage("FloatStorage", "0", 2), 0, shape, strides)}
    with pytest.raises(CheckpointError):
        read_checkpoint(archive(tmp_path / "x.pth", root, s0=bytes(8)))


# Random programs

OPCODES = [code.code.encode("latin1") for code in pickletools.opcodes]
GLOBALS = [
    Global("torch._utils", "_rebuild_tensor_v2"),
    Global("torch._utils", "_rebuild_parameter"),
    Global("torch", "FloatStorage"),
    Global("collections", "OrderedDict"),
    Global("__torch__.a", "B"),
    Global("os", "system"),
    Global("builtins", "exec"),
]
WHOLE = pickled({"x": tensor(Storage("FloatStorage", "0", 2), 0, (2,), (1,))})
PIECES = st.one_of(
    st.sampled_from(OPCODES),
    st.binary(max_size=6),
    st.sampled_from([pickled(each).removeprefix(b"\x80\x02")[:-1] for each in GLOBALS]),
    st.sampled_from(["touch marker", "x", "storage", 0, 1, 2, -1, 1 << 33, None, True, (), {}]).map(
        lambda value: pickle.dumps(value, 2).removeprefix(b"\x80\x02")[:-1]
    ),
)


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Opcodes with arguments in any order, or a complete checkpoint with some inserted."""
    pieces = draw(st.lists(PIECES, max_size=24))
    if draw(st.booleans()):
        at = draw(st.integers(2, len(WHOLE)))
        return WHOLE[:at] + b"".join(pieces) + WHOLE[at:]
    return b"\x80\x02" + b"".join(pieces) + b"."


def refuse_to_run(event: str, arguments: tuple[object, ...]) -> None:
    if ARMED and event in ("os.system", "subprocess.Popen", "exec", "os.exec", "os.posix_spawn"):
        raise AssertionError(f"a checkpoint ran {event}{arguments}")


codecs.lookup("cp437")  # zipfile needs it, and its first import executes a module
ARMED: list[bool] = []
sys.addaudithook(refuse_to_run)  # it cannot be removed, so it only acts while it is armed


@contextlib.contextmanager
def armed(megabytes: int) -> Any:
    """In this context nothing may be executed, and not much memory allocated."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20), hard))
    ARMED.append(True)
    try:
        yield
    finally:
        ARMED.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@FUZZ
@given(program=programs())
def test_random_programs_are_read_or_refused(tmp_path: Path, program: bytes) -> None:
    file = archive(tmp_path / "x.pth", program, s0=bytes(8))
    with armed(512), contextlib.suppress(CheckpointError):
        read_checkpoint(file)


@FUZZ
@given(program=programs(), rest=st.binary(max_size=40))
def test_random_legacy_files_are_read_or_refused(
    tmp_path: Path, program: bytes, rest: bytes
) -> None:
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    file = tmp_path / "x.pth"
    file.write_bytes(
        b"".join(pickle.dumps(value, 2) for value in head)
        + program
        + pickle.dumps(["0"], 2)
        + struct.pack("<q2f", 2, 3.0, 4.0)
        + rest
    )
    with armed(512), contextlib.suppress(CheckpointError):
        read_checkpoint(file)


@FUZZ
@given(
    data=st.data(),
    compression=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]),
)
def test_damaged_archives_are_read_or_refused(
    tmp_path: Path, data: st.DataObject, compression: int
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        made.writestr("model/data.pkl", WHOLE)
        made.writestr("model/byteorder", b"little")
        made.writestr("model/data/0", bytes(8))
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    file = tmp_path / "x.pth"
    file.write_bytes(bytes(content))
    with armed(512), contextlib.suppress(CheckpointError):
        read_checkpoint(file)
