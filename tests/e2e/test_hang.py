"""A decoder that never ends in the service's own process, as with DECODE_ISOLATION=off.

Its image is named, redelivered alone, and finally given up. test_decoders.py has the usual case.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import requests
from preload import preload
from program import Service

HUNG = 70  # the exit code


def test_an_image_that_hangs_ends_the_process_and_is_given_up(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    good = photos["cat_720p.jpg"].read_bytes()
    bad = good + b"\0" * 77
    service = Service(
        tmp_path / "data",
        LD_PRELOAD=preload("faulty_decoder", tmp_path),
        LD_TEST_HANG_BYTES=str(len(bad)),
        DECODE_ISOLATION="off",
        IMAGE_TIMEOUT="3",
        MAX_ATTEMPTS="2",
    )
    keys = [service.upload(good, f"{i}.jpg") for i in range(5)]
    bad_key = service.upload(bad, "bad.jpg")
    job = service.submit(
        [*keys[:2], bad_key, *keys[2:]], confidence_threshold=0, model="efficientnet_lite0"
    )
    lives = 0
    while True:
        try:
            status = service.wait(job)
            break
        except requests.ConnectionError:
            lives += 1
            assert lives <= 2, "the image was given up too late"
            assert service.process.wait(30) == HUNG
            line = next(text for text in service.log.read_text().splitlines() if "critical" in text)
            assert bad_key in line
            assert f"job {job} image 2" in line
            assert "IMAGE_TIMEOUT, 3 seconds" in line
            service.start()  # as systemd, compose or ECS would
    assert lives == 2
    assert (status["done"], status["failed"]) == (6, 1)
    result = service.get(f"/result/{job}").json()
    errors = {row["s3_key"]: row["error"] for row in result["detailed_results"] if "error" in row}
    assert list(errors) == [bad_key]
    assert "given up" in errors[bad_key]
    letters = service.get("/queue/dead-letters").json()["dead_letters"]
    assert [letter["s3_key"] for letter in letters] == [bad_key]
    assert service.stop() == 0, service.log.read_text()


@pytest.mark.parametrize("way", ["thumbnail", "classify"])
def test_a_request_that_hangs_ends_the_process_too(
    binary: Path, tmp_path: Path, photos: dict[str, Path], way: str
) -> None:
    """Otherwise each such request would block a thread, until none is left to answer."""
    bad = photos["cat_720p.jpg"].read_bytes() + b"\0" * 77
    service = Service(
        tmp_path / "data",
        LD_PRELOAD=preload("faulty_decoder", tmp_path),
        LD_TEST_HANG_BYTES=str(len(bad)),
        DECODE_ISOLATION="off",
        IMAGE_TIMEOUT="2",
    )
    if way == "thumbnail":
        key = service.upload(bad, "bad.jpg")
        call = functools.partial(service.get, f"/images/{key}/thumbnail")
    else:
        files = {"images": ("bad.jpg", bad, "image/jpeg")}
        call = functools.partial(requests.post, f"{service.ml}/classify", files=files, timeout=60)
    with pytest.raises(requests.ConnectionError):
        call()
    assert service.process.wait(30) == HUNG
    assert "took longer than IMAGE_TIMEOUT, 2 seconds" in service.log.read_text()
    service.start()
    assert service.stop() == 0, service.log.read_text()
