"""Downloads resume, time out, and are used only with the right checksum."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from export import sources
from export.sources import Download, SourceError, download

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes


class Server(ThreadingHTTPServer):
    """Serves CONTENT as its attributes say, and records the requested ranges."""

    daemon_threads = True
    content = CONTENT
    ranges_supported = True
    break_after: int | None = None  # cut one answer after this many bytes
    silent = False
    status: int | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.pt"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if server.silent:
            time.sleep(3)
            return
        if server.status is not None:
            self.send_error(server.status)
            return
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and server.ranges_supported:
            start = int(asked[1])
            if start >= len(server.content):
                self.send_error(416)
                return
            self.send_response(206)
            size = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        body = server.content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.break_after is not None:
            body, server.break_after = body[: server.break_after], None
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def source(server: Server) -> Download:
    return Download(server.url, hashlib.sha256(CONTENT).hexdigest()[:8])


def test_downloads_once(server: Server, source: Download, tmp_path: Path) -> None:
    file = download(source, tmp_path / "cache")
    assert file.read_bytes() == CONTENT
    assert [path.name for path in file.parent.iterdir()] == ["weights.pt"]
    assert download(source, tmp_path / "cache") == file
    assert server.asked == [None]


def test_resumes_what_an_earlier_run_left(server: Server, source: Download, tmp_path: Path) -> None:
    (tmp_path / "weights.pt.part").write_bytes(CONTENT[:300_000])
    assert download(source, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=300000-"]


def test_goes_on_after_a_broken_transfer(server: Server, source: Download, tmp_path: Path) -> None:
    server.break_after = 400_000
    assert download(source, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=400000-"]


def test_starts_again_where_the_server_knows_no_ranges(
    server: Server, source: Download, tmp_path: Path
) -> None:
    server.ranges_supported = False
    (tmp_path / "weights.pt.part").write_bytes(CONTENT[:300_000])
    assert download(source, tmp_path).read_bytes() == CONTENT


def test_a_whole_part_needs_no_transfer(server: Server, source: Download, tmp_path: Path) -> None:
    (tmp_path / "weights.pt.part").write_bytes(CONTENT)
    assert download(source, tmp_path).read_bytes() == CONTENT


def test_a_wrong_part_is_thrown_away(server: Server, source: Download, tmp_path: Path) -> None:
    (tmp_path / "weights.pt.part").write_bytes(b"x" * 300_000)
    assert download(source, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=300000-", None]


def test_a_part_that_is_too_long_is_thrown_away(
    server: Server, source: Download, tmp_path: Path
) -> None:
    (tmp_path / "weights.pt.part").write_bytes(CONTENT + b"x")
    assert download(source, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_is_never_used(server: Server, source: Download, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(SourceError, match="is not the official file"):
        download(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_replaced(
    server: Server, source: Download, tmp_path: Path
) -> None:
    (tmp_path / "weights.pt").write_bytes(b"damaged")
    assert download(source, tmp_path).read_bytes() == CONTENT


def test_silence_times_out(server: Server, source: Download, tmp_path: Path) -> None:
    server.silent = True
    begin = time.monotonic()
    with pytest.raises(SourceError, match=r"cannot be reached|was interrupted"):
        download(source, tmp_path, timeout=0.2)
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("status", [403, 404, 500])
def test_refusals_are_named(server: Server, source: Download, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(SourceError, match=f"answered {status}"):
        download(source, tmp_path)


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        download(Download("http://127.0.0.1:9/weights.pt", "00"), tmp_path, timeout=1)


def test_an_endless_answer_is_cut(
    server: Server, source: Download, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_MAX_BYTES", 1000)
    with pytest.raises(SourceError, match="more than any model needs"):
        download(source, tmp_path)
