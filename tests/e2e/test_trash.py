"""The trash: what a client sees, and deaths at each step."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aws_servers
import pytest
import requests
from preload import preload
from program import Service

MODEL = "efficientnet_lite0"
SPREAD = 10


@pytest.fixture
def service(binary: Path, tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path / "data")
    yield running
    assert running.stop() == 0, running.log.read_text()


def upload(service: Service, content: bytes, path: str, batch: str = "") -> str:
    fields = {"filename": "photo.jpg", "content_type": "image/jpeg", "path": path, "batch": batch}
    ticket = service.post("/upload-url", fields).json()
    answer = requests.put(
        ticket["upload_url"], data=content, headers={"Content-Type": "image/jpeg"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return str(ticket["s3_key"])


def delete(service: Service, path: str) -> requests.Response:
    return requests.delete(service.url + path, timeout=60)


def put(service: Service, key: str) -> str:
    answer = delete(service, f"/images/{key}?trash=true")
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"]
    return str(answer.json()["expires_at"])


def restore(service: Service, *keys: str) -> dict[str, Any]:
    answer = service.post("/trash/restore", {"keys": list(keys)})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def keys_of(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [image["key"] for image in answer.json()["images"]]


def read_whole(service: Service, keys: list[str]) -> None:
    """Waits until the content of the images was read for the catalogue."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        images = service.get("/images?order=key").json()["images"]
        if {image["key"] for image in images if "width" in image} >= set(keys):
            return
        time.sleep(0.1)
    raise AssertionError("the images were not read")


def test_there_and_back(service: Service, photos: dict[str, Path]) -> None:
    content = photos["pets.jpg"].read_bytes()
    key = upload(service, content, "Ferien/Été 1.jpg", "b1")
    other = upload(service, content, "Ferien/2.jpg", "b1")
    read_whole(service, [key, other])
    before = service.get("/images?order=name").json()
    thumbnail = service.get(f"/images/{key}/thumbnail?size=64").content
    expires_at = put(service, key)

    for query in ("", "?order=newest", "?folder=Ferien", "?batch=b1", "?q=1"):
        assert key not in keys_of(service.get(f"/images{query}"))
    assert service.get("/folders").json()["folders"] == [{"folder": "Ferien", "images": 1}]
    missing = service.get(f"/images/{key}")
    assert missing.status_code == 404
    assert "is in the trash: take it back" in missing.json()["error"]
    assert service.get(f"/images/{key}/thumbnail").status_code == 404
    assert service.get(f"/images/{key}?trash=true").content == content
    assert service.get(f"/images/{key}/thumbnail?size=64&trash=true").content == thumbnail
    assert service.get(f"/images/{other}?trash=true").status_code == 404
    assert service.get(f"/images/{key}?trash=1").status_code == 400
    assert delete(service, f"/images/{key}?trash=true").status_code == 404
    page = service.get("/trash").json()
    assert (page["total"], page["bytes"]) == (1, len(content))
    (image,) = page["images"]
    assert image["key"] == key
    assert image["name"] == "Ferien/Été 1.jpg"
    assert image["size"] == len(content)
    assert image["expires_at"] == expires_at > image["deleted_at"]

    # A job by rule leaves it out, one that names it says where it is.
    answer = service.post(
        "/submit", {"job_type": "image_classification", "images": {"all": True}, "model": MODEL}
    )
    assert service.wait(answer.json()["job_id"])["total"] == 1
    job = service.submit([key, other], model=MODEL)
    service.wait(job)
    rows = {row["s3_key"]: row for row in service.get(f"/result/{job}").json()["detailed_results"]}
    assert "is in the trash: take it back" in rows[key]["error"]
    assert "error" not in rows[other]

    assert restore(service, key, "none.jpg") == {"restored": [key], "missing": ["none.jpg"]}
    after = service.get("/images?order=name").json()
    assert after["images"] == before["images"], "with its name, batch, times, content"
    assert service.get(f"/images/{key}").content == content
    assert service.get("/trash").json() == {"images": [], "total": 0, "bytes": 0}
    assert service.wait(service.submit([key], model=MODEL))["failed"] == 0


