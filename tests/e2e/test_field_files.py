"""Files of the kinds that people really have, such as damaged ones and those that some programs
write oddly: each is classified as its picture is, or its error says what it is."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import SHARED

FIELD = SHARED / "field"
MODEL = "efficientnet_lite0"
TOLERANCE = 0.05
SCORES = {"tiger_cat": "tiger cat", "egyptian_cat": "Egyptian cat"}  # column: label


def rows() -> list[dict[str, str]]:
    table = FIELD / "expected.tsv"
    if not table.is_file():
        return []
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


@pytest.fixture(scope="module")
def results(binary: Path) -> dict[str, dict[str, Any]]:
    """The result of each file, by its name."""
    options = ["--model", MODEL, "--format", "json", "--top-k", "10", "--threshold", "0"]
    done = subprocess.run(
        [binary, "classify", *options, "-"],
        input="\n".join(str(FIELD / row["file"]) for row in rows()),
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "INFERENCE_PRECISION": "fp32"},  # in which the scores were computed
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: some images failed
    return {row["filename"]: row for row in json.loads(done.stdout)["detailed_results"]}


@pytest.mark.skipif(not rows(), reason=f"the files are not here: {FIELD}")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_file_of_the_field(results: dict[str, dict[str, Any]], row: dict[str, str]) -> None:
    result = results[row["file"]]
    what = row["what it is, and what is right"]
    if row["tiger_cat"] == "error":
        assert "support" in result.get("error", ""), (what, result)
        return
    assert not result.get("error"), what
    scores = {guess["label"]: guess["score"] for guess in result["all_predictions"]}
    for column, label in SCORES.items():
        assert scores.get(label, 0) == pytest.approx(float(row[column]), abs=TOLERANCE), what
