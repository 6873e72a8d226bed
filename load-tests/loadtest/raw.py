"""The raw data of one run: a folder of CSV files and run.json; written once, read by the report."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from loadtest.scenario import LoadTestError

COLUMNS = {
    "requests.csv": ("time", "method", "name", "ms", "outcome", "status", "bytes"),
    "jobs.csv": (
        "job_id",
        "job_type",
        "images",
        "phase",
        "planned",
        "accepted",
        "created_at",
        "completed_at",
        "status",
        "total",
        "done",
        "failed",
    ),
    "samples.csv": ("time", "service", "metric", "value"),
    "scaling.csv": ("time", "before", "after", "reason"),
}

TIMES = ("time", "planned", "accepted", "created_at", "completed_at")
NUMBERS = (*TIMES, "ms", "images", "total", "done", "failed", "value", "before", "after")


def write_csv(folder: Path, name: str, rows: Iterable[Iterable[object]]) -> None:
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS[name])
        writer.writerows(rows)


def write_json(folder: Path, name: str, value: object) -> None:
    (folder / name).write_text(json.dumps(value, indent=2) + "\n")


@dataclass
class Run:
    """One run as recorded; times in the tables are seconds since the load began."""

    folder: Path
    about: dict[str, Any]
    requests: pd.DataFrame
    jobs: pd.DataFrame
    samples: pd.DataFrame
    scaling: pd.DataFrame

    @property
    def name(self) -> str:
        return str(self.about["scenario"])

    @property
    def begin(self) -> float:
        return float(self.about["begin"])

    @property
    def load_seconds(self) -> float:
        return float(self.about["load_end"]) - self.begin

    @property
    def seconds(self) -> float:
        """The time shown: until the last job was done and the workers were removed again."""
        return float(self.about["end"]) - self.begin

    def series(self, metric: str, service: str = "") -> pd.Series[float]:
        """Values by time; empty where it was not measured."""
        chosen = self.samples[self.samples.metric == metric]
        if service:
            chosen = chosen[chosen.service == service]
        return chosen.set_index("time")["value"].sort_index()

    @property
    def load_jobs(self) -> pd.DataFrame:
        """Without the jobs that measured the capacity of the service."""
        return self.jobs[self.jobs.phase != "calibration"]


def read_table(folder: Path, name: str, begin: float) -> pd.DataFrame:
    # The types are given for tables without rows, where pandas cannot infer them.
    table = pd.read_csv(folder / name, dtype=dict.fromkeys(NUMBERS, float))
    missing = set(COLUMNS[name]) - set(table.columns)
    if missing:
        raise LoadTestError(f"{folder / name} has no column {', '.join(sorted(missing))}")
    for column in TIMES:
        if column in table.columns:
            table[column] = table[column] - begin
    return table


def read_run(folder: Path) -> Run:
    try:
        about = json.loads((folder / "run.json").read_text())
        begin = float(about["begin"])
        tables = {name.removesuffix(".csv"): read_table(folder, name, begin) for name in COLUMNS}
    except (OSError, ValueError, KeyError) as error:
        raise LoadTestError(f"the raw data in {folder} cannot be read: {error}") from None
    return Run(folder, about, **tables)


def latest_runs(results: Path) -> list[Path]:
    """The newest complete run of each scenario, in the order of their names."""
    newest: dict[str, Path] = {}
    for file in sorted(results.glob("*/*/run.json")):
        newest[file.parent.parent.name] = file.parent
    return [newest[name] for name in sorted(newest)]
