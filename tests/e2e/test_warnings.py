"""What is accepted with a warning: images that are not whole, and labels that mislead."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import requests
from program import Service

WARNING = r"the file ends early: the last \d+ % of the picture is missing"


def run(binary: Path, *words: str | Path, url: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binary, *words],
        env=os.environ | {"BACKEND_API_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def keys(service: Service, photos: dict[str, Path]) -> list[str]:
    return [service.upload(photos[name], name) for name in ("cat_720p.jpg", "parrot.jpg")]


@pytest.fixture(scope="module")
def torn_job(service: Service, keys: list[str], photos: dict[str, Path]) -> str:
    """A job whose first image ends early."""
    whole = photos["cat_720p.jpg"].read_bytes()
    torn = service.upload(whole[: len(whole) * 9 // 10], "torn.jpg")
    job = service.submit([torn, keys[1]], confidence_threshold=0)
    assert service.wait(job)["status"] == "completed"
    return job


def test_results_carry_the_warning(service: Service, torn_job: str) -> None:
    torn, whole = service.get(f"/result/{torn_job}").json()["detailed_results"]
    assert re.fullmatch(WARNING, torn["warning"])
    assert torn["top_prediction"]
    assert "error" not in torn
    assert "warning" not in whole
    table = service.get(f"/result/{torn_job}.csv").text
    assert table.splitlines()[0].endswith(",predictions,name,warning")
    assert [row["warning"] for row in csv.DictReader(io.StringIO(table))] == [torn["warning"], ""]


def test_the_command_line_shows_and_counts_warnings(
    binary: Path, service: Service, torn_job: str
) -> None:
    result = run(binary, "result", torn_job, url=service.url)
    torn, note, whole = result.stdout.splitlines()
    assert torn.startswith("torn.jpg")
    assert whole.startswith("parrot.jpg")
    assert re.fullmatch(f"  warning: {WARNING}", note)
    assert result.stderr == "warning: 1 image is not whole: see its warning\n"
    watched = run(binary, "watch", torn_job, url=service.url)
    assert watched.stdout == "completed: 2 of 2 images done, 0 failed\n"
    assert watched.stderr == result.stderr
    assert (result.returncode, watched.returncode) == (0, 0)


def test_csv_for_excel_begins_with_a_mark(binary: Path, service: Service, torn_job: str) -> None:
    plain = service.get(f"/result/{torn_job}.csv").content
    assert service.get(f"/result/{torn_job}.csv?excel=1").content == b"\xef\xbb\xbf" + plain
    assert service.get(f"/result/{torn_job}.csv?excel=maybe").status_code == 400
    header, *rows = plain.decode().splitlines()
    words = ("result", torn_job, "--excel")
    told = run(binary, *words, "--format", "csv", url=service.url)
    assert told.stdout.splitlines() == ["\ufeff" + header, *rows]
    refused = run(binary, *words, url=service.url)
    assert refused.returncode == 2
    assert "--format csv" in refused.stderr


def check(service: Service, *labels: str) -> list[str]:
    """The warnings once the model has answered too."""
    deadline = time.monotonic() + 60
    while True:
        answer = service.post("/labels/check", {"custom_labels": labels})
        assert answer.status_code == 200, answer.text
        if answer.json()["complete"]:
            return list(answer.json()["warnings"])
        assert time.monotonic() < deadline, "the model did not answer"
        time.sleep(0.1)


def test_labels_are_checked_before_a_job(service: Service) -> None:
    assert check(service, "cat", "dog", "bird", "beach") == []
    assert "is the only label" in check(service, "cat")[0]
    (same,) = check(service, "Hot  dog", "hot dog", "bird")
    assert '"Hot  dog" and "hot dog" differ only in case, spaces' in same
    starter = next(
        model["starter"]
        for model in service.get("/models").json()["models"]
        if model["job_type"] == "custom_classification" and model["default"]
    )
    if not starter:
        pytest.skip("the official model knows these words")
    equal, unseen = check(service, "cat", "person", "猫", "狗")
    assert 'cannot tell "猫" and "狗" apart' in equal
    assert 'cannot see "person", "猫" and "狗"' in unseen
    assert "classifier models fetch --source official" in unseen


def test_a_backend_alone_compares_texts_only(binary: Path, tmp_path: Path) -> None:
    backend = Service(tmp_path / "data", role="backend")
    answer = backend.post("/labels/check", {"custom_labels": ["person", "Dog", "dog"]}).json()
    assert answer["complete"]
    (warning,) = answer["warnings"]
    assert "differ only" in warning
    assert backend.stop() == 0, backend.log.read_text()


def test_jobs_are_accepted_with_warnings(binary: Path, service: Service, keys: list[str]) -> None:
    body = {"job_type": "custom_classification", "s3_keys": keys[:1]}
    answer = service.post("/submit", body | {"custom_labels": ["Dog", "dog"]})
    assert answer.status_code == 202
    assert any("differ only" in warning for warning in answer.json()["warnings"])
    assert service.wait(answer.json()["job_id"])["status"] == "completed"
    check(service, "cat", "dog")
    plain = service.post("/submit", body | {"custom_labels": ["cat", "dog"]})
    assert "warnings" not in plain.json()
    told = run(binary, "submit", keys[0], "--labels", "Cat,cat,dog", url=service.url)
    assert told.returncode == 0
    assert told.stderr.count("\n") == 1
    assert told.stderr.startswith('warning: "Cat" and "cat" differ only in case')


def test_classify_and_direct_answers_carry_the_warning(
    binary: Path, service: Service, photos: dict[str, Path], tmp_path: Path
) -> None:
    whole = photos["cat_720p.jpg"].read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 9 // 10])
    (tmp_path / "b.jpg").write_bytes(whole)
    told = run(binary, "classify", tmp_path, "--threshold", "0")
    assert told.returncode == 0
    assert re.fullmatch(f"  warning: {WARNING}", told.stdout.splitlines()[1])
    assert told.stderr == "warning: 1 image is not whole: see its warning\n"
    as_json = json.loads(run(binary, "classify", tmp_path, "--format", "json").stdout)
    assert ["warning" in image for image in as_json["detailed_results"]] == [True, False]
    answer = requests.post(
        f"{service.ml}/classify",
        data={"job_type": "image_classification"},
        files={"image": (tmp_path / "a.jpg").read_bytes()},
        timeout=60,
    )
    assert re.fullmatch(WARNING, answer.json()["detailed_results"][0]["warning"])


def test_classify_warns_of_labels_before_it_begins(binary: Path, photos: dict[str, Path]) -> None:
    photo = photos["cat_720p.jpg"]
    told = run(binary, "classify", photo, "--labels", "dog,Dog,cat", "--format", "csv")
    assert told.returncode == 0
    assert told.stderr.startswith('warning: "dog" and "Dog" differ only in case')
    quiet = run(binary, "classify", photo, "--labels", "cat,dog,bird", "--format", "csv")
    assert quiet.stderr == ""


def test_a_url_of_s3_is_no_key(binary: Path, service: Service, keys: list[str]) -> None:
    told = run(binary, "submit", f"s3://bucket/{keys[0]}", url=service.url)
    assert told.returncode == 3
    assert f"give the key alone: {keys[0]}" in told.stderr
