"""One minute of the soak run, to check that it works; with the same limits as any run."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from program import ROOT

sys.path.insert(0, str(Path(__file__).parent))

from measure import Sample
from soak import judge

PHOTOS = ROOT / ".deps/samples"


def lives(*memory: list[float]) -> list[Sample]:
    """Processes with these megabytes, one value per minute."""
    samples: list[Sample] = []
    for life, of_life in enumerate(memory):
        for minute, rss in enumerate(of_life):
            zeros = dict.fromkeys(Sample.__dataclass_fields__, 0)
            at = {"minute": len(samples), "life": life, "life_minute": minute, "rss_mb": rss}
            samples.append(Sample(**(zeros | at)))  # type: ignore[arg-type]
    return samples


def test_what_grows_with_age_is_reported() -> None:
    flat, rising = [400.0] * 40, [350.0 + minute for minute in range(40)]
    assert judge(lives(flat, flat)) == []
    assert judge(lives(rising)) == ["rss_mb grew by 60.0 an hour in process 0"]
    assert judge(lives([340.0] * 8, rising)) == ["rss_mb grew by 60.0 an hour in process 1"]


def test_what_rises_to_where_others_were_is_no_growth() -> None:
    assert judge(lives([390.0] * 8, [350.0 + minute for minute in range(40)])) == []
    assert judge(lives([2_000.0] * 8)) == ["rss_mb came to 2000; at most 1024 are allowed"]


@pytest.mark.slow
def test_a_minute_of_load_and_kills(binary: Path, tmp_path: Path) -> None:
    if not PHOTOS.is_dir():
        pytest.skip(f"the sample photos are not at {PHOTOS} (run scripts/setup.sh)")
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "tests/soak/soak.py", "--photos", PHOTOS, "--out", tmp_path),
            *("--minutes", "1", "--kill-every", "0.25", "--rate", "2"),
        ],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["kills"] >= 1
    assert report["counts"]["jobs_accepted"] > 3
    with (tmp_path / "samples.csv").open() as file:
        assert len(list(csv.DictReader(file))) > 10
    assert (tmp_path / "soak.png").stat().st_size > 10_000
