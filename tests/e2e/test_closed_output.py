"""A reader of the output that goes away ends a command quietly, and early."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from program import Service

PIPE_CLOSED = -signal.SIGPIPE


def with_closed_output(
    binary: Path, *words: str | Path, ignored: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs the program with a pipe as standard output that nobody reads.

    `ignored`: with SIGPIPE ignored, as a service manager or `nohup` may start it.
    """
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [binary, *words],
            env=os.environ | variables,
            stdout=writer,
            stderr=subprocess.PIPE,
            restore_signals=not ignored,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize("ignored", [False, True])
def test_every_command_ends_quietly(
    binary: Path, service: Service, photos: dict[str, Path], ignored: bool
) -> None:
    cat = photos["cat_720p.jpg"]
    key = service.upload(cat, "cat.jpg")
    job = service.submit([key])
    service.wait(job)
    for words in (
        ["--help"],
        ["settings"],
        ["generate", "bash"],
        ["classify", cat],
        ["classify", cat, "--format", "csv"],
        ["upload", cat],
        ["images"],
        ["jobs"],
        ["models"],
        ["watch", job],
        ["result", job],
        ["result", job, "--format", "json"],
        ["result", job, "--format", "csv"],
    ):
        done = with_closed_output(binary, *words, ignored=ignored, BACKEND_API_URL=service.url)
        assert done.returncode == PIPE_CLOSED, words
        assert done.stderr == "", words


def test_a_key_that_nobody_saw_is_reported(binary: Path, tmp_path: Path) -> None:
    done = with_closed_output(binary, "keys", "add", "ci", "--role", "read", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "was not shown; run `classifier keys rotate ci`" in done.stderr


def test_the_service_does_not_write_to_standard_output(binary: Path, tmp_path: Path) -> None:
    """So a closed one does not end it."""
    reader, writer = os.pipe()
    os.close(reader)
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [binary, "serve"],
        env=os.environ
        | {"PORT": "0", "ML_PORT": "0", "DASHBOARD_PORT": "0", "DATA_DIR": str(tmp_path / "data")},
        stdout=writer,
        stderr=log,
    )
    os.close(writer)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
    finally:
        process.terminate()
        assert process.wait(30) == 0
        log.close()


class EndlessResult:
    """A service whose job has a result without end."""

    def __init__(self) -> None:
        endless = self
        self.sent = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                if path.startswith("/status/"):
                    self.answer({"status": "completed", "total": 1, "done": 1, "failed": 0})
                elif path.endswith(".csv"):
                    self.stream(b"filename,top_prediction\n" * 1000)
                elif "limit=" in self.path:
                    entry = {
                        "filename": "a.jpg",
                        "all_predictions": [{"label": "cat", "score": 0.9}],
                    }
                    self.answer(
                        {"success": True, "detailed_results": [entry] * 1000, "next_token": "more"}
                    )
                else:
                    self.stream(b" " * 20_000)

            def answer(self, body: object) -> None:
                text = json.dumps(body).encode()
                endless.sent += len(text)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def stream(self, piece: bytes) -> None:
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                        endless.sent += len(piece)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def endless() -> Iterator[EndlessResult]:
    result = EndlessResult()
    yield result
    result.server.shutdown()
    result.server.server_close()


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("full_disk", [False, True])
def test_a_download_stops_when_its_output_does(
    binary: Path, endless: EndlessResult, form: str, full_disk: bool
) -> None:
    """The test would time out if it went on."""
    words = f"'{binary}' result JOB --format {form}"
    command = f"{words} > /dev/full" if full_disk else f"{words} | head -c 300"
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", f"set -o pipefail; {command}"],
        env=os.environ | {"BACKEND_API_URL": endless.url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if full_disk:
        assert done.returncode == 1
        assert done.stderr == (
            "classifier: cannot write to standard output: No space left on device\n"
        )
    else:
        assert done.returncode == 141
        assert done.stderr == ""
        assert len(done.stdout) == 300
    assert endless.sent < 64 << 20


def test_head_shows_the_first_lines(binary: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{binary}' settings | head -3"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 141)  # 0 where all of it fits into the pipe first
    assert done.stderr == ""
    assert done.stdout.startswith("VARIABLE ")
    assert done.stdout.count("\n") == 3
