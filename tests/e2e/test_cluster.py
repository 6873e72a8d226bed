"""Backends and ML services as separate processes, on an emulator of AWS.

CLUSTER_IMAGES, CLUSTER_RUNS and CLUSTER_SEED make the run with faults larger than in CI:
    CLUSTER_IMAGES=2000 CLUSTER_RUNS=20 .deps/venv/bin/pytest -s tests/e2e/test_cluster.py -k faults
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import requests
from aws_servers import created, emulator
from fault_proxy import fault_proxy
from program import Service

IMAGES = int(os.environ.get("CLUSTER_IMAGES", "200"))
RUNS = int(os.environ.get("CLUSTER_RUNS", "1"))
SEED = int(os.environ.get("CLUSTER_SEED", "1"))
LABELS = ["cat", "dog", "bird", "food"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with emulator() as url:
        yield url


@pytest.fixture(scope="module")
def settings(endpoint: str) -> dict[str, str]:
    return created(endpoint, "e2e")


Start = Callable[..., Service]


@pytest.fixture
def start(binary: Path, tmp_path: Path, settings: dict[str, str]) -> Iterator[Start]:
    """Starts processes; stops those still running at the end."""
    processes: list[Service] = []

    def begin(role: str, **more: str) -> Service:
        data = tmp_path / f"{role}-{len(processes)}"
        processes.append(Service(data, role, **(settings | more)))
        return processes[-1]

    yield begin
    for process in processes:
        if process.process.poll() is None:
            process.kill()


def test_jobs_go_from_one_backend_over_a_worker_to_the_other(
    start: Start, photos: dict[str, Path], settings: dict[str, str]
) -> None:
    first, second, worker = start("backend"), start("backend"), start("ml-service")
    keys = [first.upload(file, name) for name, file in photos.items()]
    assert sorted(image["key"] for image in second.get("/images").json()["images"]) == sorted(keys)
    bad = first.upload(b"no image", "bad.jpg")
    plain = first.submit([*keys, bad, keys[0]], confidence_threshold=0)
    custom = second.submit(
        keys, job_type="custom_classification", custom_labels=LABELS, confidence_threshold=0
    )
    assert second.wait(plain)["status"] == "completed"
    assert first.wait(custom)["status"] == "completed"
    result = second.get(f"/result/{plain}").json()
    assert result["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": len(keys) + 2,
        "classified": len(keys) + 1,
        "unknown": 0,
        "failed": 1,
    }
    assert [row["s3_key"] for row in result["detailed_results"]] == [*keys, bad, keys[0]]
    copy = result["output_paths"][keys[0]].removeprefix(f"s3://{settings['OUTPUT_BUCKET']}/")
    s3 = boto3.client(
        "s3",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    stored = s3.get_object(Bucket=settings["OUTPUT_BUCKET"], Key=copy)["Body"].read()
    assert stored == next(iter(photos.values())).read_bytes()
    listed = first.get("/jobs").json()
    assert {job["job_id"] for job in listed["jobs"]} >= {plain, custom}
    assert listed["total"] == len(listed["jobs"])
    assert '"done":8' in second.get(f"/events/{plain}").text
    assert first.get(f"/result/{plain}.csv").text.count("\n") == len(keys) + 3
    thumbnail = second.get(f"/images/{keys[0]}/thumbnail", params={"size": 64})
    assert thumbnail.headers["Content-Type"] == "image/jpeg"
    assert requests.delete(f"{second.url}/images/{bad}", timeout=10).status_code == 200
    assert requests.delete(f"{second.url}/images/{bad}", timeout=10).status_code == 404
    assert first.get("/ready").json() == {"status": "ready"}
    assert requests.get(f"{worker.ml}/ready", timeout=10).json() == {"status": "ready"}
    metrics = requests.get(f"{worker.ml}/metrics", timeout=10).text
    assert 'classifier_aws_calls_total{operation="GetObject",outcome="ok",service="s3"}' in metrics
    assert 'classifier_stage_seconds_count{stage="report"}' in metrics
    for process in (first, second, worker):
        assert process.stop() == 0, process.log.read_text()


def calls_of(worker: Service, operation: str) -> int:
    text = requests.get(f"{worker.ml}/metrics", timeout=10).text
    found = re.search(
        rf'classifier_aws_requests_total\{{operation="{operation}",service="s3"\}} (\d+)', text
    )
    return int(found[1]) if found else 0


def test_images_that_were_seen_are_not_read_again(
    start: Start, photos: dict[str, Path], endpoint: str
) -> None:
    """By another process than the one that saw them, for other labels."""
    own = created(endpoint, "remembered") | {"VISIBILITY_TIMEOUT": "10"}
    aws = {
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    s3 = boto3.client("s3", **aws)
    table = boto3.resource("dynamodb", **aws).Table(own["DYNAMODB_TABLE"])

    def remembered() -> int:
        items = table.scan()["Items"]
        return sum(item["sk"] == "CONTENT" or item["sk"].startswith("SEEN#") for item in items)

    backend, worker = start("backend", **own), start("ml-service", **own)
    keys = [backend.upload(file, name) for name, file in photos.items()]

    def ask(*labels: str) -> dict[str, int]:
        job = backend.submit(
            keys,
            job_type="custom_classification",
            custom_labels=list(labels),
            confidence_threshold=0,
        )
        assert backend.wait(job)["status"] == "completed"
        result = backend.get(f"/result/{job}").json()
        tops = {row["top_prediction"] for row in result["detailed_results"]}
        assert tops <= set(labels)
        summary: dict[str, int] = result["summary"]
        assert summary["failed"] == 0
        return summary

    assert ask("cat", "dog")["reused"] == 0
    assert calls_of(worker, "GetObject") == len(keys)
    assert worker.stop() == 0  # stores what it has not stored yet
    assert remembered() == 2 * len(keys)
    other = start("ml-service", **own)
    assert ask("food", "beach", "city")["reused"] == len(keys)
    assert calls_of(other, "GetObject") == 0
    assert calls_of(other, "HeadObject") == len(keys)

    # One that was replaced is read, the others are not.
    content = photos["pets.jpg"].read_bytes() + b"\0"
    s3.put_object(Bucket=own["INPUT_BUCKET"], Key=keys[0], Body=content)
    assert ask("cat", "dog")["reused"] == len(keys) - 1
    assert calls_of(other, "GetObject") == 1
    assert other.stop() == 0
    last = start("ml-service", **own)
    assert ask("bird", "dog")["reused"] == len(keys)
    assert calls_of(last, "GetObject") == 0

    # Those that are deleted are forgotten, and what was in a replaced one when it expires.
    for key in keys:
        assert requests.delete(f"{backend.url}/images/{key}", timeout=10).status_code == 200
    assert remembered() == 1


def test_idempotency_key_holds_across_backends(start: Start) -> None:
    first, second = start("backend"), start("backend")
    body = {"job_type": "image_classification", "s3_keys": ["uploads/none.jpg"]}
    headers = {"Idempotency-Key": "across"}
    job = first.post("/submit", body, headers=headers).json()["job_id"]
    assert second.post("/submit", body, headers=headers).json()["job_id"] == job
    assert second.post("/submit", body | {"top_k": 1}, headers=headers).status_code == 409
    assert second.post(f"/jobs/{job}/cancel", {}).json()["status"] == "cancelled"
    assert first.get(f"/status/{job}").json()["status"] == "cancelled"


def test_another_backend_sends_what_a_dead_one_left(start: Start, photos: dict[str, Path]) -> None:
    """A backend that dies right after its 202 has queued nothing, or only a part."""
    first, second = start("backend"), start("backend")
    key = first.upload(photos["pets.jpg"], "pets.jpg")
    job = first.submit([key] * 1_500, confidence_threshold=0)
    first.kill()
    start("ml-service")
    status = second.wait(job, seconds=300)
    assert status["done"] == 1_500
    assert status["failed"] == 0


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("ThrottlingException", "Rate exceeded", ["ThrottlingException: Rate exceeded", "R-1"]),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            ["ExpiredTokenException", "is expired", "have expired: get new ones", "R-1"],
        ),
    ],
)
def test_running_backend_says_why_aws_refuses(
    start: Start, endpoint: str, code: str, message: str, expected: list[str]
) -> None:
    with fault_proxy(endpoint, 1) as proxy:
        backend = start("backend", AWS_ENDPOINT_URL=proxy.url)
        assert backend.get("/ready").status_code == 200
        proxy.refusal = (code, message)
        answer = backend.get("/ready")
        print(answer.text)
        assert answer.status_code == 503
        for words in expected:
            assert words in answer.text
        proxy.refusal = None
        assert backend.get("/ready").status_code == 200  # no restart is needed


def status_of(backend: Service, job: str) -> str:
    """Empty if the emulator was too busy to answer."""
    try:
        return str(backend.get(f"/status/{job}").json().get("status", ""))
    except requests.RequestException:
        return ""


@pytest.mark.parametrize("run", range(RUNS))
def test_faults_and_kills_lose_and_double_nothing(
    start: Start, endpoint: str, photos: dict[str, Path], run: int
) -> None:
    """Calls fail, are delayed and repeated, and processes are killed, while a job runs."""
    seed = SEED + run
    chance = random.Random(seed)
    own = created(endpoint, f"faults-{seed}", MAX_RECEIVES="100")
    with fault_proxy(endpoint, seed) as proxy:
        calm = own | {"MAX_ATTEMPTS": "100", "VISIBILITY_TIMEOUT": "10", "MAX_WORKERS": "1"}
        faulty = calm | {"AWS_ENDPOINT_URL": proxy.url}
        # Only the services go through the proxy, not the clients.
        backends = [start("backend", **faulty) for _ in range(2)]
        workers = [start("ml-service", **faulty) for _ in range(3)]
        control = start("backend", **calm)
        photo = photos["pets.jpg"].read_bytes()
        keys = [control.upload(photo, f"{i}.jpg") for i in range(20)]
        wanted = [keys[i % len(keys)] for i in range(IMAGES)]
        job = backends[0].submit(wanted, confidence_threshold=0)
        proxy.rate = 0.05
        kills = 0
        deadline = time.monotonic() + 300 + IMAGES / 2
        while status_of(control, job) not in ("completed", "failed"):
            assert time.monotonic() < deadline
            time.sleep(chance.uniform(0.5, 2))
            if kills < 8:
                process = chance.choice(backends + workers)
                process.kill()
                process.start()
                kills += 1
        result = control.get(f"/result/{job}").json()
        print(f"run {run}: {kills} kills, faults {dict(proxy.faults)}")
    assert result["summary"] | {"reused": 0} == {
        "reused": 0,
        "total": IMAGES,
        "classified": IMAGES,
        "unknown": 0,
        "failed": 0,
    }
    assert [row["s3_key"] for row in result["detailed_results"]] == wanted
    assert all(row["top_prediction"] for row in result["detailed_results"])
