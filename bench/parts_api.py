"""The API under wrk: embedded, on AWS's protocols, and a plain Go server with the same store."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from harness import ROOT, Budget, Options, Part, Plot, Service, free_port, jpeg, run_job, spread

_SUBMISSION = json.dumps(
    {
        "job_type": "image_classification",
        "s3_keys": ["uploads/no_such_photo.jpg"],
        "top_k": 5,
        "confidence_threshold": 0.5,
    }
)
_MAX_STATUS_P99_MS = 10.0


def wrk(options: Options, url: str, connections: int = 32, body: str = "") -> tuple[float, float]:
    """Requests per second, and the 99th percentile of their times in milliseconds."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{1 if options.quick else 4}s", "--latency"]
    if body:
        script = options.work / "post.lua"
        script.write_text(
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f"wrk.body = [[{body}]]\n"
        )
        words += ["-s", str(script)]
    out = subprocess.run([*words, url], capture_output=True, text=True, check=True).stdout
    if bad := re.search(r"Non-2xx or 3xx responses: (\d+)", out):
        raise RuntimeError(f"{url}: {bad[1]} answers were errors")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    assert rate and tail, out
    return float(rate[1]), float(tail[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[tail[2]]


@contextmanager
def go_server(options: Options) -> Iterator[str]:
    """Runs the server of bench/go_api; yields its address."""
    program = options.work / "go_api"
    subprocess.run(["go", "build", "-o", program, "."], cwd=ROOT / "bench/go_api", check=True)
    port = free_port()
    process = subprocess.Popen([program, str(port), str(options.work / "go.sqlite")])
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                requests.get(url, timeout=1)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def api(options: Options) -> Part:
    part = Part(
        "The API",
        "bench/suite.sh --only api",
        ["call", "server", "requests/s", "99th percentile, ms", "of Go's"],
        note="wrk on the same cores, 32 connections. A submission has one image and is durable "
        "when it is answered, in both. On AWS's protocols the emulator (Python) is the limit.",
    )
    service = Service(options.work / "api")
    job = service.submit(["uploads/no_such_photo.jpg"])
    service.wait(job)
    with go_server(options) as go:
        go_job = requests.post(f"{go}/submit", data=_SUBMISSION, timeout=10).json()["job_id"]
        for call, ours, theirs, body in (
            ("GET /status", f"{service.url}/status/{job}", f"{go}/status/{go_job}", ""),
            ("POST /submit", f"{service.url}/submit", f"{go}/submit", _SUBMISSION),
        ):
            found: dict[str, list[tuple[float, float]]] = {"ours": [], "Go": []}
            for _ in range(options.rounds):
                found["Go"].append(wrk(options, theirs, body=body))
                found["ours"].append(wrk(options, ours, body=body))
            ratios = [a[0] / b[0] for a, b in zip(found["ours"], found["Go"], strict=True)]
            for name, values in found.items():
                part.add(
                    call,
                    name,
                    spread([rate for rate, _ in values]),
                    spread([tail for _, tail in values], 1),
                    spread(ratios, 2) if name == "ours" else "1",
                )
            part.budgets.append(
                Budget(
                    f"{call}: ≥ a Go net/http server with the same store",
                    f"{spread(ratios, 2)} ×",
                    statistics.median(ratios) >= 1,
                )
            )
    _clients(options, part, service, job)
    service.stop()
    _while_saturated(options, part)
    _on_aws(options, part)
    return part


def _clients(options: Options, part: Part, service: Service, job: str) -> None:
    counts = [1, 2, 4, 8, 16, 32]
    rates = [wrk(options, f"{service.url}/status/{job}", count)[0] for count in counts]
    part.add("GET /status", "ours, 1 client", f"{rates[0]:.0f}", "", "")
    part.plots.append(
        Plot(
            "clients",
            "GET /status by number of clients",
            "connections",
            "requests per second",
            [float(count) for count in counts],
            {"GET /status": rates},
        )
    )


def _while_saturated(options: Options, part: Part) -> None:
    """The time of /status while the workers use the whole machine."""
    service = Service(options.work / "busy")
    photo = jpeg(options.photo, (1280, 720))
    keys = [service.upload(photo, "p.jpg") for _ in range(50)]
    run_job(service, keys[:4], {})
    tails = []
    for _ in range(options.rounds):
        job = service.submit(keys * (20 if options.quick else 60), confidence_threshold=0)
        time.sleep(0.5)
        # As many clients as some dashboards, at a rate far below the limit.
        tails.append(_paced_p99(f"{service.url}/status/{job}", seconds=1 if options.quick else 5))
        still = service.get(f"/status/{job}").json()["status"]
        assert still == "processing", f"the workers were not busy until the end: {still}"
        service.post(f"/jobs/{job}/cancel", {})
    service.stop()
    part.add("GET /status", "ours, workers saturated", "400", spread(tails, 1), "")
    part.budgets.append(
        Budget(
            f"99 % of /status below {_MAX_STATUS_P99_MS:g} ms while workers are saturated",
            f"{spread(tails, 1)} ms",
            statistics.median(tails) < _MAX_STATUS_P99_MS,
        )
    )


def _paced_p99(url: str, seconds: float, clients: int = 4, rate: float = 400) -> float:
    """Milliseconds; each call's time counts from when it was due, so that a stall is not hidden.

    With the simplest client, since its processor time is on the same cores and in the measurement.
    """
    target = urllib.parse.urlsplit(url)
    times: list[float] = []
    lock = threading.Lock()

    def client(offset: float) -> None:
        own = []
        connection = http.client.HTTPConnection(target.netloc, timeout=30)
        start = time.perf_counter() + offset
        for index in range(int(seconds * rate / clients)):
            due = start + index * clients / rate
            time.sleep(max(0, due - time.perf_counter()))
            connection.request("GET", target.path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            own.append(time.perf_counter() - due)
        connection.close()
        with lock:
            times.extend(own)

    threads = [threading.Thread(target=client, args=(i / rate,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1e3 * sorted(times)[int(len(times) * 0.99)]


def _on_aws(options: Options, part: Part) -> None:
    from aws_servers import created, emulator

    with emulator() as endpoint:
        settings = created(endpoint, "bench")
        backend = Service(options.work / "aws", "backend", **settings)
        job = backend.submit(["uploads/no_such_photo.jpg"])
        for call, url, body in (
            ("GET /status", f"{backend.url}/status/{job}", ""),
            ("POST /submit", f"{backend.url}/submit", _SUBMISSION),
        ):
            values = [wrk(options, url, body=body) for _ in range(options.rounds)]
            part.add(
                call,
                "ours, on AWS's protocols",
                spread([rate for rate, _ in values]),
                spread([tail for _, tail in values], 1),
                "",
            )
        backend.stop()
