"""The settings and objectives of a scenario: scenarios/NAME.toml, read and checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from loadtest.kinds import KINDS

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
GRAPHS = (
    "throughput",
    "latency",
    "autoscaling",
    "queue_depth",
    "request_rate",
    "error_rate",
    "cpu_memory",
)


class LoadTestError(Exception):
    """An error with a message for whoever runs the test."""


@dataclass(frozen=True)
class Rate:
    """Jobs a second; or, with `times`, a multiple of what the service can do."""

    value: float
    times: bool = False

    @classmethod
    def read(cls, text: object) -> Rate:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(x?)", str(text))
        if not found or float(found[1]) <= 0:
            raise LoadTestError(
                f'the rate is "{text}", but must be jobs a second such as 2.5, or a multiple of '
                "what the service can do, such as 2x"
            )
        return cls(float(found[1]), bool(found[2]))

    def jobs(self, images_per_second: float, images_per_job: float) -> float:
        return self.value * images_per_second / images_per_job if self.times else self.value

    def __str__(self) -> str:
        return f"{self.value:g}x" if self.times else f"{self.value:g}"


@dataclass
class LoadSettings:
    """Times in seconds."""

    users: int = 10
    duration: float = 60
    rate: Rate = field(default_factory=lambda: Rate(1))
    profile: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    workers: tuple[int, ...] = ()  # the initial number; several are steps
    backlog: int = 0  # images to keep waiting, instead of a rate
    calibration: float = 8
    drain: float = 300  # the longest to wait for the last jobs
    settle: float = 0  # the longest to wait for autoscaling to shrink
    custom_share: float = 0.5  # share of jobs with custom labels
    result_share: float = 0.2  # share of jobs whose result is fetched
    polls_per_second: float = 100

    @classmethod
    def read(cls, name: str, values: dict[str, Any]) -> LoadSettings:
        known = {item.name for item in fields(cls)}
        for key in values:
            if key not in known:
                raise LoadTestError(f"{name}: [load] has no setting {key}: {', '.join(known)}")
        read = dict(values)
        if "rate" in read:
            read["rate"] = Rate.read(read["rate"])
        if "profile" in read:
            read["profile"] = tuple((float(share), float(rate)) for share, rate in read["profile"])
        if "workers" in read:
            read["workers"] = tuple(read["workers"])
        return cls(**read)


@dataclass
class Scenario:
    name: str
    title: str
    question: str
    autoscaling: str  # active or suspended
    graphs: tuple[str, ...]  # those that answer the question
    load: LoadSettings
    objectives: dict[str, float]


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read(name: str, local: bool) -> Scenario:
    """The scenario for AWS, or the variant for one machine."""
    if name not in names():
        raise LoadTestError(f'there is no scenario "{name}": {", ".join(names())}')
    content = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    more = content.get("local", {}) if local else {}
    scenario = Scenario(
        name,
        content["title"],
        content["question"],
        more.get("autoscaling", content["autoscaling"]),
        tuple(content["graphs"]),
        LoadSettings.read(name, content["load"] | more.get("load", {})),
        content["objectives"] | more.get("objectives", {}),
    )
    if scenario.autoscaling not in ("active", "suspended"):
        raise LoadTestError(f"{name}: autoscaling must be active or suspended")
    for graph in scenario.graphs:
        if graph not in GRAPHS:
            raise LoadTestError(f"{name}: there is no graph {graph}: {', '.join(GRAPHS)}")
    for objective in scenario.objectives:
        figure, _, end = objective.rpartition("_")
        if end not in ("max", "min"):
            raise LoadTestError(f"{name}: the objective {objective} must end with _max or _min")
        if figure not in KINDS:
            raise LoadTestError(f"{name}: there is no figure {figure}: {', '.join(KINDS)}")
    return scenario
