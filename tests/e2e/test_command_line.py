"""The command line, as people and scripts use it."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from program import Service


class Shell:
    """Runs the program against a service, without the user's environment."""

    def __init__(self, binary: Path, url: str) -> None:
        self.binary = binary
        self.url = url

    def __call__(self, *words: str | Path, code: int = 0, stdin: str = "") -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    def run(self, *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, *words],
            env=os.environ | {"BACKEND_API_URL": self.url},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def shell(binary: Path, service: Service) -> Shell:
    return Shell(binary, service.url)


@pytest.fixture
def folder(tmp_path: Path, photos: dict[str, Path]) -> Path:
    """Photos in folders, a file that is not an image, and one that only claims to be one."""
    folder = tmp_path / "my photos"
    (folder / "2026 été").mkdir(parents=True)
    shutil.copy(photos["cat_720p.jpg"], folder / "cat.jpg")
    shutil.copy(photos["parrot.jpg"], folder / "2026 été" / "猫.jpg")
    (folder / "notes.txt").write_text("not a photo")
    (folder / "broken.png").write_text("not a photo either")
    return folder


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["filename"]: row for row in csv.DictReader(io.StringIO(text))}


def test_classify_prints_a_table_json_and_csv(shell: Shell, folder: Path) -> None:
    done = shell.run("classify", folder, "--threshold", "0")
    assert done.returncode == 1  # one image failed
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert any("猫.jpg" in line and "macaw" in line for line in lines)
    assert any("broken.png" in line and "failed: " in line for line in lines)
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == "passed over: 1 text file\n"  # no more: not a terminal
    result = json.loads(shell("classify", folder, "--format", "json", code=1))
    assert result["summary"]["failed"] == 1
    assert result["summary"]["total"] == 3
    table = rows_of(shell("classify", folder, "--format", "csv", "--labels", "bird,cat", code=1))
    assert table["猫.jpg"]["top_prediction"] == "bird"
    assert table["cat.jpg"]["top_prediction"] == "cat"


