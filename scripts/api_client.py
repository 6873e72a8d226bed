"""A client of the service's HTTP API for the scripts, using only Python's standard library."""

from __future__ import annotations

import json
import os
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from dataclasses import dataclass
from typing import Any

TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".jpe": "image/jpeg",
    ".png": "image/png",
    ".apng": "image/apng",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".dib": "image/bmp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/heif",
    ".avif": "image/avif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".jxl": "image/jxl",
    ".dng": "image/x-adobe-dng",
    ".cr2": "image/x-canon-cr2",
    ".cr3": "image/x-canon-cr3",
    ".nef": "image/x-nikon-nef",
    ".nrw": "image/x-nikon-nrw",
    ".arw": "image/x-sony-arw",
    ".srf": "image/x-sony-srf",
    ".sr2": "image/x-sony-sr2",
    ".raf": "image/x-fuji-raf",
    ".orf": "image/x-olympus-orf",
    ".rw2": "image/x-panasonic-rw2",
    ".pef": "image/x-pentax-pef",
    ".srw": "image/x-samsung-srw",
}
FINAL = ("completed", "failed", "cancelled")


class ApiError(Exception):
    """An error with a message for whoever runs the script."""


@dataclass
class Answer:
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ApiError("the answer is not a JSON object: this is not the service's API")
        return value


class Api:
    """One backend. Thread-safe: each call uses its own connection."""

    def __init__(self, url: str, key: str = "", timeout: float = 30) -> None:
        if not url.startswith(("http://", "https://")):
            raise ApiError(f'"{url}" is not a URL: it must begin with http:// or https://')
        self.url = url.rstrip("/")
        self.key = key
        self.timeout = timeout

    def send(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())
        except OSError as error:
            raise ApiError(f"{request.full_url} does not answer: {error}") from None

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Any answer with a status, errors included."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)  # noqa: S310
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.key:
            request.add_header("X-API-Key", self.key)
        return self.send(request)

    def expect(self, status: int, method: str, path: str, body: object = None) -> Answer:
        """The answer; ApiError with the service's message if the status is another."""
        answer = self.call(method, path, body)
        if answer.status != status:
            raise ApiError(
                f"{method} {path} answered {answer.status} instead of {status}: "
                f"{answer.body[:300].decode(errors='replace')}"
            )
        return answer

    def upload(self, name: str, content: bytes) -> str:
        """Uploads an image; returns its key."""
        kind = TYPES[os.path.splitext(name)[1].lower()]
        ticket = self.expect(
            200, "POST", "/upload-url", {"filename": name, "content_type": kind}
        ).json()
        request = urllib.request.Request(  # noqa: S310
            ticket["upload_url"], content, {"Content-Type": kind}, method="PUT"
        )
        answer = self.send(request)
        if answer.status != 200:
            raise ApiError(
                f"the store rejected {name} with {answer.status}: "
                f"{answer.body[:300].decode(errors='replace')}"
            )
        return str(ticket["s3_key"])

    def wait(self, job: str, seconds: float) -> str:
        """Waits for a job to end; returns its final status."""
        deadline = time.monotonic() + seconds
        while True:
            status = str(self.expect(200, "GET", f"/status/{job}").json()["status"])
            if status in FINAL:
                return status
            if time.monotonic() > deadline:
                raise ApiError(f"job {job} is still {status} after {seconds:.0f} seconds")
            time.sleep(0.5)

    def delete(self, key: str) -> None:
        self.expect(200, "DELETE", "/images/" + urllib.parse.quote(key, safe=""))


def stripes(width: int = 320, height: int = 240) -> bytes:
    """A PNG of coloured stripes, to test the service without a photo."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    colours = [(200, 40, 40), (240, 200, 60), (40, 120, 200)]
    row = b"\0" + b"".join(bytes(colours[x * 3 // width]) for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(row * height)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
