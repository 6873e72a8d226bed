"""The machine's clock is set days back or forward while a job runs."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest
import requests
from PIL import Image
from preload import preload
from program import Service

DAYS = 86_400
MODEL = "efficientnet_lite0"


class Clock:
    """The service's time of day: a shift in seconds, which is read at each call."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shift"
        self.set(0)
        self.settings = {
            "LD_PRELOAD": preload("clock_shift", folder),
            "CLOCK_SHIFT": str(self.file),
        }

    def set(self, seconds: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.mark.parametrize("days", [-3, 3])
def test_a_jump_while_a_job_runs_costs_no_image(
    binary: Path, tmp_path: Path, photos: dict[str, Path], clock: Clock, days: int
) -> None:
    service = Service(tmp_path / "data", VISIBILITY_TIMEOUT="5", **clock.settings)
    before = datetime.fromisoformat(service.get("/health").json()["time"])
    key = service.upload(photos["pets.jpg"], "pets.jpg")
    total = 300
    job = service.submit([key] * total, confidence_threshold=0, model=MODEL)
    while service.get(f"/status/{job}").json()["done"] == 0:
        time.sleep(0.01)
    clock.set(days * DAYS)
    after = datetime.fromisoformat(service.get("/health").json()["time"])
    assert abs((after - before).total_seconds() - days * DAYS) < 3_600, "the clock did not jump"
    status = service.wait(job)
    assert (status["done"], status["failed"]) == (total, 0)
    summary = service.get(f"/result/{job}").json()["summary"]
    assert summary | {"reused": 0} == {
        "reused": 0,
        "total": total,
        "classified": total,
        "unknown": 0,
        "failed": 0,
    }
    # The newest job comes first, whatever the clock said when it was accepted.
    later = service.submit([key], confidence_threshold=0, model=MODEL)
    service.wait(later)
    assert [entry["job_id"] for entry in service.get("/jobs").json()["jobs"]] == [later, job]
    assert service.get("/queue").json()["in_flight"] == 0
    assert service.stop() == 0, service.log.read_text()


def test_a_message_that_waits_for_its_next_try_does_not_wait_for_days(
    binary: Path, tmp_path: Path, clock: Clock
) -> None:
    """After the clock is set back, the message is hidden until a time three days away."""
    no_memory = tmp_path / "no memory"
    library = preload("faulty_decoder", tmp_path)
    service = Service(
        tmp_path / "data",
        VISIBILITY_TIMEOUT="5",
        NO_MEMORY=str(no_memory),
        DECODE_ISOLATION="off",  # decoder processes could not see the file
        **clock.settings | {"LD_PRELOAD": f"{clock.settings['LD_PRELOAD']}:{library}"},
    )
    file = tmp_path / "large.webp"  # which is decoded as a whole
    Image.new("RGB", (2400, 1800)).save(file)
    key = service.upload(file, "large.webp", "image/webp")
    no_memory.touch()  # not before: starting takes memory as well
    job = service.submit([key], confidence_threshold=0, model=MODEL)
    deadline = time.monotonic() + 60
    while "attempt 2 of" not in service.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    clock.set(-3 * DAYS)
    no_memory.unlink()
    status = service.wait(job)
    assert (status["done"], status["failed"]) == (1, 0)
    assert service.stop() == 0, service.log.read_text()


def test_upload_urls_end_by_the_clock(binary: Path, tmp_path: Path, clock: Clock) -> None:
    service = Service(tmp_path / "data", **clock.settings)

    def put() -> int:
        headers = {"Content-Type": "image/jpeg"}
        return requests.put(url, data=b"x", headers=headers, timeout=10).status_code

    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    url = service.post("/upload-url", body).json()["upload_url"]
    clock.set(3 * DAYS)
    assert put() == 403
    clock.set(-3 * DAYS)
    assert put() == 200
    assert service.stop() == 0
