"""The scripts of the load tests: their failures, and a short complete run with the real program."""

from __future__ import annotations

import http.server
import importlib.util
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from program import Service
from script_run import Scripts

# Importing it here would monkey-patch this whole process.
if not importlib.util.find_spec("locust"):
    pytest.skip("Locust is not installed (load-tests/requirements.txt)", allow_module_level=True)

GRAPHS = 7
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    folders = {"LOAD_RESULTS": str(tmp_path / "results"), "LOAD_REPORTS": str(tmp_path / "reports")}
    return Scripts(tmp_path, folders | {"BACKEND_API_URL": NOWHERE})


def write_keys(scripts: Scripts, keys: object) -> None:
    (scripts.home / "s3_keys.json").write_text(json.dumps(keys))


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("run-load-test.sh", [], "name a scenario: autoscaling_response queue_explosion"),
        ("run-load-test.sh", ["storm"], 'there is no scenario "storm": autoscaling_response'),
        ("run-load-test.sh", ["sustained_load", "--fast"], "unknown option --fast"),
        ("run-load-test.sh", ["sustained_load", "--users"], "--users needs a value"),
        ("run-load-test.sh", ["sustained_load", "--on", "azure"], '--on is "azure"'),
        ("run-load-test.sh", ["sustained_load"], "s3_keys.json: upload images with"),
        ("run-load-test.sh", ["sustained_load", "--keys", "mine.json"], "mine.json: upload"),
        ("run-load-test.sh", ["sustained_load", "--on", "local", "--images", "x"], "no folder"),
        ("run-load-test.sh", ["sustained_load", "--on", "aws"], "no usable AWS credentials"),
        ("run-all-tests.sh", ["--no-report"], "is for scripts/run-load-test.sh"),
        ("run-all-tests.sh", ["sustained_load"], "unknown argument sustained_load"),
        ("run-all-tests.sh", ["--only", "storm"], 'there is no scenario "storm"'),
        ("run-all-tests.sh", ["--on"], "--on needs a value"),
        ("generate-report.sh", [], "there is nothing to report in"),
        ("generate-report.sh", ["all"], "takes no arguments"),
        ("clean-load-test-results.sh", ["all"], "unknown argument all"),
    ],
)
def test_wrong_arguments(scripts: Scripts, name: str, arguments: list[str], says: str) -> None:
    scripts.settings |= {"AWS_REGION": "us-east-1"}
    assert says in scripts.fails(name, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rate", "fast"], 'the rate is "fast"'),
        (["--users", "0"], "--users must be more than 0"),
        (["--duration", "-1"], "--duration must be more than 0"),
        (["--workers", "1,many"], '--workers is "1,many"'),
    ],
)
def test_wrong_values(scripts: Scripts, service: Any, arguments: list[str], says: str) -> None:
    write_keys(scripts, {"a.jpg": "uploads/a.jpg"})
    scripts.settings["BACKEND_API_URL"] = service.url
    assert says in scripts.fails("run-load-test.sh", "sustained_load", *arguments)


def test_a_service_that_does_not_answer(scripts: Scripts) -> None:
    write_keys(scripts, {"a.jpg": "uploads/a.jpg"})
    assert f"{NOWHERE} does not answer" in scripts.fails("run-load-test.sh", "sustained_load")


@pytest.mark.parametrize("keys", [{}, ["a"]])
def test_keys_that_are_none(scripts: Scripts, service: Any, keys: object) -> None:
    write_keys(scripts, keys)
    scripts.settings["BACKEND_API_URL"] = service.url
    shown = scripts.fails("run-load-test.sh", "sustained_load")
    assert "must have file names and keys, as pre-upload-images.sh writes" in shown


