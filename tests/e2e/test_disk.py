"""A full or read-only disk: reported in a message, and nothing that was accepted is lost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from program import Service


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Leaves no free byte; removing the file that this returns makes room again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        try:
            while out.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    return ballast


def put(service: Service, content: bytes) -> requests.Response:
    ticket = service.post("/upload-url", {"filename": "a.jpg", "content_type": "image/jpeg"}).json()
    return requests.put(
        ticket["upload_url"], data=content, headers={"Content-Type": "image/jpeg"}, timeout=60
    )


def test_a_full_disk_refuses_and_recovers(
    binary: Path, small_disk: Path, photos: dict[str, Path]
) -> None:
    service = Service(small_disk / "data")
    photo = photos["pets.jpg"].read_bytes()
    key = service.upload(photo, "pets.jpg")
    ballast = fill(small_disk)
    refused = put(service, photo)
    assert refused.status_code == 503, refused.text
    assert "space" in refused.json()["error"]
    refused = service.post("/submit", {"job_type": "image_classification", "s3_keys": [key] * 5000})
    assert refused.status_code in (503, 507), refused.text
    assert "space" in refused.json()["error"] or "full" in refused.json()["error"]
    # Existing data is still served.
    assert service.get("/health").status_code == 200
    assert len(service.get("/images").json()["images"]) == 1
    ballast.unlink()
    assert put(service, photo).status_code == 200
    job = service.submit([key], confidence_threshold=0)
    assert service.wait(job)["status"] == "completed"
    assert service.stop() == 0


def test_a_job_goes_on_when_there_is_room_again(
    binary: Path, small_disk: Path, photos: dict[str, Path]
) -> None:
    """Outcomes that cannot be stored are not lost: their images stay in the queue."""
    service = Service(small_disk / "data", VISIBILITY_TIMEOUT="5")
    key = service.upload(photos["pets.jpg"], "pets.jpg")
    job = service.submit([key] * 1_000, confidence_threshold=0)
    while service.get(f"/status/{job}").json()["done"] == 0:
        time.sleep(0.01)
    ballast = fill(small_disk)
    time.sleep(3)
    ballast.unlink()
    status = service.wait(job)
    assert status["done"] == 1_000
    assert status["failed"] == 0
    assert service.stop() == 0


def refusal_to_start(binary: Path, data: Path) -> str:
    """The one line of a program that does not start."""
    done = subprocess.run(
        [binary, "serve"],
        env=os.environ | {"DATA_DIR": str(data), "PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_data_folder_that_cannot_be_written_is_reported_at_the_start(
    binary: Path, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    said = refusal_to_start(binary, small_disk / "data")
    assert str(small_disk) in said
    assert "DATA_DIR" in said


def test_a_full_disk_is_reported_at_the_start(binary: Path, small_disk: Path) -> None:
    fill(small_disk)
    said = refusal_to_start(binary, small_disk / "data")
    assert "space" in said or "full" in said
