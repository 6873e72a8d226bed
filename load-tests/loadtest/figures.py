"""The numbers of a run, from its raw data, and their comparison with the objectives."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from autoscaling_policy import STEPS

from loadtest.kinds import KINDS
from loadtest.raw import Run

WARM_UP = 0.2  # share of a step, before images are counted
STATUS, SUBMIT = "GET /status/{job_id}", "POST /submit"


def percentile(values: pd.Series[float], share: float) -> float | None:
    return float(values.quantile(share)) if len(values) else None


def answered(run: Run, name: str) -> pd.Series[float]:
    """Milliseconds of all answers to a call while the load was on."""
    table = run.requests[(run.requests.name == name) & (run.requests.outcome == "ok")]
    return table[table.time >= 0]["ms"]


def unaccounted(jobs: pd.DataFrame) -> pd.DataFrame:
    whole = (jobs.total == jobs.images) & (jobs.done == jobs.images)
    return jobs[~(whole & (jobs.status == "completed"))]


def best(throughput: pd.Series[float]) -> float | None:
    """Over a window, since single samples are uneven."""
    if len(throughput) < 2:
        return None
    gap = float(pd.Series(throughput.index).diff().median())
    return float(throughput.rolling(max(1, round(5 / gap))).mean().max())


def efficiency(run: Run) -> float | None:
    """Of the step with the most workers that have a core each, against the step with the fewest."""
    steps = sorted(run.about["steps"], key=lambda step: step["workers"])
    cores = run.about["target"].get("cores")
    if cores:
        steps = [step for step in steps if step["workers"] <= cores]
    if len(steps) < 2:
        return None
    fewest, most = (
        throughput_of(run, step["begin"], step["end"]) for step in (steps[0], steps[-1])
    )
    if not fewest or most is None:
        return None
    return float(100 * (most / fewest) / (steps[-1]["workers"] / steps[0]["workers"]))


def throughput_of(run: Run, begin: float, end: float) -> float | None:
    """Images a second of a step; its times are seconds since the epoch."""
    values = run.series("throughput")
    first = begin + WARM_UP * (end - begin) - run.begin
    window = values[(values.index >= first) & (values.index < end - run.begin)]
    return float(window.mean()) if len(window) else None


def processor_share(run: Run) -> float | None:
    """The share of usable processor time that the processes got while images waited: 0 to 1."""
    cores = run.about["target"].get("cores")
    cpu = run.samples[run.samples.metric == "cpu_percent"].groupby("time")["value"].sum()
    table = pd.DataFrame({"cpu": cpu, "waiting": run.series("queue_visible")})
    table["workers"] = run.series("workers_running")
    table = table[(table.index >= 0) & (table.waiting > 0) & (table.workers > 0)].dropna()
    if not cores or not len(table):
        return None
    return float((table.cpu / 100 / table.workers.clip(upper=cores)).mean())


def scale_out(run: Run) -> float | None:
    """In the policy's seconds."""
    visible = run.series("queue_visible")
    passed = visible[(visible.index >= 0) & (visible >= STEPS[-1][0])]
    grown = run.scaling[(run.scaling.after > run.scaling.before) & (run.scaling.time >= 0)]
    if not len(passed) or not len(grown):
        return None
    wait = max(0.0, float(grown.time.min()) - float(passed.index[0]))
    return wait * float(run.about["time_scale"])


def scale_in(run: Run) -> float | None:
    """In the policy's seconds; unknown where the workers never went back to the minimum."""
    least = run.about["least_workers"]
    back = run.scaling[run.scaling.after <= least]
    if not least or not len(back) or not len(run.load_jobs):
        return None
    wait = float(back.time.max()) - float(run.load_jobs.completed_at.max())
    if run.scaling.iloc[-1].after > least:
        return None
    return max(0.0, wait) * float(run.about["time_scale"])


