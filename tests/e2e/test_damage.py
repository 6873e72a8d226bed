"""A damaged, foreign or incomplete database is reported in one line and not changed."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from program import Service
from test_start import run

PAGE = 4_096  # bytes


def fill(data: Path, images: int = 4_000) -> str:
    """Makes a database of some hundred pages; returns its job."""
    service = Service(data, MODELS_DIR="models/none")
    assert service.stop() == 0
    with sqlite3.connect(data / "jobs.sqlite") as database:
        database.execute(
            "INSERT INTO jobs(id, type, status, model, top_k, threshold, total, created_at, "
            "updated_at) VALUES('job', 0, 3, 'm', 5, 0.5, ?, ?, 0)",
            (images, int(time.time() * 1000)),
        )
        database.executemany(
            "INSERT INTO images(job, idx, key) VALUES(1, ?, ?)",
            ((i, f"uploads/a_photo_with_a_long_name_{i:06}.jpg") for i in range(images)),
        )
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return "job"


@pytest.fixture(scope="module")
def whole(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("whole") / "data"
    fill(data)
    return data


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(whole, copy)
    return copy


def overwrite(file: Path, at: int, content: bytes) -> None:
    with file.open("r+b") as out:
        out.seek(at)
        out.write(content)


def damage_middle(file: Path) -> None:
    overwrite(file, file.stat().st_size // PAGE // 2 * PAGE, b"\xa5" * PAGE)


def cut(file: Path) -> None:
    with file.open("r+b") as out:
        out.truncate(file.stat().st_size // 2)


def make_newer(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version=99")
    database.close()


def replace_by_another_program(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE recipes(name TEXT)")
    database.close()


DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("header", lambda file: overwrite(file, 0, b"\0" * 100), "not an SQLite file"),
    ("page size", lambda file: overwrite(file, 16, b"\x12\x34"), "move it"),
    ("middle", damage_middle, "move it and its -wal away"),
    ("cut", cut, "move it and its -wal away"),
    ("empty", lambda file: file.write_bytes(b""), "it is empty"),
    ("text", lambda file: file.write_text("this is no database\n" * 999), "not an SQLite file"),
    ("newer", make_newer, "newer version of this program (schema 99"),
    ("other program", replace_by_another_program, "database of another program"),
]


def refusal(binary: Path, data: Path) -> str:
    result = run(binary, "serve", DATA_DIR=str(data), PORT="0", ML_PORT="0", DASHBOARD_PORT="0")
    assert result.returncode == 1, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize(("damage", "says"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_the_start_refuses_and_changes_nothing(
    binary: Path, data: Path, damage: Callable[[Path], object], says: str
) -> None:
    file = data / "jobs.sqlite"
    damage(file)
    before = file.read_bytes()
    said = refusal(binary, data)
    assert str(file) in said
    assert says in said
    assert file.read_bytes() == before


def log_of_a_killed_process(data: Path) -> bytes:
    """Makes a database; returns its write-ahead log."""
    service = Service(data)
    for i in range(30):
        service.submit([f"uploads/none{i}.jpg"] * 50)
    service.kill()
    return (data / "jobs.sqlite-wal").read_bytes()


def test_the_log_of_another_database_is_not_applied(
    binary: Path, data: Path, tmp_path: Path
) -> None:
    log = data / "jobs.sqlite-wal"
    log.write_bytes(log_of_a_killed_process(tmp_path / "other"))
    file = data / "jobs.sqlite"
    before, log_before = file.read_bytes(), log.read_bytes()
    said = refusal(binary, data)
    assert f"{log} belongs to another database" in said
    assert (file.read_bytes(), log.read_bytes()) == (before, log_before)
    log.unlink()
    service = Service(data)
    assert service.get("/status/job").status_code == 200
    assert service.stop() == 0


def test_a_log_without_its_database_is_kept(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    log = log_of_a_killed_process(data)
    database = (data / "jobs.sqlite").read_bytes()
    (data / "jobs.sqlite").unlink()
    assert "jobs.sqlite-wal exists without its database" in refusal(binary, data)
    assert (data / "jobs.sqlite-wal").read_bytes() == log
    (data / "jobs.sqlite").write_bytes(database)
    service = Service(data)
    assert service.get("/jobs").json()["total"] == 30
    assert service.stop() == 0


def test_damage_under_a_running_service_is_reported(binary: Path, data: Path) -> None:
    file = data / "jobs.sqlite"
    service = Service(data)
    pages = file.stat().st_size // PAGE
    # The images' keys, which have not been read yet.
    overwrite(file, pages // 2 * PAGE, b"\xa5" * PAGE * (pages - pages // 2))
    assert service.get("/ready").status_code == 200
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        service.get("/result/job")  # it was being sent, so it is cut off
    answer = service.post(
        "/submit", {"job_type": "image_classification", "s3_keys": ["uploads/a.jpg"]}
    )
    assert answer.status_code == 500
    assert f"{file} is damaged" in answer.json()["error"]
    ready = service.get("/ready")
    assert ready.status_code == 503
    assert f"{file} is damaged" in ready.json()["error"]
    assert service.get("/health").status_code == 200
    assert service.stop() == 0
    assert "is damaged" in refusal(binary, data)
