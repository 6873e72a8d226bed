"""Runs one scenario and writes its raw data; scripts/run-load-test.sh calls it."""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import argparse  # noqa: E402
import csv  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from api_client import Api, ApiError  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.stats import StatsCSV  # noqa: E402

from loadtest import raw, scenario  # noqa: E402
from loadtest.clients import Client  # noqa: E402
from loadtest.figures import compute, judge, passed  # noqa: E402
from loadtest.load import IMPATIENT, PATIENT, Arriving, Load  # noqa: E402
from loadtest.samples import Row  # noqa: E402
from loadtest.scenario import LoadTestError, Rate, Scenario  # noqa: E402
from loadtest.targets import Server, Target, Workers  # noqa: E402
from loadtest.workload import IMAGES_PER_JOB, Arrivals, Backlog, Orders  # noqa: E402

CALIBRATION_BACKLOG = 200  # below the first step of autoscaling
WARM_UP_IMAGES, WARM_UP_LIMIT = 60, 120.0  # seconds
FEWEST_IMAGES = 30  # for the calculation, however long they take
REPORT_SECONDS = 5
PERCENTILES = (0.5, 0.95, 0.99)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Recorder:
    """Records each request as a row, in addition to Locust's own statistics."""

    rows: list[tuple[object, ...]] = field(default_factory=list)

    def __call__(
        self,
        request_type: str,
        name: str,
        response_time: float,
        response_length: int,
        exception: BaseException | None = None,
        response: Any = None,
        **_: Any,
    ) -> None:
        outcome = "error" if exception else "refused" if "(refused" in name else "ok"
        status = getattr(response, "status_code", "") if response is not None else ""
        row = (request_type, name, round(response_time, 2), outcome, status, response_length)
        self.rows.append((round(time.time(), 3), *row))


