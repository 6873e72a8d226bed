"""Downloads of the official checkpoints: resumed, timed out quickly, checked before use."""

from __future__ import annotations

import http.client
import re
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from model_export import ExportError
from model_export.packages import file_sha256

TIMEOUT_SECONDS = 5.0
"""Longest silence, while connecting or in mid-transfer."""
ATTEMPTS = 3
"""Connections of one download; each goes on where the last one stopped."""
_BLOCK = 1 << 18


class Unreachable(ExportError):
    """The host does not answer; another source may."""


class DownloadError(ExportError):
    """The host answers, but not with the file that is wanted."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web. sha256: its SHA-256, or the first digits of it; max_bytes: its size limit."""

    url: str
    file_name: str
    sha256: str
    max_bytes: int


def matches(path: Path, sha256: str) -> bool:
    """Whether the file's SHA-256 begins with `sha256`."""
    return file_sha256(path).startswith(sha256)


class _Progress:
    """A line that is rewritten on a terminal, and one line for each tenth elsewhere."""

    def __init__(self, name: str, total: int | None, stream: TextIO) -> None:
        self._name, self._total, self._stream = name, total, stream
        self._next = 0.0

    def show(self, done: int, last: bool = False) -> None:
        terminal = self._stream.isatty()
        now = time.monotonic() if terminal else done / (self._total or (10 << 20) * 10) * 10
        if now < self._next and not last:
            return
        self._next = now + 0.2 if terminal else float(int(now) + 1)
        share = f" of {self._total / 1e6:.1f}" if self._total else ""
        end = "\n" if last or not terminal else ""
        start = "\r" if terminal else ""
        line = f"{start}{self._name}: {done / 1e6:.1f}{share} MB{end}"
        print(line, end="", file=self._stream, flush=True)


def _transfer(remote: RemoteFile, part: Path, timeout: float, stream: TextIO) -> None:
    """Appends to `part` what it lacks; returns when the server says that the file is whole."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(remote.url, headers={"User-Agent": "model-export"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=timeout) as response:
        length = response.headers.get("Content-Length")
        if response.status == 206:
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            if span is None or int(span[1]) != have:
                part.unlink()
                raise DownloadError(f"{remote.url}: the server resumed at another place")
        else:
            have = 0
        total = have + int(length) if length else None
        if total is not None and total > remote.max_bytes:
            raise DownloadError(f"{remote.url}: {total} bytes, more than the {remote.max_bytes} allowed")
        progress = _Progress(remote.file_name, total, stream)
        with part.open("ab" if have else "wb") as file:
            while block := response.read(_BLOCK):
                have += len(block)
                if have > remote.max_bytes:
                    raise DownloadError(f"{remote.url}: more than {remote.max_bytes} bytes")
                file.write(block)
                progress.show(have)
        progress.show(have, last=True)
        if total is not None and have < total:
            raise http.client.IncompleteRead(b"", total - have)


def download(
    remote: RemoteFile, cache: Path, timeout: float = TIMEOUT_SECONDS, stream: TextIO = sys.stderr
) -> Path:
    """The file in `cache`, downloaded unless it is there already; its checksum holds in both cases.

    What a broken transfer leaves is kept as `<name>.part` and resumed by the next call. Raises
    `Unreachable` when no connection comes about within `timeout` seconds, `DownloadError` for
    anything else; a file with a wrong checksum is removed.
    """
    path = cache / remote.file_name
    if path.is_file():
        if matches(path, remote.sha256):
            return path
        print(f"{path} has another checksum, downloading it again", file=stream)
        path.unlink()
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        resumed = part.exists()
        try:
            _transfer(remote, part, timeout, stream)
        except urllib.error.HTTPError as error:
            if error.code == 416 and resumed and matches(part, remote.sha256):
                break  # everything had arrived before
            part.unlink(missing_ok=True)
            if error.code != 416 or attempt == ATTEMPTS:
                raise DownloadError(f"{remote.url}: HTTP {error.code} {error.reason}") from None
            continue
        except urllib.error.URLError as error:
            raise Unreachable(f"{remote.url} cannot be reached: {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS:
                reason = f"{type(error).__name__} {error}".strip()
                raise DownloadError(
                    f"{remote.url}: the transfer broke off ({reason}); run again to resume"
                ) from None
            continue
        if matches(part, remote.sha256):
            break
        found = file_sha256(part)
        part.unlink()
        if not resumed:
            raise DownloadError(
                f"{remote.url}: SHA-256 is {found}, expected {remote.sha256}; the file was removed"
            )
    else:
        raise DownloadError(f"{remote.url}: the file stays incomplete or damaged; it was removed")
    part.replace(path)
    return path
