"""A decoder runs out of memory: the image is not failed for it, and the service survives."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image
from preload import preload
from program import Service

ENCODINGS = ["jpeg", "png", "webp", "gif", "bmp"]


@pytest.fixture
def short_of_memory(binary: Path, tmp_path: Path) -> tuple[Service, Path]:
    """A service, and the path of a file that limits its memory while it exists."""
    switch = tmp_path / "no memory"
    library = preload("faulty_decoder", tmp_path)
    service = Service(
        tmp_path / "data",
        LD_PRELOAD=library,
        NO_MEMORY=str(switch),
        MAX_ATTEMPTS="2",
        DECODE_ISOLATION="off",  # decoder processes could not see the file
        REMEMBER="off",  # every image is to be decoded
    )
    return service, switch


def upload_large(service: Service, tmp_path: Path) -> list[str]:
    """An image in each format that needs several megabytes to decode."""
    picture = Image.effect_noise((2400, 1800), 60).convert("RGB")
    keys = []
    for encoding in ENCODINGS:
        file = tmp_path / f"large.{encoding}"
        # A progressive JPEG is decoded as a whole; others line by line.
        options = {"progressive": True} if encoding == "jpeg" else {}
        picture.save(file, **options)  # type: ignore[arg-type]
        keys.append(service.upload(file, file.name, f"image/{encoding}"))
    return keys


def submit_without_memory(service: Service, switch: Path, tmp_path: Path) -> tuple[str, list[str]]:
    """A job of all formats, started once the model is loaded and memory is short; and its keys."""
    keys = upload_large(service, tmp_path)
    warm = service.submit(keys[:1], confidence_threshold=0, model="efficientnet_lite0")
    assert service.wait(warm)["status"] == "completed"
    switch.touch()
    return service.submit(keys, confidence_threshold=0, model="efficientnet_lite0"), keys


def test_memory_that_comes_back_loses_no_image(
    short_of_memory: tuple[Service, Path], tmp_path: Path
) -> None:
    service, switch = short_of_memory
    job, _ = submit_without_memory(service, switch, tmp_path)
    deadline = time.monotonic() + 60
    while "out of memory" not in service.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    switch.unlink()
    assert service.wait(job)["failed"] == 0
    assert service.stop() == 0, service.log.read_text()


def test_memory_that_stays_away_ends_in_dead_letters(
    short_of_memory: tuple[Service, Path], tmp_path: Path
) -> None:
    service, switch = short_of_memory
    job, keys = submit_without_memory(service, switch, tmp_path)
    status = service.wait(job)
    assert status["status"] == "failed"
    result = service.get(f"/result/{job}").json()
    for row in result["detailed_results"]:
        assert "out of memory" in row["error"], row
    letters = service.get("/queue/dead-letters").json()["dead_letters"]
    assert {letter["s3_key"] for letter in letters} == set(keys)
    switch.unlink()
    again = service.post(f"/jobs/{job}/retry", {})
    assert again.status_code == 202
    assert service.wait(job)["failed"] == 0
    assert service.stop() == 0, service.log.read_text()