@dataclass
class Test:
    """One run, from the first client to the raw data."""

    plan: Scenario
    target: Target
    load: Load
    environment: Environment
    recorder: Recorder = field(default_factory=Recorder)
    rows: list[Row] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    capacity: float | None = None
    begin: float = 0
    load_end: float = 0
    offered: float = 1
    reported: float = 0

    def watch(self) -> None:
        """Samples until it is killed; a sample that fails is left out."""
        while True:
            now = time.time()
            try:
                self.rows += self.target.sample(now)
                self.target.autoscale(now)
            except Exception as error:
                say(f"a measurement failed: {error}")
            gevent.sleep(max(0.05, now + self.target.sample_seconds - time.time()))

    def wait(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Whether it was done in that time; reports the progress every few seconds."""
        deadline = time.time() + seconds
        while not done():
            if time.time() > deadline:
                return False
            if time.time() - self.reported >= REPORT_SECONDS:
                self.reported = time.time()
                say(
                    f"  {len(self.load.jobs)} jobs accepted, {self.load.open_jobs} open, "
                    f"{self.target.waiting():.0f} images in the queue, "
                    f"{self.target.running()} workers"
                )
            gevent.sleep(0.1)
        return True

    def arrive(self, phase: str, arrivals: Arriving, seconds: float) -> None:
        self.load.phase, self.load.arrivals = phase, arrivals
        self.wait(seconds, lambda: False)
        self.offered = self.load.offered()
        self.load.arrivals = None

    def drain(self, seconds: float) -> None:
        if not self.wait(seconds, lambda: self.load.at_rest):
            say(f"  {self.load.open_jobs} jobs did not end within {seconds:.0f} seconds")

    def calibrate(self) -> None:
        """Measures what the initial workers can do when there are always images waiting."""
        seconds = self.plan.load.calibration
        say(f"measuring the capacity of the service for {seconds:.0f} seconds")
        self.load.phase, self.load.longest_poll = "calibration", IMPATIENT
        # The first images wait for models to be loaded.
        self.load.arrivals = Backlog(time.time(), 2 * WARM_UP_LIMIT + seconds, CALIBRATION_BACKLOG)
        self.wait(
            WARM_UP_LIMIT,
            lambda: self.load.images_done >= WARM_UP_IMAGES or self.load.images_failed > 0,
        )
        if self.load.images_failed:
            raise LoadTestError(
                f"{self.load.images_failed} images of the first jobs could not be classified: are "
                "the keys those of this service? scripts/pre-upload-images.sh uploads images again"
            )
        before, begin = self.load.images_done, time.time()
        self.wait(seconds, lambda: False)
        self.wait(WARM_UP_LIMIT, lambda: self.load.images_done - before >= FEWEST_IMAGES)
        done, passed_seconds = self.load.images_done - before, time.time() - begin
        self.load.arrivals, self.load.longest_poll = None, PATIENT
        self.drain(self.plan.load.drain)
        if done == 0:
            raise LoadTestError("the service finished no image: are its workers running?")
        self.capacity = done / passed_seconds
        say(f"  {self.capacity:.0f} images a second")

    def constant_or_profile(self) -> None:
        settings = self.plan.load
        if settings.workers:
            self.target.set_workers(settings.workers[0])
        if settings.rate.times:
            self.calibrate()
        rate = settings.rate.jobs(self.capacity or 0, IMAGES_PER_JOB)
        say(f"sending jobs for {settings.duration:.0f} seconds, {rate:.2f} a second at most")
        self.begin = time.time()
        arrivals = Arrivals(self.begin, settings.duration, rate, settings.profile)
        self.arrive("load", arrivals, settings.duration)
        self.load_end = time.time()
        say("waiting until everything is done")
        self.drain(settings.drain)
        if settings.settle and self.target.least:
            say("waiting until the number of workers is back to the minimum")
            self.wait(settings.settle, lambda: self.target.running() <= self.target.least)
            gevent.sleep(2 * self.target.sample_seconds)

    def with_each_number_of_workers(self) -> None:
        settings = self.plan.load
        for count in settings.workers:
            changes = self.target.set_workers(count)
            if not changes:
                say("the number of workers cannot be changed here: one step, with the running ones")
                count = self.target.running()
            say(f"keeping {settings.backlog} images waiting for {count} workers")
            begin = time.time()
            self.begin = self.begin or begin
            self.load.longest_poll = IMPATIENT
            self.arrive(
                f"{count} workers",
                Backlog(begin, settings.duration, settings.backlog),
                settings.duration,
            )
            self.steps.append({"workers": count, "begin": begin, "end": time.time()})
            self.load_end = time.time()
            if not changes:
                break
        say("waiting until everything is done")
        self.drain(settings.drain)

    def run(self) -> None:
        self.environment.events.request.add_listener(self.recorder)
        runner = self.environment.create_local_runner()
        self.target.begin()
        watcher = gevent.spawn(self.watch)
        try:
            if not self.wait(self.plan.load.drain, lambda: self.target.waiting() == 0):
                raise LoadTestError(
                    f"{self.target.waiting():.0f} other images are still in the queue after "
                    f"{self.plan.load.drain:.0f} seconds: wait, or cancel those jobs"
                )
            runner.start(self.plan.load.users, spawn_rate=self.plan.load.users)
            if self.plan.load.backlog:
                self.with_each_number_of_workers()
            else:
                self.constant_or_profile()
        finally:
            runner.quit()
            watcher.kill()

    def write(self, folder: Path, options: dict[str, Any]) -> None:
        end = time.time()
        more, changes = self.target.collect(self.begin, end)
        folder.mkdir(parents=True, exist_ok=True)
        raw.write_csv(folder, "requests.csv", self.recorder.rows)
        raw.write_csv(folder, "jobs.csv", (job_row(job) for job in self.load.jobs.values()))
        raw.write_csv(folder, "samples.csv", self.rows + more)
        scaling = ((c.time, c.before, c.after, c.reason) for c in changes)
        raw.write_csv(folder, "scaling.csv", scaling)
        self.write_statistics(folder)
        plan = self.plan
        about = {
            "scenario": plan.name,
            "title": plan.title,
            "question": plan.question,
            "graphs": plan.graphs,
            "autoscaling": plan.autoscaling,
            "objectives": plan.objectives,
            "options": options,
            "target": self.target.facts(),
            "notes": getattr(self.target, "notes", []),
            "time_scale": self.target.time_scale,
            "least_workers": self.target.least,
            "begin": self.begin,
            "load_end": self.load_end,
            "end": end,
            "capacity": self.capacity,
            "offered": self.offered,
            "given_up": self.load.given_up,
            "steps": self.steps,
        }
        raw.write_json(folder, "run.json", about)  # last: it marks the run as complete

    def write_statistics(self, folder: Path) -> None:
        statistics = StatsCSV(self.environment, list(PERCENTILES))
        for name, write in (
            ("locust_stats.csv", statistics.requests_csv),
            ("locust_failures.csv", statistics.failures_csv),
        ):
            with (folder / name).open("w", newline="") as file:
                write(csv.writer(file))


def job_row(job: Any) -> Iterable[object]:
    return [getattr(job, column) for column in raw.COLUMNS["jobs.csv"]]


def read_keys(file: Path) -> list[str]:
    try:
        keys = json.loads(file.read_text())
    except FileNotFoundError:
        raise LoadTestError(
            f"there is no {file}: upload images with scripts/pre-upload-images.sh, or name the "
            "file with --keys"
        ) from None
    except ValueError:
        keys = None
    if not isinstance(keys, dict) or not keys:
        raise LoadTestError(f"{file} must have file names and keys, as pre-upload-images.sh writes")
    return sorted(str(key) for key in keys.values())


def override(plan: Scenario, options: argparse.Namespace) -> None:
    load = plan.load
    for name in ("duration", "users"):
        if (value := getattr(options, name)) is not None:
            if value <= 0:
                raise LoadTestError(f"--{name} must be more than 0")
            setattr(load, name, value)
    if options.rate is not None:
        load.rate = Rate.read(options.rate)
    if options.workers is not None:
        counts = options.workers.split(",")
        if not all(count.isdigit() and int(count) > 0 for count in counts):
            raise LoadTestError(f'--workers is "{options.workers}", but must be like 1,2,4')
        load.workers = tuple(int(count) for count in counts)


def make_target(options: argparse.Namespace, plan: Scenario, key: str) -> Target:
    urls = options.url.split(",")
    if options.on == "aws":
        from loadtest.aws import Deployment

        return Deployment(urls[0])
    if options.on == "server":
        return Server(urls, key)
    return Workers(
        urls,
        key,
        kind=options.on,
        time_scale=options.time_scale,
        most=options.most_workers,
        scaling=plan.autoscaling == "active",
        logs=Path(os.environ["CLUSTER_LOGS"]),
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run-load-test.sh", description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("--on", choices=("aws", "server", "local", "emulator"), required=True)
    parser.add_argument("--url", required=True, help="of the backend; several separated by commas")
    parser.add_argument("--keys", type=Path, default=Path("s3_keys.json"))
    parser.add_argument("--results", type=Path, default=Path("load-tests/results"))
    parser.add_argument("--duration", type=float)
    parser.add_argument("--users", type=int)
    parser.add_argument("--rate")
    parser.add_argument("--workers")
    parser.add_argument("--most-workers", type=int, default=4)
    parser.add_argument("--time-scale", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311
    return parser.parse_args()


def main() -> int:
    options = arguments()
    logging.basicConfig(level=logging.WARNING)
    try:
        plan = scenario.read(options.scenario, local=options.on != "aws")
        override(plan, options)
        if options.time_scale <= 0 or options.most_workers < 1:
            raise LoadTestError("--time-scale and --most-workers must be more than 0")
        keys = read_keys(options.keys)
        key = os.environ.get("API_KEY", "")
        for url in options.url.split(","):
            Api(url, key, timeout=10).expect(200, "GET", "/health")
        target = make_target(options, plan, key)
        orders = Orders(keys, plan.load.custom_share, options.seed)
        load = Load(
            orders,
            options.url.split(","),
            key,
            plan.load.result_share,
            plan.load.polls_per_second,
        )
        environment = Environment(user_classes=[Client], stop_timeout=35)
        environment.load = load
        test = Test(plan, target, load, environment)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("run-load-test.sh: stopped"))
        say(f"{plan.title}: {plan.question}")
        try:
            test.run()
            folder = options.results / plan.name / time.strftime("%Y%m%d-%H%M%S")
            used = {
                "users": plan.load.users,
                "duration": plan.load.duration,
                "rate": str(plan.load.rate) if not plan.load.backlog else None,
                "backlog": plan.load.backlog,
                "workers": plan.load.workers,
                "profile": plan.load.profile,
                "seed": options.seed,
                "images": len(keys),
            }
            test.write(folder, used)
        finally:
            target.end()
    except (LoadTestError, ApiError, OSError) as error:
        print(f"run-load-test.sh: {error}", file=sys.stderr)
        return 1
    return conclude(folder)


def conclude(folder: Path) -> int:
    """Prints the results; returns 2 if an objective was missed."""
    run = raw.read_run(folder)
    verdicts = judge(run, compute(run))
    raw.write_json(
        folder,
        "verdict.json",
        [
            {"objective": v.title, "wanted": v.wanted, "measured": v.measured, "verdict": v.word}
            for v in verdicts
        ],
    )
    for verdict in verdicts:
        print(f"{verdict.word:<13}{verdict.title}: {verdict.measured} (wanted: {verdict.wanted})")
    print(f"{run.name}: {'PASSED' if passed(verdicts) else 'FAILED'}; raw data in {folder}")
    return 0 if passed(verdicts) else 2


if __name__ == "__main__":
    sys.exit(main())