def drained(run: Run) -> float | None:
    jobs = run.load_jobs
    if not len(jobs) or not (jobs.status == "completed").all():
        return None
    return max(0.0, float(jobs.completed_at.max()) - run.load_seconds)


def compute(run: Run) -> dict[str, float | None]:
    """All figures; None where one could not be measured."""
    jobs = run.load_jobs
    finished = jobs[jobs.status == "completed"]
    times = finished.completed_at - finished.created_at
    load = run.requests[(run.requests.time >= 0) & (run.requests.method != "JOB")]
    throughput = run.series("throughput")
    throughput = throughput[throughput.index >= 0]
    during = throughput[throughput.index <= run.load_seconds]
    visible = run.series("queue_visible")
    visible = visible[visible.index >= 0]
    running = run.series("workers_running")
    steps = run.about["steps"]
    scales = run.about["autoscaling"] == "active" and run.about["least_workers"] > 0
    return {
        "jobs_unaccounted": float(len(unaccounted(run.jobs))),
        "jobs_accepted": float(len(jobs)),
        "images_done": float(jobs.done.sum()),
        "images_failed": float(jobs.failed.sum()),
        "error_rate": 100 * float((load.outcome == "error").mean()) if len(load) else None,
        "refused": float((load.outcome == "refused").sum()),
        "given_up": float(run.about["given_up"]),
        "status_p50_ms": percentile(answered(run, STATUS), 0.5),
        "status_p99_ms": percentile(answered(run, STATUS), 0.99),
        "submit_p99_ms": percentile(answered(run, SUBMIT), 0.99),
        "job_p50_s": percentile(times, 0.5),
        "job_p95_s": percentile(times, 0.95),
        "job_p99_s": percentile(times, 0.99),
        "throughput": float(during.mean()) if len(during) and not steps else None,
        "throughput_most": best(throughput),
        "capacity": run.about["capacity"],
        "offered": None if steps else 100 * float(run.about["offered"]),
        "queue_peak": float(visible.max()) if len(visible) else None,
        "drained_s": None if steps else drained(run),
        "workers_peak": float(running.max()) if len(running) else None,
        "scale_out_s": scale_out(run) if scales else None,
        "scale_in_s": scale_in(run) if scales else None,
        "scaling_efficiency": efficiency(run) if steps else None,
    }


@dataclass(frozen=True)
class Verdict:
    """One objective; `met` is None where it could not be measured."""

    figure: str
    limit: float
    at_most: bool
    value: float | None
    met: bool | None

    @property
    def title(self) -> str:
        return KINDS[self.figure].title

    @property
    def wanted(self) -> str:
        text = KINDS[self.figure].text(self.limit)
        if self.at_most and self.limit == 0:
            return "none"
        return f"{'at most' if self.at_most else 'at least'} {text}"

    @property
    def measured(self) -> str:
        return "—" if self.value is None else KINDS[self.figure].text(self.value)

    @property
    def word(self) -> str:
        return {True: "pass", False: "FAIL", None: "not measured"}[self.met]


# An objective on one of these is missed if it could not be measured.
REQUIRED = ("scale_out_s", "scale_in_s", "drained_s", "status_p99_ms", "error_rate")


def judge(run: Run, figures: dict[str, float | None]) -> list[Verdict]:
    """Objectives are figures with the suffix `_max` or `_min`."""
    scales = run.about["autoscaling"] == "active" and run.about["least_workers"] > 0
    verdicts = []
    for name, limit in run.about["objectives"].items():
        figure, at_most = name.rsplit("_", 1)[0], name.endswith("_max")
        value = figures[figure]
        met: bool | None = None
        if value is not None:
            met = value <= limit if at_most else value >= limit
        elif figure in REQUIRED and (scales or not figure.startswith("scale_")):
            met = False
        verdicts.append(Verdict(figure, limit, at_most, value, met))
    return verdicts


def passed(verdicts: list[Verdict]) -> bool:
    return all(verdict.met is not False for verdict in verdicts)
