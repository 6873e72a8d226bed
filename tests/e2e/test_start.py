"""Whatever stops the program from starting is reported in one line."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from program import SHARED, Service


def run(binary: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binary, *arguments],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("PORT", "eighty", 'PORT is "eighty", but must be a whole number from 0 to 65535'),
        ("MAX_WORKERS", "-1", 'MAX_WORKERS is "-1"'),
        ("LOG_LEVEL", "loud", "one of debug info warn error"),
        ("INFERENCE_PRECISION", "fp8", "one of auto fp32 bf16"),
    ],
)
def test_bad_settings(binary: Path, tmp_path: Path, variable: str, value: str, says: str) -> None:
    result = run(binary, "serve", DATA_DIR=str(tmp_path), **{variable: value})
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_taken_port(binary: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run(
            binary, "serve", DATA_DIR=str(tmp_path), PORT=port, ML_PORT="0", DASHBOARD_PORT="0"
        )
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


def test_data_folder_that_cannot_be_made(binary: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run(binary, "serve", DATA_DIR=str(tmp_path / "file" / "data"))
    assert result.returncode == 1
    assert "set another DATA_DIR" in result.stderr


def test_classify_without_models(binary: Path, tmp_path: Path) -> None:
    image = tmp_path / "a.jpg"
    image.write_bytes(b"x")
    result = run(binary, "classify", str(image), MODELS_DIR=str(tmp_path), DATA_DIR=str(tmp_path))
    assert result.returncode == 2
    assert "no model for image_classification is installed" in result.stderr


def test_a_configured_model_must_be_there(binary: Path, tmp_path: Path) -> None:
    result = run(binary, "serve", DATA_DIR=str(tmp_path), IMAGE_MODEL="none", PORT="0")
    assert result.returncode == 1
    assert 'there is no model "none"; installed are: ' in result.stderr


def test_without_models_jobs_are_refused_and_everything_else_works(
    binary: Path, tmp_path: Path
) -> None:
    service = Service(tmp_path / "data", MODELS_DIR=str(tmp_path / "none"))
    assert (
        "run `classifier models fetch`, or set MODELS_DIR; until then jobs of this type are refused"
        in service.log.read_text()
    )
    body = {"job_type": "image_classification", "s3_keys": ["uploads/a.jpg"]}
    refused = service.post("/submit", body)
    assert refused.status_code == 503
    assert "no model for image_classification is installed" in refused.json()["error"]
    assert service.get("/images").status_code == 200
    assert service.stop() == 0


def test_leftovers_of_a_crash_are_removed(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data/objects/distributed-classifier-input/.tmp"
    folder.mkdir(parents=True)
    for name, age in (("old", 48), ("young", 1)):
        (folder / name).write_text("half an image")
        when = time.time() - age * 3600
        os.utime(folder / name, (when, when))
    service = Service(tmp_path / "data")
    assert {file.name for file in folder.iterdir()} - {"trash", "trash.lock"} == {"young"}
    assert service.stop() == 0


def test_classify_formats(binary: Path, tmp_path: Path) -> None:
    photos = SHARED / "photos"
    if not photos.is_dir():
        pytest.skip(f"the photos are not at {photos}")
    sorted_copies = tmp_path / "sorted"
    result = run(
        binary,
        "classify",
        str(photos),
        "--labels=cat,dog,bird,food",
        "--threshold=0",
        "--format=csv",
        f"--copy-to={sorted_copies}",
        DATA_DIR=str(tmp_path),
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") == 7
    assert (sorted_copies / "cat" / "cat_720p.jpg").is_file()


def test_unreachable_server(binary: Path) -> None:
    result = run(binary, "jobs", BACKEND_API_URL="http://127.0.0.1:9")
    assert result.returncode == 3
    assert "127.0.0.1:9" in result.stderr
