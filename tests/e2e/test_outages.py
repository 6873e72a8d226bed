"""Outages of stores cost time, and no image.

In CI they are short. By hand, for the table of docs/guarantees.md:
    OUTAGE_SECONDS=30,600 OUTAGE_IMAGES=1000 .deps/venv/bin/pytest -s tests/e2e/test_outages.py
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from aws_servers import created, emulator
from fault_proxy import FaultProxy, fault_proxy
from preload import preload
from program import Service

SECONDS = [float(text) for text in os.environ.get("OUTAGE_SECONDS", "3").split(",")]
IMAGES = int(os.environ.get("OUTAGE_IMAGES", "40"))
WAYS = [("s3", "denied"), ("s3", "hanging"), ("sqs", "unavailable"), ("dynamodb", "broken")]
ONE_BY_ONE = {"MAX_WORKERS": "1", "TRANSFER_THREADS": "4"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with emulator() as url:
        yield url


class Progress:
    """A job's progress, and its speed before and after an outage."""

    def __init__(self, service: Service, job: str) -> None:
        self.service = service
        self.job = job

    def status(self) -> dict[str, object]:
        return dict(self.service.get(f"/status/{self.job}").json())

    def done(self) -> int:
        return int(str(self.status()["done"]))

    def wait_for(self, images: int, seconds: float = 600) -> float:
        """Seconds until so many images are done."""
        start = time.monotonic()
        while self.done() < images:
            assert time.monotonic() < start + seconds, self.status()
            time.sleep(0.1)
        return time.monotonic() - start

    def through(
        self, name: str, seconds: float, begin: Callable[[], object], end: Callable[[], object]
    ) -> None:
        """Lets the job run through an outage, and prints a row of the table."""
        self.wait_for(IMAGES // 10)
        begin()
        time.sleep(seconds)
        before = self.done()
        end()
        resumed = self.wait_for(min(before + 1, IMAGES))  # the job may have gone on and ended
        status = self.service.wait(self.job, 300 + IMAGES)
        print(
            f"| {name} | {seconds:g} s | {status['done']} | {status['failed']} "
            f"| {before} done at its end | next after {resumed:.1f} s |"
        )
        assert (status["status"], status["done"], status["failed"]) == ("completed", IMAGES, 0)
        result = self.service.get(f"/result/{self.job}").json()
        assert result["summary"]["classified"] == IMAGES


class Cluster:
    """A backend and a worker behind a proxy, and a backend that is not."""

    def __init__(self, folder: Path, endpoint: str, proxy: FaultProxy, name: str) -> None:
        settings = created(endpoint, name) | ONE_BY_ONE | {"VISIBILITY_TIMEOUT": "10"}
        faulty = settings | {"AWS_ENDPOINT_URL": proxy.url}
        self.backend = Service(folder / "backend", "backend", **faulty)
        self.worker = Service(folder / "worker", "ml-service", **faulty)
        self.control = Service(folder / "control", "backend", **settings)

    def submit(self, photo: Path) -> Progress:
        keys = [self.control.upload(photo, f"{i}.jpg") for i in range(10)]
        wanted = [keys[i % len(keys)] for i in range(IMAGES)]
        return Progress(self.control, self.control.submit(wanted, confidence_threshold=0))

    def kill(self) -> None:
        for service in (self.backend, self.worker, self.control):
            if service.process.poll() is None:
                service.kill()


@pytest.mark.parametrize("seconds", SECONDS)
def test_an_outage_on_aws_costs_no_image(
    tmp_path: Path, endpoint: str, photos: dict[str, Path], seconds: float
) -> None:
    with fault_proxy(endpoint, 1) as proxy:
        cluster = Cluster(tmp_path, endpoint, proxy, f"outage-{seconds:g}")
        try:
            for service, way in WAYS:
                cluster.submit(photos["pets.jpg"]).through(
                    f"{service}, {way}",
                    seconds,
                    functools.partial(proxy.outages.update, {service: way}),
                    proxy.outages.clear,
                )
            letters = cluster.control.get("/queue/dead-letters").json()["dead_letters"]
            assert letters == []
            metrics = requests.get(f"{cluster.worker.ml}/metrics", timeout=10).text
            assert 'classifier_store_answers{store="image store"} 1' in metrics
        finally:
            proxy.outages.clear()
            cluster.kill()


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("folder", ["objects", "objects/distributed-classifier-input"])
def test_a_disk_that_is_away_costs_no_image(
    binary: Path, tmp_path: Path, photos: dict[str, Path], folder: str, seconds: float
) -> None:
    """As when a disk or a network drive is unplugged, and comes back."""
    service = Service(tmp_path / "data", **ONE_BY_ONE)
    keys = [service.upload(photos["pets.jpg"], f"{i}.jpg") for i in range(10)]
    wanted = [keys[i % len(keys)] for i in range(IMAGES)]
    there, away = tmp_path / "data" / folder, tmp_path / "away"
    job = service.submit(wanted, confidence_threshold=0)
    Progress(service, job).through(
        f"disk, {folder}", seconds, lambda: there.rename(away), lambda: away.rename(there)
    )
    assert service.stop() == 0, service.log.read_text()


def test_a_stop_does_not_wait_for_a_store_that_hangs(
    tmp_path: Path, endpoint: str, photos: dict[str, Path]
) -> None:
    with fault_proxy(endpoint, 1) as proxy:
        cluster = Cluster(tmp_path, endpoint, proxy, "outage-stop")
        try:
            progress = cluster.submit(photos["pets.jpg"])
            progress.wait_for(IMAGES // 10)
            proxy.outages.update(dict.fromkeys(("s3", "sqs", "dynamodb"), "hanging"))
            assert cluster.worker.stop() == 0, cluster.worker.log.read_text()
            proxy.outages.clear()
            cluster.worker.start()
            status = cluster.control.wait(progress.job, 300)
            assert (status["done"], status["failed"]) == (IMAGES, 0)
        finally:
            proxy.outages.clear()
            cluster.kill()


def test_a_stop_does_not_wait_for_an_image_that_hangs(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    bad = photos["cat_720p.jpg"].read_bytes() + b"\0" * 77
    service = Service(
        tmp_path / "data",
        LD_PRELOAD=preload("faulty_decoder", tmp_path),
        LD_TEST_HANG_BYTES=str(len(bad)),
        DECODE_ISOLATION="off",
    )
    good = service.upload(photos["cat_720p.jpg"], "good.jpg")
    service.wait(service.submit([good]))  # the model is loaded
    service.submit([service.upload(bad, "bad.jpg")])
    fetched = 'classifier_stage_seconds_count{stage="fetch"} 2'
    while fetched not in service.get("/metrics").text:
        time.sleep(0.05)
    time.sleep(0.5)  # from the fetch to the decoder
    assert service.stop() == 0
    assert "do not end" in service.log.read_text()
