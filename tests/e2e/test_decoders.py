"""Images that crash, hang or grow: their decoder process ends, and the service does not notice."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import requests
from PIL import Image
from preload import preload
from program import Service

FAULTS = {"HANG": "not decoded within 15 seconds", "CRASH": "crashed", "GROW": "ran out of memory"}


def children_of(process: int) -> list[int]:
    children = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            children += [int(child) for child in (thread / "children").read_text().split()]
    return children


def peak_mb(process: int) -> int:
    """The largest memory that a process had so far."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def isolated(data: Path, **settings: str) -> Service:
    return Service(data, DECODE_ISOLATION="on", **settings)


def faulty(tmp_path: Path, photo: bytes, fault: str) -> tuple[Service, bytes]:
    """A service, and a photo that makes its decoders have the fault."""
    bad = photo + b"\0" * 77
    service = isolated(
        tmp_path / "data",
        LD_PRELOAD=preload("faulty_decoder", tmp_path),
        IMAGE_TIMEOUT="15" if fault == "HANG" else "120",
        DECODE_MEMORY="100",
        **{f"LD_TEST_{fault}_BYTES": str(len(bad))},
    )
    return service, bad


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_image_fails_alone(
    binary: Path, tmp_path: Path, photos: dict[str, Path], fault: str
) -> None:
    good = photos["cat_720p.jpg"].read_bytes()
    service, bad = faulty(tmp_path, good, fault)
    process = service.process.pid
    keys = [service.upload(good, f"{i}.jpg") for i in range(6)]
    bad_key = service.upload(bad, "bad.jpg")
    mixed = [*keys[:3], bad_key, *keys[3:]]
    job = service.submit(mixed, confidence_threshold=0, model="efficientnet_lite0")
    status = service.wait(job)
    assert (status["done"], status["failed"]) == (len(mixed), 1)
    result = service.get(f"/result/{job}").json()
    errors = {row["s3_key"]: row["error"] for row in result["detailed_results"] if "error" in row}
    assert list(errors) == [bad_key]
    assert FAULTS[fault] in errors[bad_key]
    assert service.process.pid == process
    assert service.process.poll() is None
    assert service.stop() == 0, service.log.read_text()


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_requests_are_refused(
    binary: Path, tmp_path: Path, photos: dict[str, Path], fault: str
) -> None:
    good = photos["cat_720p.jpg"].read_bytes()
    service, bad = faulty(tmp_path, good, fault)
    key = service.upload(bad, "bad.jpg")
    thumbnail = service.get(f"/images/{key}/thumbnail")
    assert thumbnail.status_code in (413, 422)
    assert FAULTS[fault] in thumbnail.json()["error"]
    files = {"images": ("bad.jpg", bad, "image/jpeg")}
    answer = requests.post(f"{service.ml}/classify", files=files, timeout=60).json()
    assert FAULTS[fault] in answer["detailed_results"][0]["error"]
    assert service.get(f"/images/{service.upload(good, 'a.jpg')}/thumbnail").status_code == 200
    assert service.stop() == 0, service.log.read_text()


def test_decoders_killed_by_hand_cost_no_image(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    service = isolated(tmp_path / "data")
    keys = [service.upload(photos["cat_720p.jpg"].read_bytes(), f"{i}.jpg") for i in range(5)]
    job = service.submit(keys * 60, confidence_threshold=0, model="efficientnet_lite0")
    done = threading.Event()
    killed = []

    def kill() -> None:
        while not done.wait(0.2):
            for child in children_of(service.process.pid)[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                    killed.append(child)

    killer = threading.Thread(target=kill)
    killer.start()
    status = service.wait(job)
    done.set()
    killer.join()
    assert killed
    assert (status["done"], status["failed"]) == (300, 0)
    assert service.stop() == 0, service.log.read_text()


def test_decoders_end_with_the_service(binary: Path, tmp_path: Path) -> None:
    service = isolated(tmp_path / "data")
    children = children_of(service.process.pid)
    assert children
    service.process.kill()
    service.process.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_large_pictures_at_once_take_the_memory_of_one(binary: Path, tmp_path: Path) -> None:
    """Eight PNGs of 100 megapixels, which a gallery asks for at the same time."""
    service = isolated(tmp_path / "data", MAX_WORKERS="2")
    file = tmp_path / "large.png"
    Image.new("RGB", (10_000, 10_000), (200, 120, 40)).save(file)
    keys = [service.upload(file, f"{i}.png", "image/png") for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: service.get(f"/images/{key}/thumbnail"), keys))
    assert {answer.status_code for answer in answers} == {200}
    peaks = [peak_mb(process) for process in children_of(service.process.pid)]
    assert sum(peak > 100 for peak in peaks) <= 1, peaks
    assert peak_mb(service.process.pid) < 600
    assert service.stop() == 0, service.log.read_text()
