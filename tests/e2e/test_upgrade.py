"""This version opens the data of every earlier one, and continues unfinished work.

`schema_N/jobs.sql` is a dump (sqlite3's `.dump`) from the last program of that schema, and
`expected.json` what it answered; a new version of the schema adds a folder, changing none.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from program import Service

FOLDERS = sorted(Path(__file__).parent.glob("schema_*"))


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def old(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def restore(old: Path, data: Path, photos: dict[str, Path]) -> None:
    """Restores the data folder as the earlier program left it."""
    data.mkdir()
    with contextlib.closing(sqlite3.connect(data / "jobs.sqlite")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript((old / "jobs.sql").read_text())
        keys = [key for (key,) in database.execute("SELECT DISTINCT key FROM images")]
    for key in keys:
        file = data / "objects/distributed-classifier-input" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        stem = file.name.rsplit("_", 2)[0]  # without the time and the random digits
        known = [photo for name, photo in photos.items() if Path(name).stem == stem]
        file.write_bytes(known[0].read_bytes() if known else b"no image")


@pytest.fixture
def upgraded(
    old: Path, binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> Iterator[tuple[Service, dict[str, Any]]]:
    restore(old, tmp_path / "data", photos)
    service = Service(tmp_path / "data", JOB_RETENTION_DAYS="0")
    yield service, json.loads((old / "expected.json").read_text())
    assert service.stop() == 0, service.log.read_text()


def test_an_earlier_schema_opens(upgraded: tuple[Service, dict[str, Any]]) -> None:
    service, expected = upgraded
    jobs = expected["jobs"]
    for job, result in expected["results"].items():
        result["summary"]["reused"] = 0  # which earlier versions did not count
        assert service.get(f"/result/{job}").json() == result
    assert service.wait(jobs["waiting"])["status"] == "completed"
    done = service.get(f"/result/{jobs['waiting']}").json()
    assert done["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": 4,
        "classified": 4,
        "unknown": 0,
        "failed": 0,
    }
    assert service.get(f"/status/{jobs['cancelled']}").json()["status"] == "cancelled"
    listed = service.get("/jobs").json()["jobs"]
    assert {job["job_id"] for job in listed} == set(jobs.values())
    # Photos that an earlier version knew are counted.
    batches = service.get("/batches").json()["batches"]
    assert {each["batch"]: each["images"] for each in batches} == expected.get("batches", {})
    dates = service.get("/dates").json()
    total = service.get("/images?order=key&limit=0").json()["total"]
    assert sum(month["images"] for month in dates["months"]) + dates["undated"] == total
    # A job accepted with an Idempotency-Key then is not accepted again.
    first = expected["results"][jobs["with_a_failure"]]
    again = {
        "job_type": first["job_type"],
        "s3_keys": [row["s3_key"] for row in first["detailed_results"]],
        "top_k": 3,
        "confidence_threshold": 0,
    }
    repeated = service.post("/submit", again, headers={"Idempotency-Key": "once"})
    assert repeated.json()["job_id"] == jobs["with_a_failure"], repeated.text
    # Jobs can be named and deleted.
    assert all("name" not in job for job in listed)
    url = f"{service.url}/jobs/{jobs['with_labels']}"
    assert requests.patch(url, json={"name": "old"}, timeout=10).json()["name"] == "old"
    assert service.get(f"/result/{jobs['with_labels']}").json()["name"] == "old"
    assert requests.delete(url, timeout=10).status_code == 200
    assert requests.get(url, timeout=10).status_code == 404
    # Failed images can be retried.
    assert service.post(f"/jobs/{jobs['with_a_failure']}/retry", {}).status_code in (200, 202)
    assert service.wait(jobs["with_a_failure"])["status"] == "completed"


def wait_for_jobs(service: Service, count: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while len(service.get("/jobs").json()["jobs"]) != count:
        assert time.monotonic() < deadline, service.log.read_text()
        time.sleep(0.05)


def test_old_jobs_of_an_earlier_schema_are_forgotten(
    old: Path, binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    data = tmp_path / "data"
    restore(old, data, photos)
    with contextlib.closing(sqlite3.connect(data / "jobs.sqlite")) as database, database:
        database.execute("UPDATE jobs SET created_at = created_at - 100 * 86400000")
    service = Service(data)
    jobs = json.loads((old / "expected.json").read_text())["jobs"]
    assert service.wait(jobs["waiting"])["status"] == "completed"
    wait_for_jobs(service, 1)
    assert service.get(f"/status/{jobs['with_labels']}").status_code == 404
    assert service.stop() == 0, service.log.read_text()
    # The next start, like the next hour, finds what has ended since.
    service = Service(data)
    wait_for_jobs(service, 0)
    assert service.stop() == 0, service.log.read_text()
