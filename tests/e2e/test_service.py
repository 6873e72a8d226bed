"""A user's work over HTTP, and its failures, with the real program, models and photos."""

from __future__ import annotations

import csv
import io
import random
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import requests
from program import Service

SENTENCE = 15  # minimum of characters of an error message


@pytest.fixture(scope="module")
def keys(service: Service, photos: dict[str, Path]) -> dict[str, str]:
    return {name: service.upload(file, name) for name, file in photos.items()}


def test_both_job_types_label_real_photos(service: Service, keys: dict[str, str]) -> None:
    order = list(keys.values())
    plain = service.submit(order, confidence_threshold=0)
    custom = service.submit(
        order,
        job_type="custom_classification",
        custom_labels=["cat", "dog", "bird", "food"],
        confidence_threshold=0,
    )
    assert service.wait(plain)["status"] == "completed"
    result = service.get(f"/result/{plain}").json()
    assert [row["s3_key"] for row in result["detailed_results"]] == order
    labels = {row["s3_key"]: row["top_prediction"] for row in result["detailed_results"]}
    assert "cat" in labels[keys["cat_720p.jpg"]]
    assert "macaw" in labels[keys["parrot.jpg"]]
    assert result["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": 6,
        "classified": 6,
        "unknown": 0,
        "failed": 0,
    }
    assert service.wait(custom)["status"] == "completed"
    result = service.get(f"/result/{custom}").json()
    labels = {row["s3_key"]: row["top_prediction"] for row in result["detailed_results"]}
    expected = {
        "cat_720p.jpg": "cat",
        "pets.jpg": "dog",
        "parrot.jpg": "bird",
        "hot_dog.jpg": "food",
    }
    assert {name: labels[keys[name]] for name in expected} == expected
    for row in result["detailed_results"]:
        assert sum(p["score"] for p in row["all_predictions"]) == pytest.approx(1, abs=1e-4)
    path = result["output_paths"][keys["parrot.jpg"]]
    assert path.startswith(f"s3://distributed-classifier-output/{custom}/bird/")
    assert (service.data / "objects" / path.removeprefix("s3://")).is_file()