def test_a_wrong_api_key(scripts: Scripts, binary: Path) -> None:
    write_keys(scripts, {"a.jpg": "uploads/a.jpg"})
    guarded = Service(scripts.home / "data", API_KEYS="right")
    try:
        settings = {"BACKEND_API_URL": guarded.url, "API_KEY": "wrong"}
        shown = scripts.fails("run-load-test.sh", "sustained_load", **settings)
    finally:
        guarded.stop()
    assert "/metrics cannot be read: is API_KEY right?" in shown


def test_keys_of_another_service(scripts: Scripts, service: Any) -> None:
    write_keys(scripts, {"a.jpg": "uploads/gone_20260101-000000_00000000.jpg"})
    scripts.settings["BACKEND_API_URL"] = service.url
    shown = scripts.fails("run-load-test.sh", "sustained_load", "--users", "2")
    assert "could not be classified: are the keys those of this service?" in shown


def test_all_scenarios_that_cannot_run(scripts: Scripts) -> None:
    write_keys(scripts, {"a.jpg": "uploads/a.jpg"})
    shown = scripts.run("run-all-tests.sh", code=1)
    assert shown.count("could not run") == 4
    assert shown.count("does not answer") == 4


def upload(scripts: Scripts, photos: dict[str, Path]) -> None:
    (scripts.home / "images").mkdir()
    for name in ("cat_720p.jpg", "pets.jpg", "owl.jpg"):
        (scripts.home / "images" / name).write_bytes(photos[name].read_bytes())
    scripts.run("pre-upload-images.sh", "--count", "12")


def test_a_whole_run(scripts: Scripts, service: Any, photos: dict[str, Path]) -> None:
    scripts.settings["BACKEND_API_URL"] = service.url
    upload(scripts, photos)
    # Only what must hold on any machine is checked, whatever its speed.
    words = ["sustained_load", "--rate", "2", "--duration", "12", "--users", "3", "--seed", "1"]
    shown = scripts.run("run-load-test.sh", *words, code=(0, 2))
    assert "pass         Accepted jobs lost, failed or incomplete: 0 jobs" in shown
    assert "pass         Failed requests: 0.00 %" in shown
    [run] = (scripts.home / "results/sustained_load").iterdir()
    verdicts = {v["objective"]: v for v in json.loads((run / "verdict.json").read_text())}
    assert verdicts["Accepted jobs lost, failed or incomplete"]["verdict"] == "pass"
    jobs = (run / "jobs.csv").read_text().splitlines()[1:]
    assert 12 <= len(jobs) <= 24
    assert all(",completed," in job for job in jobs)
    kinds = {job.split(",")[1] for job in jobs}
    assert kinds == {"image_classification", "custom_classification"}
    statistics = (run / "locust_stats.csv").read_text()
    for call in ("POST,POST /submit", "GET,GET /status/{job_id}", "JOB,custom_classification"):
        assert call in statistics
    for metric in ("queue_visible", "throughput", "workers_running", "cpu_percent", "memory_mb"):
        assert f",{metric}," in (run / "samples.csv").read_text(), metric
    graphs = list((scripts.home / "reports/sustained_load").glob("*.png"))
    assert len(graphs) == GRAPHS
    assert all(graph.stat().st_size > 2000 for graph in graphs)
    page = (scripts.home / "reports/report.html").read_text()
    assert page.count("data:image/png;base64,") == GRAPHS

    assert "sustained_load" in scripts.run("generate-report.sh")
    shown = scripts.run("clean-load-test-results.sh", answer="n\n", code=1)
    assert "nothing was changed" in shown
    assert run.exists()
    assert "1 runs deleted" in scripts.run("clean-load-test-results.sh", "--yes")
    assert not (scripts.home / "results").exists()
    assert not (scripts.home / "reports").exists()
    assert "there is nothing to delete" in scripts.run("clean-load-test-results.sh")


