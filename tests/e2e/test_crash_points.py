"""The program is killed at each durable step of a small job, and nothing that it answered is lost.

A first run counts the steps: each write, fsync, rename, link, unlink, mkdir and truncation below
DATA_DIR, from the first start to the end of an orderly stop. Then the same job runs once for each
step, with empty data, and is killed there; if the step is a write, half of it is done.

CRASH_STEPS=all tries every step, writes twice: torn, and not begun.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from preload import preload
from program import Service

SPREAD = 8

MODEL = "efficientnet_lite0"


@dataclass
class Client:
    """What a client sent, and what was answered before the service died."""

    files: dict[str, bytes]
    keys: dict[str, str] = field(default_factory=dict)  # uploads answered with 200, by name
    job: str = ""  # answered with 202
    done: int = 0  # the highest count in a status

    def run(self, service: Service) -> None:
        """Continues where it was; ends with requests' ConnectionError when the service dies."""
        for name, content in self.files.items():
            if name not in self.keys:
                self.keys[name] = service.upload(content, name)
        order = [self.keys[name] for name in self.files]
        body = {"job_type": "image_classification", "model": MODEL, "s3_keys": order}
        answer = service.post(
            "/submit", body | {"confidence_threshold": 0}, headers={"Idempotency-Key": "the job"}
        )
        assert answer.status_code == 202, answer.text
        assert self.job in ("", answer.json()["job_id"])
        self.job = answer.json()["job_id"]
        while True:
            status = service.get(f"/status/{self.job}").json()
            assert status["done"] >= self.done, "an image that counted does no more"
            self.done = status["done"]
            if status["status"] in ("completed", "failed", "cancelled"):
                return


@pytest.fixture(scope="module")
def files(photos: dict[str, Path]) -> dict[str, bytes]:
    cat, parrot = (photos[name].read_bytes() for name in ("cat_720p.jpg", "parrot.jpg"))
    return {
        "cat.jpg": cat,
        "text.jpg": b"this is no image",
        "parrot.jpg": parrot,
        "quarter.jpg": cat[: len(cat) // 4],
        "another cat.jpg": cat,
        "another parrot.jpg": parrot,
    }


BAD = {"text.jpg", "quarter.jpg"}


def live_until_killed(client: Client, data: Path, **settings: str) -> None:
    """Runs the service until it is killed at a step or stopped in order."""
    try:
        service = Service(data, **settings)
    except RuntimeError:
        return  # died before it listened
    try:
        client.run(service)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        service.process.wait(30)
        return
    service.stop()


def check(client: Client, data: Path) -> None:
    """A new process on the same data keeps what the dead one promised, and finishes its work."""
    service = Service(data)
    for name, key in client.keys.items():
        assert service.get(f"/images/{key}").content == client.files[name], f"{name} was lost"
    if client.job:
        status = service.get(f"/status/{client.job}")
        assert status.status_code == 200, "an accepted job was lost"
        assert status.json()["done"] >= client.done, "a counted image was lost"
    client.run(service)
    result = service.get(f"/result/{client.job}").json()
    total, bad = len(client.files), len(BAD)
    expected = {"total": total, "classified": total - bad, "unknown": 0, "failed": bad}
    assert result["summary"] | {"reused": 0} == expected | {"reused": 0}
    rows = {row["s3_key"]: row for row in result["detailed_results"]}
    assert set(rows) == set(client.keys.values())
    assert {name for name, key in client.keys.items() if "error" in rows[key]} == BAD
    assert set(result["output_paths"]) == {client.keys[name] for name in client.files.keys() - BAD}
    for path in result["output_paths"].values():
        assert (data / "objects" / path.removeprefix("s3://")).is_file()
    assert service.get("/jobs").json()["total"] == 1
    assert service.stop() == 0, service.log.read_text()
    database = sqlite3.connect(data / "jobs.sqlite")
    assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    assert database.execute("SELECT count(*) FROM queue").fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
    database.close()


def test_an_answer_comes_after_what_makes_it_last(
    binary: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    """A power loss removes what was not synced: file contents, and names in their folder."""
    disk = tmp_path / "disk"
    disk.mkdir()
    log = tmp_path / "steps"
    settings = {
        "LD_PRELOAD": preload("crash_point", tmp_path),
        "CRASH_DIR": str(disk),
        "CRASH_LOG": str(log),
    }
    client = Client(files)
    live_until_killed(client, disk / "data", **settings)
    assert client.done == len(files)
    unsynced: set[str] = set()  # contents, and folders with new names
    log_synced = False
    answers = {"200": 0, "202": 0}
    for line in log.read_text().splitlines():
        what, path = line.split(" ", 1)
        # What may be gone after a power loss: sorted copies, caches, and the last commits before
        # any that was promised.
        lost = ("/distributed-classifier-output", "/data/cache", "/data/thumbnails")
        if any(folder in path for folder in lost):
            continue
        if what in ("write", "truncate"):
            # The database's own file is written at checkpoints, from a log that is kept until then.
            if not path.endswith(("/jobs.sqlite-wal", "/jobs.sqlite")):
                unsynced.add(path)
        elif what in ("rename", "link", "mkdir"):
            unsynced.add(str(Path(path).parent))
            if what == "rename":
                assert not any("/.tmp/" in file for file in unsynced), "renamed before its fsync"
        elif what in ("unlink", "fsync"):
            unsynced.discard(path)
            log_synced = log_synced or path.endswith("/jobs.sqlite-wal")
        else:
            answers[path] += 1
            # What was seen of images is no promise: it costs time only.
            promised = {file for file in unsynced if "/seen.sqlite" not in file}
            assert not promised, "answered before what it promises was kept"
            if path == "202":
                assert log_synced, "a job was accepted before it was kept"
            log_synced = False  # each request of the one client needs its own fsync
    assert answers["202"] == 1
    assert answers["200"] > 2 * len(files)


def test_dying_at_any_step_loses_nothing(
    binary: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    library = preload("crash_point", tmp_path)

    counted = tmp_path / "counted"

    def crash(data: Path, **settings: str) -> dict[str, str]:
        data.mkdir()
        if data != counted:  # the compiled model is not tested here, and takes long
            (data / "cache").symlink_to(counted / "cache")
        return {"LD_PRELOAD": library, "CRASH_DIR": str(data)} | settings

    log = tmp_path / "steps"
    client = Client(files)
    live_until_killed(client, counted, **crash(counted, CRASH_LOG=str(log)))
    assert client.done == len(files)
    check(client, counted)
    steps = [line for line in log.read_text().splitlines() if not line.startswith("answer")]
    every = os.environ.get("CRASH_STEPS") == "all"
    tried = range(1, len(steps) + 1, 1 if every else max(1, len(steps) // SPREAD))
    points = [(step, "1") for step in tried]
    if every:
        points += [(step, "") for step in tried if steps[step - 1].startswith("write")]
    print(f"{len(steps)} durable steps, killed at {len(points)} points")
    for step, half in points:
        data = tmp_path / f"{step}{'half' if half else ''}"
        client = Client(files)
        settings = crash(data, CRASH_AT=str(step), CRASH_HALF=half)
        try:
            live_until_killed(client, data, **settings)
            check(client, data)
        except (AssertionError, RuntimeError) as error:
            error.add_note(
                f"died at step {step} of {len(steps)}, {half and 'half done'}: see {data}"
            )
            raise