def test_for_good(service: Service) -> None:
    keys = [service.upload(f"content {i}".encode(), f"{i}.jpg") for i in range(5)]
    for key in keys[:4]:
        put(service, key)
    assert delete(service, f"/images/{keys[0]}").status_code == 200, "final, also from the trash"
    assert delete(service, f"/images/{keys[0]}").status_code == 404
    pages = []
    token = ""
    while True:
        page = service.get(f"/trash?limit=2{token and '&next_token='}{token}").json()
        pages.append([image["key"] for image in page["images"]])
        if "next_token" not in page:
            break
        token = page["next_token"]
    assert pages == [[keys[3], keys[2]], [keys[1]]]
    answer = delete(service, "/trash").json()
    assert (answer["success"], answer["deleted"]) == (True, 3)
    assert delete(service, "/trash").json()["deleted"] == 0
    assert restore(service, keys[1]) == {"restored": [], "missing": [keys[1]]}
    assert keys_of(service.get("/images")) == [keys[4]]
    files = [path for path in (service.data / "objects").rglob("*") if path.is_file()]
    assert [path.name for path in files if ".lock" not in path.name] == [Path(keys[4]).name]


def test_nothing_is_overwritten(service: Service) -> None:
    fields = {"filename": "a.jpg", "content_type": "image/jpeg"}
    ticket = service.post("/upload-url", fields).json()
    key, url = ticket["s3_key"], ticket["upload_url"]
    headers = {"Content-Type": "image/jpeg"}
    requests.put(url, data=b"first", headers=headers, timeout=60)
    put(service, key)
    requests.put(url, data=b"second", headers=headers, timeout=60)
    answer = restore(service, key)
    assert (answer["restored"], answer["missing"]) == ([], [])
    (conflict,) = answer["conflicts"]
    assert conflict["key"] == key
    assert "another image has this key" in conflict["error"]
    assert service.get(f"/images/{key}").content == b"second"
    assert service.get(f"/images/{key}?trash=true").content == b"first"
    put(service, key)
    assert service.get("/trash").json()["total"] == 2
    assert restore(service, key)["restored"] == [key]
    assert service.get(f"/images/{key}").content == b"second"


@pytest.mark.parametrize("keys", [[], ["x"] * 1_001, "x", None, [1]])
def test_a_bad_restoration_is_refused(service: Service, keys: object) -> None:
    assert service.post("/trash/restore", {"keys": keys}).status_code == 400


