"""One photo: what its file says, what the jobs found, and thumbnails that are no errors."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from program import Service

CAMERA = {
    "make": "FUJIFILM",
    "model": "X-T3",
    "lens": "XF35mmF1.4 R",
    "exposure_s": 0.008,
    "f_number": 2.8,
    "iso": 160,
    "focal_length_mm": 35.0,
}


@pytest.fixture
def service(binary: Path, tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data")
    yield service
    assert service.stop() == 0, service.log.read_text()


def photo(kind: str, turned: bool = False) -> bytes:
    """As a camera writes it, by another program than the one that reads it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "FUJIFILM", "X-T3"
    if turned:
        exif[0x0112] = 6
    details = exif.get_ifd(0x8769)
    details[0x829A], details[0x829D] = IFDRational(10, 1250), IFDRational(28, 10)
    details[0x920A], details[0x8827] = IFDRational(350, 10), 160
    details[0x9003], details[0xA434] = "2024:07:01 12:00:00", "XF35mmF1.4 R"
    file = io.BytesIO()
    Image.linear_gradient("L").resize((320, 200)).convert("RGB").save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_what_the_file_says(service: Service, kind: str) -> None:
    content = photo(kind, turned=kind != "TIFF")
    type_ = f"image/{kind.lower()}"
    key = service.upload(content, f"IMG_1.{kind.lower()}", type_)
    answer = service.get(f"/images/{key}/info")
    assert answer.status_code == 200, answer.text
    info = answer.json()
    if kind == "TIFF":  # Pillow writes no Exif directory into one, only what is in the first
        assert info["camera"] == {"make": "FUJIFILM", "model": "X-T3"}
    else:
        assert info["camera"] == CAMERA
        assert info["taken_at"] == "2024-07-01T12:00:00.000Z"
    assert (info["key"], info["size"], info["content_type"]) == (key, len(content), type_)
    assert (info["width"], info["height"]) == ((320, 200) if kind == "TIFF" else (200, 320))
    assert info["sha256"] == hashlib.sha256(content).hexdigest()
    assert info["name"] == f"IMG_1.{kind.lower()}"
    assert {"etag", "last_modified", "uploaded_at"} <= info.keys()
    assert "batch" not in info
    assert service.get("/images/uploads/none.jpg/info").status_code == 404


def test_what_the_jobs_found(service: Service) -> None:
    key = service.upload(photo("JPEG"), "IMG_1.jpg")
    bad = service.upload(b"no image", "bad.jpg")
    first = service.submit([key, bad, key], confidence_threshold=0)
    service.wait(first)
    second = service.submit([key], confidence_threshold=1, name="Holiday")
    service.wait(second)
    found = service.get(f"/images/{key}/predictions").json()["predictions"]
    assert [(each["job_id"], each["index"], each["status"]) for each in found] == [
        (second, 0, "unknown"),
        (first, 0, "classified"),
        (first, 2, "classified"),
    ]
    assert found[0]["job_name"] == "Holiday"
    assert "job_name" not in found[1]
    result = service.get(f"/result/{first}").json()["detailed_results"]
    assert found[1]["all_predictions"] == result[0]["all_predictions"]
    assert found[1]["model"] == service.get(f"/jobs/{first}").json()["model"]
    failed = service.get(f"/images/{bad}/predictions").json()["predictions"]
    assert [(each["status"], each["error"]) for each in failed] == [
        ("failed", result[1]["error"]),
    ]
    # Page by page, and also of an image that is gone.
    assert requests.delete(f"{service.url}/images/{key}", timeout=60).status_code == 200
    pages, token = [], ""
    while True:
        query = {"limit": "1"} | ({"next_token": token} if token else {})
        page = service.get(f"/images/{key}/predictions", params=query).json()
        pages += page["predictions"]
        token = page.get("next_token", "")
        if not token:
            break
    assert pages == found


def test_a_quiet_thumbnail_is_no_error(service: Service) -> None:
    bad = service.upload(b"no image", "bad.jpg")
    assert service.get(f"/images/{bad}/thumbnail").status_code in (415, 422)
    quiet = service.get(f"/images/{bad}/thumbnail", params={"quiet": "true"})
    assert (quiet.status_code, quiet.content) == (204, b"")
    assert "max-age" in quiet.headers["Cache-Control"]
    again = service.get(
        f"/images/{bad}/thumbnail",
        params={"quiet": "true"},
        headers={"If-None-Match": quiet.headers["ETag"]},
    )
    assert again.status_code == 304
    good = service.upload(photo("JPEG"), "good.jpg")
    shown = service.get(f"/images/{good}/thumbnail", params={"quiet": "true"})
    assert shown.headers["Content-Type"] == "image/jpeg"
    missing = service.get("/images/uploads/none.jpg/thumbnail", params={"quiet": "true"})
    assert missing.status_code == 404
