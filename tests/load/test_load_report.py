"""The report on small raw data: passes, failures, and unreadable data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pandas", reason="pandas is not installed (load-tests/requirements.txt)")

from loadtest import graphs, raw, report, scenario
from loadtest.figures import compute, judge, passed, processor_share
from loadtest.scenario import LoadTestError
from PIL import Image

BEGIN = 1_800_000_000.0
SECONDS = 40


def about(name: str, **more: Any) -> dict[str, Any]:
    plan = scenario.read(name, local=True)
    return {
        "scenario": name,
        "title": plan.title,
        "question": plan.question,
        "graphs": plan.graphs,
        "autoscaling": plan.autoscaling,
        "objectives": plan.objectives,
        "options": {"users": 4, "seed": 1},
        "target": {"kind": "local", "url": "http://localhost", "cores": 4},
        "notes": [],
        "time_scale": 60,
        "least_workers": 1,
        "begin": BEGIN,
        "load_end": BEGIN + SECONDS / 2,
        "end": BEGIN + SECONDS,
        "capacity": 30.0,
        "offered": 1.0,
        "given_up": 0,
        "steps": [],
    } | more


def write(results: Path, name: str, when: str = "20270115-080000", **more: Any) -> Path:
    """A run without problems: 20 jobs of 3 images, one a second, each done after 2 seconds;
    the queue rises to 400 and workers follow."""
    folder = results / name / when
    folder.mkdir(parents=True)
    requests: list[tuple[object, ...]] = []
    jobs = []
    for n in range(20):
        at = BEGIN + n
        requests.append((at, "POST", "POST /submit", 20 + n, "ok", 202, 100))
        requests.append((at + 2, "GET", "GET /status/{job_id}", 5 + n, "ok", 200, 100))
        requests.append((at + 2, "JOB", "image_classification", 2000, "ok", "", 3))
        kind = ("image_classification", "custom_classification")[n % 2]
        jobs.append((f"job-{n}", kind, 3, "load", at, at, at, at + 2, "completed", 3, 3, 0))
    samples: list[tuple[object, ...]] = []
    for n in range(-2, SECONDS):
        at = BEGIN + n
        workers = 1 if n < 10 or n > 34 else 3
        samples += [
            (at, "queue", "queue_visible", max(0, 400 - 40 * abs(n - 10))),
            (at, "queue", "queue_in_flight", 4 if n < 22 else 0),
            (at, "ml-service", "throughput", 10 * workers if n < 22 else 0),
            (at, "ml-service", "workers_running", workers),
            (at, "ml-service", "workers_desired", workers),
            (at, "ml-service", "cpu_percent", 90 * workers),
            (at, "ml-service", "memory_mb", 250 * workers),
            (at, "backend", "cpu_percent", 12),
            (at, "backend", "memory_mb", 40),
        ]
    scaling = [(BEGIN + 9, 1, 3, "400 messages wait"), (BEGIN + 33, 3, 2, "quiet")]
    scaling.append((BEGIN + 34, 2, 1, "quiet"))
    raw.write_csv(folder, "requests.csv", requests)
    raw.write_csv(folder, "jobs.csv", jobs)
    raw.write_csv(folder, "samples.csv", samples)
    raw.write_csv(folder, "scaling.csv", scaling)
    raw.write_json(folder, "run.json", about(name, **more))
    return folder


def edit(folder: Path, name: str, pattern: str, new: str) -> None:
    file = folder / name
    text, count = re.subn(pattern, new, file.read_text(), flags=re.MULTILINE)
    assert count, f"{name} has no {pattern}"
    file.write_text(text)


def missed(folder: Path) -> set[str]:
    run = raw.read_run(folder)
    verdicts = judge(run, compute(run))
    assert passed(verdicts) == (not [v for v in verdicts if v.met is False])
    return {verdict.figure for verdict in verdicts if verdict.met is False}


def test_a_good_run_passes(tmp_path: Path) -> None:
    run = raw.read_run(write(tmp_path, "autoscaling_response"))
    figures = compute(run)
    assert all(verdict.met for verdict in judge(run, figures))
    assert figures["jobs_accepted"] == 20
    assert figures["images_done"] == 60
    assert figures["status_p50_ms"] == 14.5
    assert figures["job_p95_s"] == 2
    assert figures["queue_peak"] == 400
    assert figures["drained_s"] == 1  # the last job arrived at 19 and was done at 21
    assert figures["scale_out_s"] == 60  # 300 images waited at second 8, workers were added at 9
    assert figures["scale_in_s"] == 13 * 60  # of the policy's seconds
    assert figures["workers_peak"] == 3
    share = processor_share(run)
    assert share is not None
    assert share == pytest.approx(0.95, abs=0.1)
    run.samples.loc[run.samples.metric == "cpu_percent", "value"] /= 10
    assert "got only 10 % of the processor time" in report.limits(run)


@pytest.mark.parametrize(
    ("name", "file", "pattern", "new", "figure"),
    [
        ("sustained_load", "jobs.csv", r"completed,3,3,0$", "completed,3,2,0", "jobs_unaccounted"),
        ("sustained_load", "jobs.csv", r"completed,3,3,0$", "failed,3,3,3", "jobs_unaccounted"),
        ("sustained_load", "jobs.csv", r"completed,3,3,0$", "queued,3,3,0", "jobs_unaccounted"),
        ("sustained_load", "requests.csv", r",27,ok,202,", ",27,error,500,", "error_rate"),
        ("sustained_load", "requests.csv", r",27,ok,202,", ",27,refused,503,", "refused"),
        ("sustained_load", "requests.csv", r",24,ok,200,", ",9999,ok,200,", "status_p99_ms"),
        ("sustained_load", "run.json", r'"offered": 1.0', '"offered": 0.5', "offered"),
        ("queue_explosion", "samples.csv", r"queue_visible,\d+", "queue_visible,9", "queue_peak"),
        ("autoscaling_response", "scaling.csv", r"^.*,3,400 .*\n", "", "scale_out_s"),
        ("autoscaling_response", "scaling.csv", r"^.*,2,1,quiet.*\n", "", "scale_in_s"),
    ],
)  # fmt: skip
def test_each_objective_can_be_missed(
    tmp_path: Path, name: str, file: str, pattern: str, new: str, figure: str
) -> None:
    folder = write(tmp_path, name)
    assert missed(folder) == set()
    edit(folder, file, pattern, new)
    assert figure in missed(folder)


def test_jobs_that_took_too_long_are_distinguished_from_lost_ones(tmp_path: Path) -> None:
    folder = write(tmp_path, "sustained_load")
    edit(folder, "jobs.csv", r"^job-3,(.*),completed,3,3,0$", r"job-3,\1,processing,3,1,0")
    run = raw.read_run(folder)
    figures = compute(run)
    story = report.story(report.Part(run, figures, judge(run, figures), {}))
    assert "1 were still in progress when the test stopped waiting for them" in story


def steps(*rates: int) -> dict[str, Any]:
    made = [
        {"workers": n + 1, "begin": BEGIN + 10 * n, "end": BEGIN + 10 * (n + 1)}
        for n in range(len(rates))
    ]
    return {"steps": made, "autoscaling": "suspended"}


@pytest.mark.parametrize(("rates", "met"), [((10, 19, 28), True), ((10, 12, 13), False)])
def test_scaling_of_throughput(tmp_path: Path, rates: tuple[int, ...], met: bool) -> None:
    folder = write(tmp_path, "throughput_scaling", **steps(*rates))
    lines = (folder / "samples.csv").read_text().splitlines()
    kept = [line for line in lines if ",throughput," not in line]
    for second in range(30):
        kept.append(f"{BEGIN + second},ml-service,throughput,{rates[second // 10]}")
    (folder / "samples.csv").write_text("\n".join(kept) + "\n")
    run = raw.read_run(folder)
    efficiency = compute(run)["scaling_efficiency"]
    assert efficiency == pytest.approx(100 * rates[2] / rates[0] / 3, abs=3)
    assert (missed(folder) == set()) == met
    # Workers beyond the cores do not count against the service.
    run.about["target"]["cores"] = 1
    assert compute(run)["scaling_efficiency"] is None


def test_workers_that_cannot_change_are_not_judged(tmp_path: Path) -> None:
    folder = write(tmp_path, "autoscaling_response", least_workers=0)
    run = raw.read_run(folder)
    verdicts = {v.figure: v.met for v in judge(run, compute(run))}
    assert verdicts["scale_out_s"] is None
    assert verdicts["jobs_unaccounted"] is True


def test_the_page_and_its_graphs(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    write(results, "throughput_scaling", **steps(10), title="<script>alert(1)</script>")
    write(results, "sustained_load")
    newest = write(results, "sustained_load", "20270116-080000")
    edit(newest, "jobs.csv", r"^job-3,(.*),completed,3,3,0$", r"job-3,\1,failed,3,3,3")
    file, parts = report.make(results, reports)
    assert [part.ok for part in parts].count(False) == 1
    page = file.read_text()
    assert page.count("<img ") == 2 * len(graphs.DRAW) == 14
    assert "<script" not in page
    assert 'class="verdict fail"' in page
    assert "Sustained load</b>: Accepted jobs lost, failed or incomplete: 1 job," in page
    assert "1 of them are not accounted for" in page
    assert "http" not in re.sub(r"http://localhost", "", page), "nothing comes from elsewhere"
    for link in re.findall(r'href="([^"#]+)"', page):
        assert (reports / link).is_file(), link
    for name in ("sustained_load", "throughput_scaling"):
        for graph in graphs.DRAW:
            with Image.open(reports / name / f"{graph}.png") as picture:
                assert picture.size == (800, 487)
                assert len(picture.convert("L").getcolors() or []) > 10
            assert (reports / name / f"{graph}.png").stat().st_size < 60_000
    assert 'class="verdict pass"' in report.summary([part for part in parts if part.ok])


def test_a_run_in_which_nothing_happened(tmp_path: Path) -> None:
    folder = write(tmp_path / "results", "sustained_load")
    for name in raw.COLUMNS:
        raw.write_csv(folder, name, [])
    file, [part] = report.make(tmp_path / "results", tmp_path / "reports")
    assert not part.ok
    assert "FAILED" in file.read_text()


def test_what_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LoadTestError, match="there is nothing to report in"):
        report.make(tmp_path / "none", tmp_path / "reports")
    folder = write(tmp_path / "results", "sustained_load")
    (folder / "jobs.csv").unlink()
    with pytest.raises(LoadTestError, match=r"cannot be read: .*jobs\.csv"):
        report.make(tmp_path / "results", tmp_path / "reports")
    raw.write_csv(folder, "jobs.csv", [])
    edit(folder, "samples.csv", "^time,", "times,")
    with pytest.raises(LoadTestError, match=r"samples\.csv has no column time"):
        report.make(tmp_path / "results", tmp_path / "reports")
    (folder / "run.json").write_text(json.dumps({}))
    with pytest.raises(LoadTestError, match="cannot be read: 'begin'"):
        report.make(tmp_path / "results", tmp_path / "reports")