def test_expired_images_go_by_themselves(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data", TRASH_RETENTION_DAYS="0")
    key = service.upload(b"content", "a.jpg")
    answer = delete(service, f"/images/{key}?trash=true")
    assert answer.status_code == 400
    assert "TRASH_RETENTION_DAYS is 0" in answer.json()["error"]
    assert service.get(f"/images/{key}").content == b"content", "never deleted silently"
    assert service.stop() == 0
    service = Service(tmp_path / "data")
    put(service, key)
    assert service.stop() == 0
    database = sqlite3.connect(tmp_path / "data/jobs.sqlite")
    database.execute("UPDATE photo_trash SET expires = 1")
    database.commit()
    database.close()
    service = Service(tmp_path / "data")
    deadline = time.monotonic() + 20
    while service.get("/trash").json()["total"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert restore(service, key) == {"restored": [], "missing": [key]}
    assert service.stop() == 0


def test_two_tabs(service: Service) -> None:
    """One restores, one empties: each image is in one answer, and where that answer says."""
    keys = [service.upload(f"{i}".encode(), f"{i}.jpg") for i in range(60)]
    for key in keys:
        put(service, key)
    restored: list[str] = []

    def take_back() -> None:
        for i in range(0, len(keys), 10):
            restored.extend(restore(service, *keys[i : i + 10])["restored"])

    tab = threading.Thread(target=take_back)
    tab.start()
    deleted = delete(service, "/trash").json()["deleted"]
    tab.join()
    assert deleted + len(restored) == len(keys)
    assert sorted(keys_of(service.get("/images"))) == sorted(restored)
    assert service.get("/trash").json()["total"] == 0


def test_command_line(service: Service, binary: Path) -> None:
    keys = [service.upload(f"{i}".encode(), f"{i}.jpg") for i in range(3)]

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [binary, *arguments],
            env=os.environ | {"BACKEND_API_URL": service.url},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    assert run("delete", "--trash", *keys).split() == keys
    assert run("trash", "--format", "keys").split() == keys[::-1]
    assert keys[0] in run("trash")
    assert run("trash", "restore", keys[1], "none.jpg", code=1).split() == [keys[1]]
    run("trash", "restore", code=2)
    assert run("trash", "restore", "--all").split() == [keys[2], keys[0]]
    run("delete", "--trash", keys[0])
    run("delete", keys[0])
    run("delete", "--trash", keys[1])
    assert '"deleted": 1' in run("trash", "empty")
    assert run("images", "--format", "keys").split() == [keys[2]]


class Client:
    """What was answered before the service died."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.there: dict[str, set[str]] = {}  # by key: where it may be: store, trash, gone

    def content(self, key: str) -> bytes:
        return f"content {self.keys.index(key)}".encode()

    def move(self, key: str, to: str, call: Any) -> None:
        self.there[key].add(to)
        assert call().status_code == 200
        self.there[key] = {to}

    def run(self, service: Service) -> None:
        for i in range(4):
            self.keys.append(service.upload(f"content {i}".encode(), f"{i}.jpg"))
            self.there[self.keys[-1]] = {"store"}
        a, b, c, _ = self.keys

        def put_away(key: str) -> None:
            self.move(key, "trash", lambda: delete(service, f"/images/{key}?trash=true"))

        for key in (a, b, c):
            put_away(key)
        for key in (a, b):
            self.move(key, "store", lambda k=key: service.post("/trash/restore", {"keys": [k]}))
        put_away(b)
        self.move(c, "gone", lambda: delete(service, f"/images/{c}"))
        self.move(b, "gone", lambda: delete(service, "/trash"))
        put_away(a)

    def check(self, service: Service) -> None:
        trashed = keys_of(service.get("/trash"))
        stored = set()
        for key in self.keys:
            places = {
                "store": service.get(f"/images/{key}"),
                "trash": service.get(f"/images/{key}?trash=true"),
            }
            found = [place for place, answer in places.items() if answer.status_code == 200]
            assert len(found) <= 1, f"{key} is in two places"
            place = found[0] if found else "gone"
            assert place in self.there[key], f"{key} is in {place}, not in {self.there[key]}"
            if found:
                assert places[place].content == self.content(key), "it is whole"
            if place == "store":
                stored.add(key)
            assert (key in trashed) == (place == "trash")
        # The catalogue of a process that was killed is right after the scan of the next start.
        deadline = time.monotonic() + 60
        while (listed := set(keys_of(service.get("/images")))) != stored:
            assert time.monotonic() < deadline, f"listed: {listed}, stored: {stored}"
            time.sleep(0.05)
        everywhere = {key for key in self.keys if self.there[key] == {"trash"}}
        for key in everywhere:
            assert restore(service, key)["restored"] == [key]
            assert service.get(f"/images/{key}").content == self.content(key)


def live_until_killed(client: Client, data: Path, **settings: str) -> None:
    try:
        service = Service(data, THUMBNAIL_STORE="0", **settings)
    except RuntimeError:
        return  # died before it listened
    try:
        client.run(service)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        service.process.wait(30)
        return
    service.stop()


def test_dying_at_any_step_leaves_each_image_in_one_place(binary: Path, tmp_path: Path) -> None:
    library = preload("crash_point", tmp_path)
    log = tmp_path / "steps"
    counted = tmp_path / "counted"
    counted.mkdir()
    client = Client()
    live_until_killed(
        client, counted, LD_PRELOAD=library, CRASH_DIR=str(counted), CRASH_LOG=str(log)
    )
    assert client.there[client.keys[0]] == {"trash"}
    steps = [line for line in log.read_text().splitlines() if not line.startswith("answer")]
    assert sum(step.startswith("rename") and ".tmp/trash/" in step for step in steps) == 5
    first = next(i for i, step in enumerate(steps) if "objects" in step and "/uploads" in step)
    every = os.environ.get("CRASH_STEPS") == "all"
    tried = range(first + 1, len(steps) + 1, 1 if every else max(1, (len(steps) - first) // SPREAD))
    print(f"{len(steps)} durable steps, killed at {len(tried)} of them")
    for step in tried:
        data = tmp_path / str(step)
        data.mkdir()
        client = Client()
        live_until_killed(client, data, LD_PRELOAD=library, CRASH_DIR=str(data), CRASH_AT=str(step))
        service = Service(data)
        try:
            client.check(service)
        except AssertionError as error:
            error.add_note(f"died at step {step} of {len(steps)}: {steps[step - 1]}; see {data}")
            raise
        assert service.stop() == 0


def test_what_was_answered_survives_a_power_loss(binary: Path, tmp_path: Path) -> None:
    """A power loss takes back what was not synced: here moves of files, but not their rows."""
    service = Service(tmp_path / "data")
    keys = [service.upload(f"content {i}".encode(), f"{i}.jpg") for i in range(3)]
    for key in keys:
        put(service, key)
    service.kill()
    folder = tmp_path / "data/objects/distributed-classifier-input"
    for file in (folder / ".tmp/trash").iterdir():
        key = unquote(file.name.split("-", 1)[1])
        file.rename(folder / key)
    service = Service(tmp_path / "data")
    assert keys_of(service.get("/images")) == []
    assert service.get("/trash").json()["total"] == 3
    assert restore(service, *keys)["restored"] == keys
    assert service.stop() == 0


def test_on_aws(binary: Path, tmp_path: Path, photos: dict[str, Path]) -> None:
    with aws_servers.emulator() as emulator:
        settings = aws_servers.created(emulator, "trash")
        backend = Service(tmp_path / "backend", "backend", **settings)
        worker = Service(tmp_path / "worker", "ml-service", **settings)
        try:
            content = photos["pets.jpg"].read_bytes()
            key = upload(backend, content, "Ferien/1.jpg")
            other = upload(backend, content, "Ferien/2.jpg")
            put(backend, key)
            assert keys_of(backend.get("/images")) == [other]
            assert backend.get(f"/images/{key}").status_code == 404
            assert backend.get(f"/images/{key}/thumbnail").status_code == 404
            assert backend.get(f"/images/{key}?trash=true").content == content
            assert backend.get(f"/images/{key}/thumbnail?trash=true").ok
            page = backend.get("/trash").json()
            assert page["images"][0]["name"] == "Ferien/1.jpg"
            assert (page["total"], page["bytes"]) == (1, len(content))
            job = backend.submit([key, other], model=MODEL)
            backend.wait(job)
            rows = backend.get(f"/result/{job}").json()["detailed_results"]
            errors = {row["s3_key"]: row.get("error", "") for row in rows}
            assert "is in the trash: take it back" in errors[key]
            assert errors[other] == ""
            assert restore(backend, key, "none") == {"restored": [key], "missing": ["none"]}
            assert backend.get(f"/images/{key}").content == content
            images = backend.get("/images").json()["images"]
            assert {image["name"] for image in images} == {"Ferien/1.jpg", "Ferien/2.jpg"}
            put(backend, key)
            put(backend, other)
            assert delete(backend, f"/images/{key}").status_code == 200
            assert delete(backend, "/trash").json()["deleted"] == 1
            assert backend.get("/trash").json()["total"] == 0
            assert keys_of(backend.get("/images")) == []
        finally:
            backend.kill()
            worker.kill()
