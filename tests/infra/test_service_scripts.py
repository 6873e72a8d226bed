"""The scripts that check, fill and show a running service, with the real program."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from script_run import ROOT, Scripts


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def keys_of(service: Any) -> set[str]:
    return {image["key"] for image in service.get("/images").json()["images"]}


def test_every_call_of_the_api(scripts: Scripts, service: Any) -> None:
    before = keys_of(service)
    shown = scripts.run("test-api.sh", service.url)
    assert ", 0 failed" in shown
    assert "ok      GET /images/{key}/thumbnail" in shown
    assert keys_of(service) == before


def test_a_whole_round(scripts: Scripts, service: Any) -> None:
    before = keys_of(service)
    shown = scripts.run("test-deployment.sh", BACKEND_API_URL=service.url)
    assert ", 0 failed" in shown
    assert "custom_classification is completed" in shown
    assert keys_of(service) == before


def test_health(scripts: Scripts, service: Any) -> None:
    shown = scripts.run("health-check.sh", service.url)
    assert f"ok       {service.url}/ready" in shown
    assert "WRONG" not in shown


def test_what_is_not_the_service_fails(scripts: Scripts, tmp_path: Path) -> None:
    with dashboard(scripts, tmp_path, "http://127.0.0.1:9") as url:
        shown = scripts.run("test-api.sh", url, code=1)
        assert "FAILED  GET /health" in shown
        assert "WRONG" in scripts.run("health-check.sh", url, code=1)


def test_images_are_uploaded_once(scripts: Scripts, service: Any, photos: Any) -> None:
    folder = scripts.home / "images"
    (folder / "more").mkdir(parents=True)
    (folder / "cat.jpg").write_bytes(photos["cat_720p.jpg"].read_bytes())
    (folder / "more/bird.jpg").write_bytes(photos["parrot.jpg"].read_bytes())
    (folder / "notes.txt").write_text("no image")
    words = ["--folder", "images", "--count", "5", "--output", "keys.json"]
    shown = scripts.run("pre-upload-images.sh", *words, BACKEND_API_URL=service.url)
    assert "5 images uploaded, 0 were there, 0 failed" in shown
    keys = json.loads((scripts.home / "keys.json").read_text())
    assert set(keys) == {"cat.jpg", "more/bird.jpg", "cat-2.jpg", "more/bird-2.jpg", "cat-3.jpg"}
    assert set(keys.values()) <= keys_of(service)
    words[3] = "6"
    shown = scripts.run("pre-upload-images.sh", *words, BACKEND_API_URL=service.url)
    assert "1 images uploaded, 5 were there, 0 failed" in shown


def test_keys_of_another_service_are_not_believed(
    scripts: Scripts, service: Any, photos: Any
) -> None:
    (scripts.home / "images").mkdir()
    for name in ("cat.jpg", "dog.jpg"):
        (scripts.home / "images" / name).write_bytes(photos["cat_720p.jpg"].read_bytes())
    scripts.run("pre-upload-images.sh", "--count", "1", BACKEND_API_URL=service.url)
    file = scripts.home / "s3_keys.json"
    here = json.loads(file.read_text())
    elsewhere = "uploads/dog_20260101-000000_00000000.jpg"
    file.write_text(json.dumps(here | {"dog.jpg": elsewhere, "bird.jpg": "uploads/none.jpg"}))
    shown = scripts.run("pre-upload-images.sh", BACKEND_API_URL=service.url)
    assert f"2 of 3 images in s3_keys.json are not at {service.url}" in shown
    assert "1 images uploaded, 1 were there, 0 failed" in shown
    keys = json.loads(file.read_text())
    assert keys["cat.jpg"] == here["cat.jpg"]
    assert set(keys) == {"cat.jpg", "dog.jpg"}
    assert set(keys.values()) <= keys_of(service)


def test_the_stored_keys_are_read_page_by_page(scripts: Scripts) -> None:
    pages = {
        "": {"images": [{"key": "uploads/a.jpg"}], "next_token": "to b&c"},
        "to b&c": {"images": [{"key": "uploads/b.jpg"}]},
    }

    class Backend(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
            body = pages[query.get("next_token", "")] if query.get("prefix") == "uploads/" else {}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    (scripts.home / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (scripts.home / "images" / name).write_bytes(b"")
    keys = json.dumps({"a.jpg": "uploads/a.jpg", "b.jpg": "uploads/b.jpg"})
    (scripts.home / "s3_keys.json").write_text(keys)
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as backend:
        threading.Thread(target=backend.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{backend.server_port}"
        shown = scripts.run("pre-upload-images.sh", BACKEND_API_URL=url)
        backend.shutdown()
    assert "0 images uploaded, 2 were there, 0 failed" in shown


@pytest.mark.parametrize("content", ["{broken", "[]", "\udcff"])
def test_a_file_that_has_no_keys_is_reported(scripts: Scripts, service: Any, content: str) -> None:
    (scripts.home / "images").mkdir()
    (scripts.home / "images/cat.jpg").write_bytes(b"")
    file = scripts.home / "s3_keys.json"
    file.write_text(content, errors="surrogateescape")
    shown = scripts.run("pre-upload-images.sh", BACKEND_API_URL=service.url, code=1)
    assert shown.splitlines() == [
        "pre-upload-images.sh: s3_keys.json was not written by this script: move it away, "
        "or name another file"
    ]
    assert file.read_text(errors="surrogateescape") == content


def test_a_refused_image_is_reported(scripts: Scripts, service: Any) -> None:
    (scripts.home / "images").mkdir()
    (scripts.home / "images/large.jpg").write_bytes(b"x" * (65 << 20))
    shown = scripts.run("pre-upload-images.sh", BACKEND_API_URL=service.url, code=1)
    assert "large.jpg: " in shown
    assert "0 images uploaded, 0 were there, 1 failed" in shown


@contextlib.contextmanager
def dashboard(scripts: Scripts, page: Path, backend: str, **settings: str) -> Iterator[str]:
    (page / "index.html").write_text("<title>the page</title>")
    process = subprocess.Popen(
        ["python3", ROOT / "scripts/dashboard.py", backend],
        env=os.environ | {"DASHBOARD_DIR": str(page)} | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        yield line.split()[2].rstrip(",")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_the_page_works_with_any_backend(scripts: Scripts, service: Any, tmp_path: Path) -> None:
    html = {"Accept": "text/html"}
    with dashboard(scripts, tmp_path, service.url) as url:
        for place in ("/", "/history", "/job/some-id"):
            assert "the page" in requests.get(url + place, headers=html, timeout=10).text
        assert requests.get(url + "/health", timeout=10).json()["status"] == "healthy"
        assert requests.get(url + "/status/none", timeout=10).status_code == 404
        assert "the page" not in requests.get(url + "/docs", headers=html, timeout=10).text
        outside = requests.get(url + "/..%2f..%2fetc%2fhostname", timeout=10)
        assert outside.status_code == 404
        assert ", 0 failed" in scripts.run("test-api.sh", url)


def test_the_page_takes_the_next_free_port(scripts: Scripts, tmp_path: Path) -> None:
    with dashboard(scripts, tmp_path, "http://127.0.0.1:9", DASHBOARD_PORT="18501") as first:
        time.sleep(0.1)
        with dashboard(scripts, tmp_path, "http://127.0.0.1:9", DASHBOARD_PORT="18501") as second:
            assert first != second
            answer = requests.get(second + "/health", timeout=10)
            assert answer.status_code == 502
            assert "does not answer" in answer.json()["error"]


@pytest.mark.parametrize(
    ("backend", "port", "says"),
    [
        ("localhost:8080", "8501", "it must begin with http:// or https://"),
        ("http://localhost:8080", "many", 'DASHBOARD_PORT is "many"'),
    ],
)
def test_the_page_refuses_bad_settings(backend: str, port: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    done = subprocess.run(
        ["python3", ROOT / "scripts/dashboard.py", backend],
        env=os.environ | {"DASHBOARD_PORT": port, "DASHBOARD_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert says in done.stderr