def test_classify_takes_lists_and_label_files(shell: Shell, folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_bytes(b"\xef\xbb\xbfbird\ncat, of any colour\n")  # with a byte order mark
    names = f"{folder / 'cat.jpg'}\n{folder / '2026 été' / '猫.jpg'}\n"
    table = rows_of(shell("classify", "-", "--labels-file", labels, "--format", "csv", stdin=names))
    assert list(table) == ["cat.jpg", "猫.jpg"]
    assert table["cat.jpg"]["top_prediction"] == "cat, of any colour"
    assert table["猫.jpg"]["top_prediction"] == "bird"


def test_classify_sorts_copies_and_a_second_run_changes_nothing(
    shell: Shell, folder: Path, tmp_path: Path
) -> None:
    to = tmp_path / "sorted"
    for _ in range(2):
        shell("classify", folder, "--labels", "bird,cat", "--copy-to", to, code=1)
        files = sorted(str(file.relative_to(to)) for file in to.rglob("*") if file.is_file())
        assert files == ["bird/猫.jpg", "cat/cat.jpg"]


def without_privileges() -> list[str]:
    """The prefix of a command for which file modes apply."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root can read everything")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search"]


def test_folders_that_cannot_be_read_are_reported(
    binary: Path, service: Service, photos: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copy(photos["cat_720p.jpg"], tmp_path)
    shut = tmp_path / "shut"
    shut.mkdir()
    shutil.copy(photos["owl.jpg"], shut)
    shut.chmod(0)

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*without_privileges(), binary, *words],
            env=os.environ | {"BACKEND_API_URL": service.url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    try:
        for command in ("classify", "upload"):
            done = run(command, tmp_path)
            assert done.returncode == 1
            assert len(done.stdout.splitlines()) == 1
            said = f"classifier: cannot read the folder {shut}: Permission denied\n"
            assert done.stderr == said
            done = run(command, shut)
            assert done.returncode == 2
            assert done.stderr == said
    finally:
        shut.chmod(0o700)


def test_copies_are_not_classified_again(
    shell: Shell, folder: Path, photos: dict[str, Path]
) -> None:
    to = folder / "sorted"
    words = ("--labels", "bird,cat", "--copy-to", to)
    for _ in range(3):
        shown = shell("classify", folder, *words, code=1)
        assert len(shown.splitlines()) == 3
        files = sorted(str(file.relative_to(to)) for file in to.rglob("*") if file.is_file())
        assert files == ["bird/猫.jpg", "cat/cat.jpg"]
    # Named among others, and through a link.
    (folder.parent / "link").symlink_to(to)
    shown = shell("classify", photos["owl.jpg"], to, folder.parent / "link", *words)
    assert len(shown.splitlines()) == 1
    done = shell.run("classify", to, *words)
    assert done.returncode == 2
    assert f"other than those in {to}" in done.stderr


def test_a_copy_that_fails_leaves_nothing_behind(
    binary: Path, photos: dict[str, Path], tmp_path: Path
) -> None:
    def no_big_files() -> None:
        size = photos["cat_720p.jpg"].stat().st_size // 2
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    told = {}
    for isolation in ("off", "on"):
        done = subprocess.run(
            [
                *(binary, "classify", photos["cat_720p.jpg"], "--no-memory"),
                *("--copy-to", tmp_path / "sorted"),
            ],
            env=os.environ | {"DECODE_ISOLATION": isolation},
            preexec_fn=no_big_files,
            restore_signals=False,  # SIGXFSZ stays ignored, so that the write fails
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1
        told[isolation] = done.stdout + done.stderr
    assert "could not be copied" in told["off"]
    assert "ulimit -f" in told["on"]
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_folder_with_a_name_in_brackets(
    shell: Shell, photos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("[2024]", "[a, b]"):
        Path(name).mkdir()
        shutil.copy(photos["cat_720p.jpg"], name)
    assert len(shell("classify", "[2024]", "[a, b]").splitlines()) == 2
    assert len(shell("upload", "[2024]").splitlines()) == 1


def test_classify_says_that_copies_failed(shell: Shell, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = shell.run("classify", folder, "--copy-to", tmp_path / "file" / "sorted")
    assert done.returncode == 1
    assert "could not be copied" in done.stderr
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["clasify"], 'there is no command "clasify"'),
        (["clasify", "a.jpg"], 'there is no command "clasify"; see classifier --help'),
        ([], "a command is missing; see classifier --help"),
        (["keys", "rm"], 'there is no command "rm"; see classifier keys --help'),
        (["serve", "--prot", "1"], "there is no option --prot; see classifier serve --help"),
        (["watch", "a", "b"], 'there is an argument too many, "b"; see classifier watch --help'),
        (["serve", "--port"], "--port: 1 required value missing"),
        (["classify"], "PATH is required"),
        (["classify", "/none"], "there is no file or folder /none"),
        (
            ["classify", "/etc/hostname", "--top-k", "11"],
            "--top-k: Value 11 not in range 1 to 10",
        ),
        (
            ["classify", "/etc/hostname", "--threshold", "nan"],
            "--threshold: nan is not a number from 0 to 1",
        ),
        (["classify", "/etc/hostname", "--labels", "cat,,dog"], "is empty"),
        (["classify", "/etc/hostname", "--labels", "cat,cat"], '"cat" twice'),
        (["classify", "/etc/hostname", "--model", "none"], 'no model "none"'),
        (["classify", "/etc/hostname", "--format", "xml"], "--format"),
        (["upload", "--parallel", "0", "/etc"], "--parallel"),
        (["upload", "--resume", "/etc"], "--keys-out"),
        (["submit"], "no images were named"),
        (["submit", "--keys-file", "/etc/hostname"], "neither a JSON list of keys"),
    ],
)
def test_wrong_arguments_are_reported_in_one_line(
    shell: Shell, words: list[str], says: str
) -> None:
    done = shell.run(*words)
    assert done.returncode == 2, done
    assert says in done.stderr
    assert done.stderr.startswith("classifier: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def full(binary: Path, *words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the program with its standard output on a full disk."""
    with Path("/dev/full").open("w") as nowhere:
        return subprocess.run(
            [binary, *words],
            env=os.environ | settings,
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )


def test_output_that_is_lost_is_no_success(
    binary: Path, service: Service, photos: dict[str, Path], tmp_path: Path
) -> None:
    cat = photos["cat_720p.jpg"]
    key = service.upload(cat, "cat.jpg")
    job = service.submit([key])
    service.wait(job)
    for words in (
        ["--help"],
        ["settings"],
        ["classify", cat],
        ["classify", cat, "--format", "json"],
        ["classify", cat, "--format", "csv"],
        ["upload", cat],
        ["submit", key],
        ["submit", key, "--watch"],
        ["images"],
        ["jobs"],
        ["jobs", "--format", "json"],
        ["result", job],
        ["result", job, "--format", "json"],
        ["result", job, "--format", "csv"],
        ["generate", "man"],
    ):
        done = full(binary, *words, BACKEND_API_URL=service.url)
        assert done.returncode == 1, words
        assert (
            done.stderr == "classifier: cannot write to standard output: No space left on device\n"
        ), words
    done = full(binary, "keys", "add", "ci", "--role", "read", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "run `classifier keys rotate ci`" in done.stderr
    done = full(binary, "keys", "rotate", "ci", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "run `classifier keys rotate ci`" in done.stderr


def test_names_in_errors_do_not_steer_the_terminal(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b[31mb\n"
    done = shell.run("classify", folder)
    assert done.stderr == (f"classifier: there is no file or folder {tmp_path}/a\\x1b[31mb\\x0a\n")
    folder.mkdir()
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").touch()
    for words in (["upload", folder / "notes.txt"], ["classify", folder], [folder]):
        done = shell.run(*words)
        assert done.returncode != 0
        assert "\x1b" not in done.stdout + done.stderr


def test_a_day_with_the_service(shell: Shell, folder: Path, tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.json"
    shell("upload", folder, "--keys-out", keys_file)
    keys = json.loads(keys_file.read_text())
    assert set(keys) == {
        str(folder / name) for name in ("cat.jpg", "broken.png", "2026 été/猫.jpg")
    }
    # Nothing is sent twice.
    shell("upload", folder, "--keys-out", keys_file, "--resume")
    assert json.loads(keys_file.read_text()) == keys

    job = shell("submit", "--keys-file", keys_file, "--threshold", "0", "--top-k", "2").strip()
    assert "completed: 3 of 3 images done, 1 failed" in shell("watch", job, code=1)
    assert "macaw" in shell("result", job)
    assert json.loads(shell("result", job, "--format", "json"))["summary"]["failed"] == 1
    rows = csv.DictReader(io.StringIO(shell("result", job, "--format", "csv")))
    assert {row["s3_key"] for row in rows} == set(keys.values())
    assert job in shell("jobs", "--status", "completed")
    assert json.loads(shell("jobs", "--format", "json"))["total"] >= 1
    assert shell("retry", job)
    shell("watch", job, code=1)

    listed = shell("images", "--format", "keys").split()
    assert set(listed) >= set(keys.values())
    key = next(key for key in keys.values() if key.endswith(".png"))
    assert shell("delete", key).strip() == key
    assert "there is no image" in shell.run("delete", key).stderr
    assert "default" in shell("models")
    assert shell("models", "--local")
    assert "is healthy and ready" in shell("health")
    assert "visible" in json.loads(shell("queue"))
    assert shell.run("watch", "none").returncode == 3


class SlowStore:
    """A service whose store never answers an upload of slow.jpg."""

    def __init__(self) -> None:
        store = self
        self.released = threading.Event()
        self.names: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["filename"]
                store.names.append(name)
                ticket = {"upload_url": f"{store.url}/{quote(name)}", "s3_key": f"uploads/{name}"}
                self.answer(json.dumps(ticket).encode())

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/slow.jpg":
                    store.released.wait(60)
                self.answer(b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def slow_store() -> Iterator[SlowStore]:
    store = SlowStore()
    yield store
    store.released.set()
    store.server.shutdown()
    store.server.server_close()


def test_a_killed_upload_has_written_what_it_did(
    binary: Path, slow_store: SlowStore, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    names = ["a.jpg", "b.jpg", "slow.jpg"]
    for name in names:
        (folder / name).write_bytes(b"x")
    keys_file = tmp_path / "keys.json"
    process = subprocess.Popen(
        [binary, "upload", folder, "--keys-out", keys_file],
        env=os.environ | {"BACKEND_API_URL": slow_store.url},
    )
    expected = {str(folder / name): f"uploads/{name}" for name in names[:2]}
    deadline = time.monotonic() + 120
    while not keys_file.exists() or json.loads(keys_file.read_text()) != expected:
        assert time.monotonic() < deadline, "the map was not written"
        time.sleep(0.05)
    process.kill()
    process.wait()
    slow_store.names.clear()
    slow_store.released.set()
    shell = Shell(binary, slow_store.url)
    shell("upload", folder, "--keys-out", keys_file, "--resume")
    assert slow_store.names == ["slow.jpg"]
    assert len(json.loads(keys_file.read_text())) == 3
    assert sorted(file.name for file in tmp_path.iterdir()) == ["keys.json", "photos"]


def test_keys_that_cannot_be_written_are_reported_before_the_first_upload(
    binary: Path, slow_store: SlowStore, tmp_path: Path
) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    shell = Shell(binary, slow_store.url)
    for bad in (tmp_path / "none" / "keys.json", tmp_path):
        done = shell.run("upload", photo, "--keys-out", bad)
        assert done.returncode == 2
        assert f"cannot write the keys to {bad}" in done.stderr
    damaged = tmp_path / "keys.json"
    for content in ("", '{"a.jpg": "upl', "[]", '{"a.jpg": 1}'):
        damaged.write_text(content)
        done = shell.run("upload", photo, "--keys-out", damaged, "--resume")
        assert done.returncode == 2
        assert "is not a JSON map of file to key" in done.stderr
        assert damaged.read_text() == content
    assert slow_store.names == []
    # A pipe is written to, not replaced by a file.
    shown = shell("upload", photo, "--keys-out", "/dev/stdout")
    assert json.loads(shown) == {str(photo): "uploads/a.jpg"}


def test_names_that_are_not_utf8_have_keys_of_their_own(
    binary: Path, slow_store: SlowStore, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (b"\xe8.jpg", b"\xe9.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")
    keys_file = tmp_path / "keys.json"
    shell = Shell(binary, slow_store.url)
    shell("upload", folder, "--keys-out", keys_file)
    keys = json.loads(keys_file.read_text())
    assert set(keys) == {f"{folder}/\\xe8.jpg", f"{folder}/\\xe9.jpg"}
    slow_store.names.clear()
    shell("upload", folder, "--keys-out", keys_file, "--resume")
    assert slow_store.names == []
    assert json.loads(keys_file.read_text()) == keys


def test_a_service_that_is_away_is_reported(binary: Path, folder: Path) -> None:
    away = Shell(binary, "http://127.0.0.1:9")
    for words in (["jobs"], ["health"], ["upload", str(folder)], ["watch", "x"]):
        done = away.run(*words)
        assert done.returncode == 3
        assert "http://127.0.0.1:9" in done.stderr


def test_a_terminal_sees_colours_and_progress(binary: Path, folder: Path) -> None:
    def on_a_terminal(**settings: str) -> str:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [binary, "classify", folder],
            env=os.environ | {"TERM": "xterm"} | settings,
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        shown = b""
        while select.select([leader], [], [], 60)[0]:
            try:
                shown += os.read(leader, 1 << 16)
            except OSError:
                break
        process.wait(60)
        os.close(leader)
        return shown.decode()

    shown = on_a_terminal()
    assert "\x1b[32m" in shown
    assert "3 of 3 images" in shown
    assert "█" in shown
    assert "\x1b[32m" not in on_a_terminal(NO_COLOR="1")


def test_ctrl_c_stops_and_prints_what_is_done(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    names = "\n".join([str(photos["pets.jpg"])] * 20_000)
    process = subprocess.Popen(
        [binary, "classify", "-", "--format", "csv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(names)
    process.stdin.close()
    process.stdin = None
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert len(shown.splitlines()) > 1


def test_settings_show_values_but_no_secrets(shell: Shell) -> None:
    shown = shell("settings", "--port", "9999", "--api-keys", "hush")
    assert "9999" in shown
    assert "hush" not in shown