class Difficult(http.server.BaseHTTPRequestHandler):
    """Answers like a service that is too busy at first, or that loses an image of each job."""

    loses = False
    polite = True
    jobs: dict[str, int] = {}  # noqa: RUF012

    def answer(self, status: int, body: object, **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        if key not in self.jobs:
            self.jobs[key] = 0
            busy = {"error": "too busy"}
            self.answer(503, busy, **({"Retry_After": "1"} if self.polite else {}))
        else:
            self.jobs[key] = len(body["s3_keys"])
            self.answer(202, {"job_id": key, "status": "queued"})

    def do_GET(self) -> None:
        *_, kind, job = self.path.split("/")
        total = self.jobs.get(job, 0)
        if job == "metrics":
            self.answer(200, 'classifier_queue_messages{state="visible"} 0\n'
                             'classifier_queue_messages{state="in_flight"} 0\n')  # fmt: skip
        elif kind == "status":
            time = "2026-01-01T00:00:00.000Z"
            progress = {"total": total, "done": total - self.loses, "failed": 0}
            times = {"created_at": time, "completed_at": time}
            self.answer(200, {"status": "completed"} | progress | times)
        elif kind == "result":
            self.answer(200, {"summary": {"total": total}})
        else:
            self.answer(200, {"status": "healthy"})

    def log_message(self, *_: object) -> None:
        """No log is needed."""


@pytest.fixture
def difficult(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (Difficult,), {"jobs": {}, **request.param})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("difficult", [{}], indirect=True)
def test_a_signal_ends_it_at_once(scripts: Scripts, difficult: str) -> None:
    write_keys(scripts, {"a.jpg": "uploads/a.jpg"})
    with subprocess.Popen(
        [scripts.root / "scripts/run-load-test.sh", "sustained_load", "--rate", "1"],
        env=scripts.environment() | {"BACKEND_API_URL": difficult},
        stderr=subprocess.PIPE,
        text=True,
        cwd=scripts.home,
    ) as script:
        assert script.stderr
        for line in script.stderr:
            if "sending jobs for 60 seconds" in line:
                script.terminate()
        # Its output ends with the last of its processes.
        assert script.wait(10) == 130
    assert not (scripts.home / "results").exists()


def run_against(scripts: Scripts, url: str, code: int) -> str:
    write_keys(scripts, {"a.jpg": "uploads/a.jpg"})
    words = ["queue_explosion", "--rate", "3", "--duration", "3", "--users", "4", "--no-report"]
    return scripts.run("run-load-test.sh", *words, code=code, BACKEND_API_URL=url)


@pytest.mark.parametrize("difficult", [{}], indirect=True)
def test_refusals_are_no_errors_and_their_time_is_kept(scripts: Scripts, difficult: str) -> None:
    shown = run_against(scripts, difficult, code=2)  # no queue was seen to grow
    assert "pass         Failed requests: 0.00 %" in shown
    [run] = (scripts.home / "results/queue_explosion").iterdir()
    lines = [line.split(",") for line in (run / "requests.csv").read_text().splitlines()[1:]]
    refused = [line for line in lines if line[2] == "POST /submit (refused: 503)"]
    accepted = [line for line in lines if line[2] == "POST /submit"]
    assert len(refused) == len(accepted) >= 3
    assert {line[4] for line in refused} == {"refused"}
    # Each was repeated after the second that it was asked to wait.
    first = min(float(line[0]) for line in refused)
    assert min(float(line[0]) for line in accepted) >= first + 0.99


@pytest.mark.parametrize("difficult", [{"polite": False}], indirect=True)
def test_a_refusal_that_does_not_say_when_is_an_error(scripts: Scripts, difficult: str) -> None:
    assert "FAIL         Failed requests: " in run_against(scripts, difficult, code=2)


@pytest.mark.parametrize("difficult", [{"loses": True}], indirect=True)
def test_a_lost_image_fails_the_run(scripts: Scripts, difficult: str) -> None:
    shown = run_against(scripts, difficult, code=2)
    assert "FAIL         Accepted jobs lost, failed or incomplete: " in shown
    assert "queue_explosion: FAILED" in shown
