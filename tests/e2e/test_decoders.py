"""Images that crash, hang or grow: their decoder process ends, and the service does not notice."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import os
import signal
import struct
import subprocess
import threading
import time
import zlib
from pathlib import Path

import pytest
import requests
from large_jpeg import large_jpeg
from PIL import Image
from preload import SOURCES, preload
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


def faulty(tmp_path: Path, photo: bytes, fault: str) -> tuple[Service, bytes]:
    """A service, and a photo that makes its decoders have the fault."""
    bad = photo + b"\0" * 77
    service = Service(
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
    service = Service(tmp_path / "data")
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
    service = Service(tmp_path / "data")
    children = children_of(service.process.pid)
    assert children
    service.process.kill()
    service.process.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def thumbnails_at_once(service: Service, keys: list[str]) -> list[requests.Response]:
    with concurrent.futures.ThreadPoolExecutor(len(keys)) as threads:
        return list(threads.map(lambda key: service.get(f"/images/{key}/thumbnail"), keys))


def test_large_pictures_at_once_take_little_memory(binary: Path, tmp_path: Path) -> None:
    """Eight PNGs of 100 megapixels, which a gallery asks for at the same time."""
    service = Service(tmp_path / "data", MAX_WORKERS="2")
    file = tmp_path / "large.png"
    Image.new("RGB", (10_000, 10_000), (200, 120, 40)).save(file)
    keys = [service.upload(file, f"{i}.png", "image/png") for i in range(8)]
    answers = thumbnails_at_once(service, keys)
    assert {answer.status_code for answer in answers} == {200}
    peaks = [peak_mb(process) for process in children_of(service.process.pid)]
    assert max(peaks) < 200, peaks
    assert peak_mb(service.process.pid) < 600
    assert service.stop() == 0, service.log.read_text()


def bombs() -> dict[str, bytes]:
    """Small files of each format that claim or become far more than fits."""
    small = {}
    for kind in ("png", "gif", "webp", "bmp", "jpeg"):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), (200, 120, 40)).save(buffer, kind, lossless=True)
        small[kind] = bytearray(buffer.getvalue())
    small["gif"][6:10] = struct.pack("<HH", 20_000, 20_000)
    small["bmp"][18:26] = struct.pack("<ii", 20_000, 20_000)
    at = small["webp"].index(b"VP8L") + 9
    small["webp"][at : at + 4] = struct.pack("<I", 16_383 | 16_383 << 14)
    frame = small["jpeg"].index(b"\xff\xc0")
    small["jpeg"][frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 20_000)
    black = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(black, "png")
    header = bytearray(black.getvalue()[12:29])
    header[4:12] = struct.pack(">II", 20_000, 20_000)
    header[-1] = 1  # interlaced
    check = struct.pack(">I", zlib.crc32(header))
    return {
        "rows.png": black.getvalue(),
        "interlaced.png": black.getvalue()[:12] + header + check + black.getvalue()[33:],
        "canvas.gif": bytes(small["gif"]),
        "lossless.webp": bytes(small["webp"]),
        "short.bmp": bytes(small["bmp"]),
        "short.jpg": bytes(small["jpeg"]),
        "coefficients.jpg": large_jpeg(20_000, 20_000, progressive=True),
    }


def test_bombs_of_each_format_at_once(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    service = Service(tmp_path / "data", MAX_WORKERS="2")
    keys = []
    for name, content in bombs().items():
        kind = name.split(".")[1].replace("jpg", "jpeg")
        keys.append(service.upload(content, name, f"image/{kind}"))
    answers = thumbnails_at_once(service, keys * 2)
    told = {
        key.rsplit("/", 1)[1]: "" if answer.status_code == 200 else answer.json()["error"]
        for key, answer in zip(keys * 2, answers, strict=True)
    }
    assert {answer.status_code for answer in answers} == {200, 413, 422}, told
    assert sum("DECODE_MEMORY" in reason for reason in told.values()) == 3, told
    job = service.submit(
        [*keys, service.upload(photos["cat_720p.jpg"], "cat.jpg")], model="efficientnet_lite0"
    )
    status = service.wait(job, 600)
    assert (status["done"], status["failed"]) == (8, 5), status
    assert peak_mb(service.process.pid) < 600
    assert max(peak_mb(child) for child in children_of(service.process.pid)) < 800
    assert service.stop() == 0, service.log.read_text()


@pytest.mark.parametrize("progressive", [False, True])
def test_photos_of_200_megapixels_pass(binary: Path, tmp_path: Path, progressive: bool) -> None:
    file = tmp_path / "phone.jpg"
    file.write_bytes(large_jpeg(16_384, 12_288, progressive=progressive))
    command: list[str | Path] = [binary, "classify", file, "--model", "efficientnet_lite0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_photo_that_takes_too_much_memory_is_refused_by_its_header(
    binary: Path, tmp_path: Path
) -> None:
    """Progressive and without subsampling: libjpeg holds all coefficients, 6 bytes for a pixel."""
    file = tmp_path / "large.jpg"
    file.write_bytes(large_jpeg(16_384, 12_288, progressive=True, subsampling="4:4:4"))
    command: list[str | Path] = [binary, "classify", file, "--model", "efficientnet_lite0"]
    for isolation in ("on", "off"):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"DECODE_ISOLATION": isolation},
        )
        assert "takes 1156 MB of memory; at most 700 MB" in done.stdout + done.stderr
        assert "DECODE_MEMORY" in done.stdout + done.stderr


def test_an_old_kernel_leaves_the_limits(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    """Without files in memory and filters of system calls the start says so, and goes on."""
    launcher = tmp_path / "old_kernel"
    subprocess.run(["cc", "-Wall", "-Werror", "-o", launcher, SOURCES / "old_kernel.c"], check=True)
    program = tmp_path / "classifier"
    program.write_text(f'#!/bin/sh\nexec "{launcher}" "{binary}" "$@"\n')
    program.chmod(0o755)
    good = photos["cat_720p.jpg"].read_bytes()
    bad = good + bytes(range(77))
    service = Service(
        tmp_path / "data",
        program=program,
        LD_PRELOAD=preload("faulty_decoder", tmp_path),
        LD_TEST_GROW_BYTES=str(len(bad)),
    )
    assert "limits of time and memory, but may call the system" in service.log.read_text()
    keys = [service.upload(good, "good.jpg"), service.upload(bad, "bad.jpg")]
    answers = thumbnails_at_once(service, keys)
    assert [answer.status_code for answer in answers] == [200, 413]
    assert "ran out of memory at 700 MB" in answers[1].text
    assert service.stop() == 0, service.log.read_text()
