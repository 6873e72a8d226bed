"""One minute of the soak run, so that it keeps working; its limits are those of any run."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from program import ROOT

PHOTOS = ROOT / ".deps/samples"


@pytest.mark.slow
def test_a_minute_of_load_and_kills(binary: Path, tmp_path: Path) -> None:
    if not PHOTOS.is_dir():
        pytest.skip(f"the sample photos are not at {PHOTOS} (run scripts/setup.sh)")
    told = subprocess.run(
        [
            *(sys.executable, ROOT / "tests/soak/soak.py", "--photos", PHOTOS, "--out", tmp_path),
            *("--minutes", "1", "--kill-every", "0.25", "--rate", "2"),
        ],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["kills"] >= 1
    assert report["counts"]["jobs_accepted"] > 3
    with (tmp_path / "samples.csv").open() as file:
        assert len(list(csv.DictReader(file))) > 10
    assert (tmp_path / "soak.png").stat().st_size > 10_000
