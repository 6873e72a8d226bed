"""Names of jobs, deletion of jobs, and the time of a run, with the real program."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import requests
from program import Service


def command(service: Service, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [service.program, *words],
        env=os.environ | {"BACKEND_API_URL": service.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **({"input": ""} | options),
    )


def said(service: Service, *words: str) -> str:
    done = command(service, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def delete(service: Service, job: str) -> requests.Response:
    return requests.delete(f"{service.url}/jobs/{job}", timeout=60)


def copies(service: Service) -> Path:
    return service.data / "objects/distributed-classifier-output"


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finished(service: Service, keys: list[str], **fields: object) -> str:
    job = service.submit(keys, confidence_threshold=0, **fields)
    service.wait(job)
    return job


def test_a_job_is_named_and_renamed(service: Service, photos: dict[str, Path]) -> None:
    key = service.upload(photos["cat_720p.jpg"], "cat.jpg")
    job = said(service, "submit", key, "--name", " Ferien 🐱 ", "--watch").split()[0]
    assert service.get(f"/jobs/{job}").json()["name"] == "Ferien 🐱"
    assert "Ferien 🐱" in said(service, "jobs")
    assert json.loads(said(service, "rename", job, "Strand"))["name"] == "Strand"
    assert service.get(f"/result/{job}").json()["name"] == "Strand"
    assert "name" not in json.loads(said(service, "rename", job, ""))
    refused = command(service, "rename", job, "x" * 201)
    assert refused.returncode == 3
    assert "201 characters" in refused.stderr
    assert command(service, "rename", "none", "x").returncode == 3


def test_jobs_are_deleted_with_their_copies_alone(
    service: Service, photos: dict[str, Path]
) -> None:
    key = service.upload(photos["cat_720p.jpg"], "cat.jpg")
    jobs = [finished(service, [key]) for _ in range(3)]
    assert all(any(copies(service).glob(f"{job}/*/*.jpg")) for job in jobs)
    asked = command(service, "delete-job", jobs[0])
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    done = command(service, "delete-job", "--yes", jobs[0], "none", jobs[1])
    assert done.returncode == 1
    assert done.stdout.split() == jobs[:2]
    assert done.stderr == "classifier: none: Job not found\n"
    wait_until(lambda: not any((copies(service) / job).exists() for job in jobs[:2]))
    assert any(copies(service).glob(f"{jobs[2]}/*/*.jpg"))
    assert service.get(f"/images/{key}").status_code == 200
    for job in jobs[:2]:
        assert service.get(f"/result/{job}").status_code == 404
    assert service.get(f"/result/{jobs[2]}").status_code == 200


def test_the_command_asks_on_a_terminal(service: Service) -> None:
    job = finished(service, ["uploads/none.jpg"])
    for answer, code in (("n\n", 1), ("y\n", 0)):
        user, terminal = pty.openpty()
        os.write(user, answer.encode())
        done = command(service, "delete-job", job, input=None, stdin=terminal)
        os.close(terminal)
        os.close(user)
        assert done.returncode == code, done.stderr
        assert "The images stay. [y/N]" in done.stderr
    assert service.get(f"/status/{job}").status_code == 404


def test_a_deletion_that_a_kill_interrupts_is_finished_at_the_next_start(
    binary: Path, photos: dict[str, Path], tmp_path: Path
) -> None:
    service = Service(tmp_path / "data")
    key = service.upload(photos["cat_720p.jpg"], "cat.jpg")
    job = finished(service, [key])
    other = finished(service, [key])
    label = next(copies(service).glob(f"{job}/*"))
    for i in range(30_000):
        (label / f"{i}.jpg").touch()
    assert delete(service, job).status_code == 200
    service.kill()
    assert any(label.iterdir()), "all copies were removed before the kill"
    service.start()
    assert service.get(f"/status/{job}").status_code == 404
    wait_until(lambda: not (copies(service) / job).exists())
    assert any(copies(service).glob(f"{other}/*/*.jpg"))
    assert service.get(f"/images/{key}").status_code == 200
    assert service.get(f"/result/{other}").status_code == 200
    assert service.stop() == 0, service.log.read_text()


def test_a_retry_has_a_time_of_its_own(service: Service, photos: dict[str, Path]) -> None:
    key = service.upload(photos["cat_720p.jpg"], "cat.jpg")
    job = finished(service, [key, "uploads/none.jpg"])
    first = service.get(f"/jobs/{job}").json()
    time.sleep(3)
    assert service.post(f"/jobs/{job}/retry", {}).status_code == 202
    service.wait(job)
    again = service.get(f"/jobs/{job}").json()
    begin, end = (datetime.fromisoformat(again[name]) for name in ("started_at", "completed_at"))
    assert begin > datetime.fromisoformat(first["completed_at"])
    took = service.get(f"/result/{job}").json()["processing_time_ms"]
    assert took == round((end - begin).total_seconds() * 1e3)
    assert took < 3_000
    assert service.get("/jobs").json()["jobs"][0]["started_at"] == again["started_at"]
