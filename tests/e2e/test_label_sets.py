"""Label sets that the service keeps, and what clients need not fetch twice."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from program import BINARY, Service


@pytest.fixture
def service(binary: Path, tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path / "data")
    yield running
    assert running.stop() == 0, running.log.read_text()


def put(service: Service, name: str, labels: list[str], **headers: str) -> requests.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return requests.put(
        f"{service.url}/label-sets/{name}", json={"labels": labels}, headers=named, timeout=30
    )


def test_label_sets_survive_a_crash(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data")
    made = put(service, "Tiere", ["Hund", "Katze"])
    assert made.status_code == 201, made.text
    service.kill()
    service.start()
    assert service.get("/label-sets").json() == {"label_sets": [made.json()]}
    assert service.stop() == 0


def test_of_many_who_save_at_once_one_wins(service: Service) -> None:
    version = put(service, "x", ["a"]).headers["ETag"]
    answers: list[int] = []

    def save(number: int) -> None:
        answers.append(put(service, "x", [str(number)], If_Match=version).status_code)

    threads = [threading.Thread(target=save, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + 7 * [412]


def test_a_job_takes_a_label_set(service: Service) -> None:
    put(service, "Haus & Hof", ["cat", "dog"])

    def submit(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BINARY, "submit", "uploads/none.jpg", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"BACKEND_API_URL": service.url},
        )

    done = submit("--label-set", "Haus & Hof")
    assert done.returncode == 0, done.stderr
    job = service.get(f"/jobs/{done.stdout.strip()}").json()
    assert job["custom_labels"] == ["cat", "dog"]
    missing = submit("--label-set", "none")
    assert missing.returncode == 3
    assert "there is no label set" in missing.stderr
    assert submit("--label-set", "Haus & Hof", "--labels", "a").returncode == 2


def raw(service: Service, path: str, **headers: str) -> requests.Response:
    """The answer as it is on the wire: `content` is not decompressed."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    answer = requests.get(service.url + path, headers=named, timeout=60, stream=True)
    answer._content = answer.raw.read(decode_content=False)
    return answer


def test_results_are_compressed(service: Service) -> None:
    keys = [f"uploads/none-{i}.jpg" for i in range(3_000)]
    job = service.submit(keys)
    service.wait(job)
    for path in (f"/result/{job}", f"/result/{job}.csv"):
        plain = raw(service, path, Accept_Encoding="identity")
        small = raw(service, path, Accept_Encoding="gzip")
        assert "Content-Encoding" not in plain.headers
        assert small.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in small.headers["Vary"]
        assert gzip.decompress(small.content) == plain.content
        assert len(small.content) * 5 < len(plain.content)
    assert len(json.loads(gzip.decompress(raw(service, f"/result/{job}").content))) > 0


def test_what_has_not_changed_is_not_sent_again(service: Service) -> None:
    for _ in range(5):
        service.wait(service.submit(["uploads/none.jpg"]))
    put(service, "x", ["a"])
    job = service.get("/jobs").json()["jobs"][0]["job_id"]
    paths = [
        "/jobs",
        f"/jobs/{job}",
        f"/status/{job}",
        "/models",
        "/images",
        "/images?order=name",
        "/folders",
        "/batches",
        "/dates",
        "/label-sets",
        "/label-sets/x",
        "/openapi.json",
    ]
    tags: dict[str, Any] = {}
    for path in paths:
        tags[path] = service.get(path).headers["ETag"]
    for path, tag in tags.items():
        for encoding in ("gzip", "identity"):
            headers = {"If-None-Match": tag, "Accept-Encoding": encoding}
            same = service.get(path, headers=headers)
            assert same.status_code == 304, path
            assert same.content == b""
            assert same.headers["Cache-Control"] == "private, no-cache"
    service.submit(["uploads/none.jpg"])
    put(service, "x", ["b"])
    for path in ("/jobs", "/label-sets", "/label-sets/x"):
        assert service.get(path, headers={"If-None-Match": tags[path]}).status_code == 200, path
