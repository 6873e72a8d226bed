"""Thumbnails are kept on disk: a restart makes none again, and damage or deletion does no harm."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image
from preload import preload
from program import Service

PAGE_SIZES = [96, 128, 256, 320]
CHECKSUM = 64


def photo(seed: int = 0) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((640, 400 + seed)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@contextlib.contextmanager
def running(data: Path, **settings: str) -> Iterator[Service]:
    # No models are needed, and one that is not made in advance is made by the request alone.
    service = Service(data, MODELS_DIR="models/none", **settings)
    try:
        yield service
        assert service.stop() == 0, service.log.read_text()
    finally:
        service.kill()


def thumbnail(service: Service, key: str, size: int = 200) -> bytes:
    answer = service.get(f"/images/{key}/thumbnail", params={"size": size})
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    assert max(image.size) == size
    return answer.content


def kept(data: Path) -> dict[int, Path]:
    """The files of thumbnails by size; of one image."""
    files = [file for file in data.glob("thumbnails/*/*") if not file.name.startswith(".")]
    return {int(file.name.rpartition("-")[2]): file for file in files}


def wait_for_page_sizes(data: Path) -> None:
    deadline = time.monotonic() + 30
    while not set(PAGE_SIZES) <= set(kept(data)):
        assert time.monotonic() < deadline, kept(data)
        time.sleep(0.05)


@pytest.fixture
def crashing(tmp_path: Path) -> dict[str, str]:
    """Settings with which decoding the photo crashes."""
    return {
        "LD_PRELOAD": preload("faulty_decoder", tmp_path),
        "LD_TEST_CRASH_BYTES": str(len(photo())),
    }


def test_the_largest_shows_a_photo_on_a_whole_screen(binary: Path, tmp_path: Path) -> None:
    """For types that browsers do not show."""
    file = io.BytesIO()
    Image.effect_noise((4000, 3000), 80).convert("RGB").save(file, "JPEG", quality=95)
    with running(tmp_path / "data") as service:
        key = service.upload(file.getvalue(), "large.jpg")
        thumbnail(service, key, 2048)
        refused = service.get(f"/images/{key}/thumbnail", params={"size": 2049})
        assert refused.status_code == 400
        assert "from 16 to 2048" in refused.json()["error"]


def test_a_restart_makes_none_again(binary: Path, tmp_path: Path, crashing: dict[str, str]) -> None:
    data = tmp_path / "data"
    with running(data) as service:
        key = service.upload(photo(), "a.jpg")
        first = thumbnail(service, key)
        answer = service.get(f"/images/{key}/thumbnail", params={"size": 200})
        wait_for_page_sizes(data)
    with running(data, **crashing) as service:
        assert thumbnail(service, key) == first
        again = service.get(f"/images/{key}/thumbnail", params={"size": 200})
        assert again.headers["ETag"] == answer.headers["ETag"]
        for size in PAGE_SIZES:
            thumbnail(service, key, size)
        other_size = service.get(f"/images/{key}/thumbnail", params={"size": 201})
        assert other_size.status_code == 422, "decoding does not crash, so the test says nothing"


def test_a_damaged_one_is_made_again(
    binary: Path, tmp_path: Path, crashing: dict[str, str]
) -> None:
    data = tmp_path / "data"
    with running(data) as service:
        key = service.upload(photo(), "a.jpg")
        first = thumbnail(service, key)
    file = kept(data)[200]
    content = file.read_bytes()
    assert content[CHECKSUM:] == first
    for damaged in (b"", content[:-1], content[:-1] + b"x", content + b"x", bytes(len(content))):
        file.write_bytes(damaged)
        with running(data, **crashing) as service:  # it is not served
            answer = service.get(f"/images/{key}/thumbnail", params={"size": 200})
            assert answer.status_code == 422, answer.text
        assert not file.exists()
    file.write_bytes(content[:-1])
    with running(data) as service:
        assert thumbnail(service, key) == first
    assert file.read_bytes() == content


def test_a_deleted_image_has_none_and_may_come_back(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as service:
        key = service.upload(photo(), "a.jpg")
        first = thumbnail(service, key)
        wait_for_page_sizes(data)
        path = f"/images/{key}"
        assert requests.delete(service.url + path, timeout=10).status_code == 200
        assert service.get(f"{path}/thumbnail", params={"size": 200}).status_code == 404
        assert kept(data) == {}
        again = service.upload(photo(), "a.jpg")
        assert again != key
        assert thumbnail(service, again) == first
        assert service.get(f"{path}/thumbnail", params={"size": 200}).status_code == 404


def test_the_folder_may_be_deleted_or_be_unusable(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "thumbnails").write_text("a file")
    with running(data) as service:
        key = service.upload(photo(), "a.jpg")
        first = thumbnail(service, key)
        assert thumbnail(service, key, 201)
        log = service.log.read_text()
        assert log.count("cannot keep files in") == 1, log
        (data / "thumbnails").unlink()
        assert thumbnail(service, key, 202)
        assert 202 in kept(data)
    with running(data) as service:
        assert thumbnail(service, key) == first


def test_none_are_kept_where_there_is_no_room_for_them(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, THUMBNAIL_STORE="0") as service:
        key = service.upload(photo(), "a.jpg")
        thumbnail(service, key)
    assert not (data / "thumbnails").exists()


def test_the_folder_is_bounded(binary: Path, tmp_path: Path) -> None:
    """About 2.5 MB of thumbnails, of which 1 MB may be kept."""
    data = tmp_path / "data"
    noise = io.BytesIO()
    Image.effect_noise((640, 640), 90).convert("RGB").save(noise, "JPEG")

    def size() -> int:
        total = 0
        for file in data.glob("thumbnails/*/[!.]*"):
            with contextlib.suppress(FileNotFoundError):  # just removed
                total += file.stat().st_size
        return total

    with running(data, THUMBNAIL_STORE="1", RATE_LIMIT="0") as service:
        key = service.upload(noise.getvalue(), "a.jpg")
        for side in range(340, 380):
            thumbnail(service, key, side)
            assert size() <= 1 << 20
    assert size() > 1 << 19
    with running(data, THUMBNAIL_STORE="1") as service:
        thumbnail(service, key, 379)
        assert size() <= 1 << 20