def png_that_claims(width: int, height: int) -> bytes:
    """The start of a PNG file, up to the end of its header."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


def test_one_bad_image_never_fails_the_job(
    service: Service, keys: dict[str, str], photos: dict[str, Path]
) -> None:
    whole = photos["cat_720p.jpg"].read_bytes()
    bad = {
        "text": service.upload(b"this is no image", "text.jpg"),
        "empty": service.upload(b"", "empty.jpg"),
        "truncated": service.upload(whole[: len(whole) // 4], "quarter.jpg"),
        "huge": service.upload(png_that_claims(50_000, 50_000), "huge.png", "image/png"),
        "missing": "uploads/missing.jpg",
    }
    misnamed = service.upload(photos["parrot.jpg"], "really-a-jpeg.png", "image/png")
    job = service.submit([keys["cat_720p.jpg"], *bad.values(), misnamed], confidence_threshold=0)
    assert service.wait(job)["status"] == "completed"
    result = service.get(f"/result/{job}").json()
    assert result["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": 7,
        "classified": 2,
        "unknown": 0,
        "failed": 5,
    }
    errors = {row["s3_key"]: row.get("error") for row in result["detailed_results"]}
    assert "not an image" in errors[bad["text"]]
    assert "empty" in errors[bad["empty"]]
    assert "truncated" in errors[bad["truncated"]]
    assert "no image" in errors[bad["missing"]]
    assert "50000" in errors[bad["huge"]]
    assert errors[misnamed] is None
    only_bad = service.submit([bad["text"]])
    assert service.wait(only_bad)["status"] == "failed"
    result = service.get(f"/result/{only_bad}").json()
    assert result["success"] is False
    assert "none of the 1 images" in result["error"]
    assert service.post(f"/jobs/{only_bad}/retry", {}).status_code == 202
    assert service.wait(only_bad)["retry_count"] == 1


def test_strange_labels_work(service: Service, keys: dict[str, str]) -> None:
    labels = ["cat/dog", 'a "quoted" one', "🐱", "كلب", "<b>bird</b>", "=1+1"]
    job = service.submit(
        [keys["owl.jpg"]],
        job_type="custom_classification",
        custom_labels=labels,
        top_k=6,
        confidence_threshold=0,
    )
    assert service.wait(job)["status"] == "completed"
    row = service.get(f"/result/{job}").json()["detailed_results"][0]
    assert {p["label"] for p in row["all_predictions"]} == set(labels)
    table = list(csv.DictReader(io.StringIO(service.get(f"/result/{job}.csv").text)))
    assert len(table) == 1


def test_csv_pages_and_history(service: Service, keys: dict[str, str]) -> None:
    job = service.submit(list(keys.values()))
    service.wait(job)
    rows = list(csv.DictReader(io.StringIO(service.get(f"/result/{job}.csv").text)))
    assert [row["s3_key"] for row in rows] == list(keys.values())
    page = service.get(f"/result/{job}", params={"limit": 4}).json()
    rest = service.get(
        f"/result/{job}", params={"limit": 4, "next_token": page["next_token"]}
    ).json()
    assert len(page["detailed_results"]) + len(rest["detailed_results"]) == 6
    jobs = service.get("/jobs", params={"limit": 1, "status": "completed"}).json()
    assert jobs["jobs"][0]["job_id"] == job
    assert jobs["total"] >= 1


def test_events_tell_progress_and_the_end(service: Service, keys: dict[str, str]) -> None:
    job = service.submit(list(keys.values()) * 20)
    text = service.get(f"/events/{job}").text
    assert text.startswith("event: progress")
    assert text.rstrip().rsplit("event: ", 1)[1].startswith("end")
    assert '"done":120' in text


def test_gallery(service: Service, keys: dict[str, str], photos: dict[str, Path]) -> None:
    listed = service.get("/images", params={"prefix": "uploads/"}).json()["images"]
    assert {image["key"] for image in listed} >= set(keys.values())
    key = keys["owl.jpg"]
    thumbnail = service.get(f"/images/{key}/thumbnail", params={"size": 100})
    assert thumbnail.headers["Content-Type"] == "image/jpeg"
    headers = {"If-None-Match": thumbnail.headers["ETag"]}
    again = service.get(f"/images/{key}/thumbnail", params={"size": 100}, headers=headers)
    assert again.status_code == 304
    encoded = service.upload(photos["owl.jpg"], "to delete.jpg").replace("/", "%2F")
    assert requests.delete(f"{service.url}/images/{encoded}", timeout=10).json()["success"] is True
    assert requests.delete(f"{service.url}/images/{encoded}", timeout=10).status_code == 404


def test_idempotency_key(service: Service, keys: dict[str, str]) -> None:
    body = {"job_type": "image_classification", "s3_keys": [keys["owl.jpg"]]}
    headers = {"Idempotency-Key": "the same"}
    first = service.post("/submit", body, headers=headers).json()["job_id"]
    assert service.post("/submit", body, headers=headers).json()["job_id"] == first
    other = service.post("/submit", body | {"top_k": 1}, headers=headers)
    assert other.status_code == 409


def test_upload_urls_cannot_be_bent(service: Service) -> None:
    ticket = service.post("/upload-url", {"filename": "a.jpg", "content_type": "image/jpeg"}).json()
    url = ticket["upload_url"]

    def put(target: str, content_type: str = "image/jpeg") -> int:
        headers = {"Content-Type": content_type}
        return requests.put(target, data=b"x", headers=headers, timeout=10).status_code

    assert put(url, "image/png") == 403
    assert put(url.replace("/a_", "/b_")) == 403
    assert put(url.replace("expires=", "expires=9")) == 403
    assert put(url.split("?")[0]) == 403
    assert put(url) == 200


BAD_SUBMISSIONS = [
    ({"job_type": "nonsense"}, 400),
    ({"s3_keys": []}, 400),
    ({"s3_keys": "a.jpg"}, 400),
    ({"s3_keys": [1]}, 400),
    ({"s3_keys": ["../../etc/passwd"]}, 400),
    ({"top_k": 0}, 400),
    ({"top_k": 11}, 400),
    ({"top_k": "five"}, 400),
    ({"confidence_threshold": -0.1}, 400),
    ({"confidence_threshold": 2}, 400),
    ({"confidence_threshold": "NaN"}, 400),
    ({"job_type": "custom_classification"}, 400),
    ({"job_type": "custom_classification", "custom_labels": ["cat", ""]}, 400),
    ({"job_type": "custom_classification", "custom_labels": ["cat", "cat"]}, 400),
    ({"job_type": "custom_classification", "custom_labels": [str(i) for i in range(10_001)]}, 400),
    ({"model": "no such model"}, 400),
]


@pytest.mark.parametrize(("change", "status"), BAD_SUBMISSIONS)
def test_bad_submissions(service: Service, change: dict[str, object], status: int) -> None:
    body = {"job_type": "image_classification", "s3_keys": ["uploads/a.jpg"]} | change
    answer = service.post("/submit", body)
    assert answer.status_code == status
    assert len(answer.json()["error"]) > SENTENCE


def test_bad_requests(service: Service) -> None:
    json_type = {"Content-Type": "application/json"}
    cases = [
        ("POST", "/submit", b"{", json_type, 400),
        ("POST", "/submit", b'{"confidence_threshold": NaN}', json_type, 400),
        ("POST", "/submit", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/submit", b"x" * (100 << 20), json_type, 413),
        ("PATCH", "/submit", b"", {}, 405),
        ("GET", "/nothing", b"", {}, 404),
        ("GET", "/status/none", b"", {}, 404),
        ("GET", "/jobs?limit=0", b"", {}, 400),
        ("GET", "/jobs?status=odd", b"", {}, 400),
        ("DELETE", "/images/..%2F..%2Fetc%2Fpasswd", b"", {}, 400),
        ("POST", "/upload-url", b'{"filename":"a.exe","content_type":"text/html"}', json_type, 415),
    ]
    for method, path, content, headers, status in cases:
        try:
            request = requests.Request(method, service.url + path, data=content, headers=headers)
            prepared = request.prepare()
            prepared.url = service.url + path
            answer = requests.Session().send(prepared, timeout=60)
        except requests.ConnectionError:
            # A rejected, unread body closes the connection, which a client may notice first.
            assert status == 413, (method, path)
            continue
        assert answer.status_code == status, (method, path, answer.text)
        assert len(answer.json()["error"]) >= len("Job not found")


def test_ml_service_classifies_at_once(service: Service, keys: dict[str, str]) -> None:
    body: dict[str, Any] = {
        "job_id": "direct",
        "job_type": "image_classification",
        "s3_keys": [keys["cat_720p.jpg"], "uploads/none.jpg"],
        "top_k": 3,
        "confidence_threshold": 0,
    }
    result = requests.post(service.ml + "/classify", json=body, timeout=60).json()
    assert result["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": 2,
        "classified": 1,
        "unknown": 0,
        "failed": 1,
    }
    health = requests.get(service.ml + "/health", timeout=10).json()
    assert health["sqs_worker"] == {"status": "running"}


def test_pages_and_documents(service: Service) -> None:
    assert service.get("/ready").json() == {"status": "ready"}
    assert service.get("/openapi.json").json()["openapi"].startswith("3.")
    assert "classifier_images_total" in service.get("/metrics").text
    for page in (service.url, service.page):
        answer = requests.get(page, timeout=10)
        assert "<html" in answer.text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_kill_at_any_time_loses_nothing(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    """Every image is counted exactly once, although the process is killed at 20 random moments.

    On a busy machine an image may be in progress at several of them; it must not be given up then.
    """
    service = Service(tmp_path / "data", MAX_ATTEMPTS="20")
    key = service.upload(photos["pets.jpg"], "pets.jpg")
    total = 2_000
    job = service.submit([key] * total, confidence_threshold=0, model="efficientnet_lite0")
    chance = random.Random(1)
    seen = []
    for _ in range(20):
        time.sleep(chance.uniform(0.0, 1.0))
        service.kill()
        service.start()
        seen.append(service.get(f"/status/{job}").json()["done"])
    print("done after each kill:", seen)
    assert seen == sorted(seen)
    status = service.wait(job, seconds=300)
    assert status["done"] == total
    assert status["failed"] == 0
    result = service.get(f"/result/{job}").json()
    assert result["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": total,
        "classified": total,
        "unknown": 0,
        "failed": 0,
    }
    assert len(result["detailed_results"]) == total
    assert service.get("/queue").json()["in_flight"] == 0
    assert service.stop() == 0


def test_api_keys(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data", API_KEYS="one,two")
    assert service.get("/jobs").status_code == 401
    assert service.get("/jobs", headers={"X-API-Key": "wrong"}).status_code == 401
    assert service.get("/jobs", headers={"X-API-Key": "two"}).status_code == 200
    assert service.get("/jobs", headers={"Authorization": "Bearer one"}).status_code == 200
    assert service.get("/health").status_code == 200
    assert service.stop() == 0
