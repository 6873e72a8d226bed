"""The service keeps within MEMORY_LIMIT, whatever clients do. bench/memory.py has larger cases."""

from __future__ import annotations

import io
import os
import re
import subprocess
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from memory_limits import Readers
from PIL import Image
from program import Service

MEGABYTE = 1 << 20


def peak_mb(service: Service) -> int:
    return service.peak_kb() // 1024


@pytest.fixture
def without_models(binary: Path, tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "models").mkdir()
    service = Service(
        tmp_path / "data",
        MODELS_DIR=str(tmp_path / "models"),
        MEMORY_LIMIT="280",
        DECODE_ISOLATION="off",
    )
    yield service
    if service.process.poll() is None:
        assert service.stop() == 0, service.log.read_text()


def test_slow_readers_do_not_hold_their_images(without_models: Service) -> None:
    """200 readers of 60 MB: one image in memory for each would be 12 GB."""
    service = without_models
    content = os.urandom(60_000_000)
    key = service.upload(content, "large.jpg")
    before = peak_mb(service)
    readers = Readers(service.url, f"/images/{key}", 200)
    # Whoever has the first byte of the answer has all that the service reads ahead for it.
    first = readers.first_bytes()
    statuses = [int(head[9:12]) for head in first]
    assert peak_mb(service) - before < 80, (before, peak_mb(service))
    # Those for whom no memory is left are told to come again, the others get all of it.
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 50
    answers = readers.finish(first, only_first=10)
    expected = (200, len(content), zlib.crc32(content))
    assert all(answer == expected for answer in answers if answer[0] == 200), answers
    assert service.get("/health").status_code == 200


def test_large_images_are_decoded_one_after_another(without_models: Service) -> None:
    """Each thumbnail of 36 megapixels takes over 100 MB: eight at once would take 800 MB."""
    service = without_models
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((6_000, 6_000)).convert("RGB").save(
        buffer, "PNG", compress_level=1
    )
    key = service.upload(buffer.getvalue(), "large.png", "image/png")

    def get(size: int) -> requests.Response:
        deadline = time.monotonic() + 120
        while True:
            answer = service.get(f"/images/{key}/thumbnail?size={size}")
            if answer.status_code != 503 or time.monotonic() > deadline:
                return answer
            time.sleep(float(answer.headers["Retry-After"]))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(get, range(100, 108)))
    for side, answer in enumerate(answers, 100):
        assert answer.status_code == 200, answer.text
        assert Image.open(io.BytesIO(answer.content)).size == (side, side)
    assert peak_mb(service) < 280


def test_shares_are_metrics(without_models: Service) -> None:
    text = without_models.get("/metrics").text
    shares = dict(re.findall(r'^classifier_memory_share_bytes\{share="(\w+)"\} (\S+)', text, re.M))
    assert sum(map(float, shares.values())) == 280 * MEGABYTE
    used = dict(
        re.findall(r'^classifier_memory_share_used_bytes\{share="(\w+)"\} (\S+)', text, re.M)
    )
    assert set(used) == {"decoding", "files", "bodies", "answers"}


def test_a_limit_that_is_too_small_for_the_models_is_explained(
    binary: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [binary, "serve"],
        env=os.environ | {"DATA_DIR": str(tmp_path / "data"), "MEMORY_LIMIT": "260", "PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    found = re.search(r"may use 260 MB of memory, but needs (\d+) MB, (\d+) of them", done.stderr)
    assert found, done.stderr
    assert f"set MEMORY_LIMIT (and the limit of its cgroup) to {found[1]} or more" in done.stderr
