"""scripts/run.sh and scripts/lib.sh in a separate tree, where setup does nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from script_run import ROOT, Scripts

# Replaces the program: each subcommand exits with its code in CODES.
PROGRAM = f"""#!{sys.executable}
import http.server, json, os, sys, time
command, codes = sys.argv[1], json.loads(os.environ.get("CODES", "{{}}"))
if command == "serve":
    if os.environ.get("START") == "ends":
        sys.exit("the data folder is in use")
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(503 if os.environ.get("START") == "never ready" else 200)
            self.end_headers()
        def log_message(self, *_):
            pass
    http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
if command == "upload":
    print("upload of", sys.argv[2])
    keys = os.environ.get("KEYS", '{{"a.jpg": "1.jpg"}}')
    open(sys.argv[sys.argv.index("--keys-out") + 1], "w").write(keys)
if command == "submit":
    print("job")
if command == "result":
    print("result of", sys.argv[2])
sys.exit(codes.get(command, 0))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def executable(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "scripts").mkdir(parents=True)
    for name in ("run.sh", "lib.sh"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts")
    executable(root / "scripts/setup.sh", "#!/bin/sh\n")
    executable(root / "build/release/classifier", PROGRAM)
    (tmp_path / "photos").mkdir()
    return root


@pytest.fixture
def scripts(tree: Path, tmp_path: Path) -> Scripts:
    return Scripts(tmp_path, {"PORT": str(free_port())}, tree)


def test_a_round(scripts: Scripts, tmp_path: Path) -> None:
    shown = scripts.run("run.sh", "--once", "photos")
    # The folder itself: which files are photos is for the program to say.
    assert f"upload of {tmp_path}/photos\n" in shown
    assert shown.count("result of job") == 2
    assert "were rejected" not in shown
    assert not listens(int(scripts.settings["PORT"]))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def other_program() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.server_address[1]
        running.shutdown()


def test_another_program_on_the_port_is_not_taken_for_the_service(
    scripts: Scripts, other_program: int
) -> None:
    last = scripts.fails("run.sh", "--once", "photos", PORT=str(other_program))
    assert f"another program listens on port {other_program}" in last
    assert "PORT=" in last


def test_a_port_is_needed(scripts: Scripts) -> None:
    assert "PORT must be a port" in scripts.fails("run.sh", "--once", "photos", PORT="0")


def test_a_service_that_ends_is_reported(scripts: Scripts) -> None:
    assert "did not start" in scripts.fails("run.sh", "--once", "photos", START="ends")


def test_a_service_that_never_gets_ready_is_reported(scripts: Scripts) -> None:
    last = scripts.fails("run.sh", "--once", "photos", START="never ready", START_SECONDS="1")
    assert "the service was not ready within 1 seconds" in last
    assert not listens(int(scripts.settings["PORT"]))


def test_a_photo_that_is_refused_stops_nothing(scripts: Scripts) -> None:
    shown = scripts.run("run.sh", "--once", "photos", CODES='{"upload": 1}')
    assert "some photos were rejected: continuing with the others" in shown
    assert shown.count("result of job") == 2


def test_an_image_that_fails_stops_nothing(scripts: Scripts) -> None:
    shown = scripts.run("run.sh", "--once", "photos", CODES='{"watch": 1, "result": 1}')
    assert shown.count("result of job") == 2
    assert shown.count("some images failed") == 2
    assert shown.count("some images have no result") == 2


@pytest.mark.parametrize("command", ["upload", "watch", "result"])
def test_a_command_that_fails_as_a_whole_ends_it(scripts: Scripts, command: str) -> None:
    scripts.run("run.sh", "--once", "photos", CODES=f'{{"{command}": 3}}', code=3)


def test_photos_that_are_all_refused_are_reported(scripts: Scripts) -> None:
    last = scripts.fails("run.sh", "--once", "photos", CODES='{"upload": 1}', KEYS="{}")
    assert "none of the photos in" in last


def in_library(scripts: Scripts, command: str) -> str:
    """What a command of scripts/lib.sh prints in the tree."""
    executable(
        scripts.root / "scripts/call.sh", f'#!/bin/bash\n. "$(dirname "$0")/lib.sh"\n{command}\n'
    )
    return scripts.run("call.sh")


@pytest.mark.parametrize("left", [[], ["chelsea.png"]])
def test_samples_that_are_not_whole_are_fetched_again(scripts: Scripts, left: list[str]) -> None:
    samples = scripts.root / ".deps/samples"
    samples.mkdir(parents=True)
    for name in left:
        (samples / name).touch()
    (scripts.root / "models").mkdir()
    executable(
        scripts.root / ".deps/venv/bin/python",
        '#!/bin/sh\necho "called: $*"\ntouch "$4/china.jpg"\n',
    )
    printed = in_library(scripts, "export_samples")
    assert printed == "called: -m export samples ../.deps/samples\n"
    assert in_library(scripts, "export_samples") == ""


def test_an_environment_without_pip_is_made_again(scripts: Scripts) -> None:
    """What `python3 -m venv` leaves when it is interrupted."""
    venv = scripts.root / ".deps/venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (scripts.root / "none.txt").touch()
    call = "pip_install some none.txt && $PYTHON -m pip --version"
    assert f" from {venv}/" in in_library(scripts, call)
    (venv / "kept").touch()
    (scripts.root / "none.txt").write_text("# changed\n")
    in_library(scripts, call)
    assert (venv / "kept").exists()
