"""The parts of the load tests that only compute."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("pandas", reason="pandas is not installed (load-tests/requirements.txt)")

from loadtest import scenario
from loadtest.load import Load
from loadtest.samples import Reader, parse
from loadtest.scenario import LoadTestError, Rate
from loadtest.workload import IMAGES_PER_JOB, Arrivals, Backlog, Orders


def test_sizes_and_kinds_of_jobs() -> None:
    orders = Orders([f"key-{n}" for n in range(50)], 0.5, seed=1)
    made = [orders.make(0) for _ in range(4000)]
    sizes = Counter(
        "small" if o.images <= 3 else "middle" if o.images <= 10 else "large" for o in made
    )
    assert sizes["small"] / 4000 == pytest.approx(0.4, abs=0.03)
    assert sizes["middle"] / 4000 == pytest.approx(0.5, abs=0.03)
    assert {o.images for o in made} == set(range(1, 21))
    assert statistics.mean(o.images for o in made) == pytest.approx(IMAGES_PER_JOB, abs=0.3)
    custom = [o for o in made if o.body["job_type"] == "custom_classification"]
    assert len(custom) / 4000 == pytest.approx(0.5, abs=0.03)
    assert all(o.body["custom_labels"] for o in custom)
    assert len({o.key for o in made}) == 4000


def test_the_same_seed_makes_the_same_jobs() -> None:
    keys = ["a", "b", "c"]
    first, second = (Orders(keys, 0.5, seed=7) for _ in range(2))
    assert [first.make(0) for _ in range(20)] == [second.make(0) for _ in range(20)]
    assert Orders(keys, 0.5, seed=8).make(0) != Orders(keys, 0.5, seed=7).make(0)


def test_jobs_come_by_the_profile() -> None:
    arrivals = Arrivals(100, 60, 2, ((0.5, 1.0), (0.25, 0.0), (0.25, 0.5)))
    assert [arrivals.until(100 + t) for t in (-5, 0, 10, 30, 45, 60, 90)] == [
        0,
        0,
        20,
        60,
        60,
        75,
        75,
    ]
    assert arrivals.total == 75
    taken = 0
    while arrivals.take(110, 0):
        taken += 1
    assert taken == 20  # including late ones, but none before its time
    backlog = Backlog(100, 10, images=30)
    assert backlog.take(101, 29)
    assert not backlog.take(101, 30)
    assert not backlog.take(111, 0)


def test_books_of_a_job() -> None:
    load = Load(Orders(["a"], 0, seed=1), ["http://x"], "", 0, 1000)
    load.arrivals = Backlog(0, 10, 1)
    order = load.next_order(1)
    assert order is not None
    assert load.next_order(1) is None
    load.accepted(order, "job", 1)
    assert load.next_poll(1) is None
    job = load.next_poll(2)
    assert job is not None
    answer = {"status": "processing", "total": order.images, "done": 0, "failed": 0}
    answer |= {"created_at": "2026-01-01T00:00:00.000Z"}
    assert not load.looked(job, answer, 2)
    assert not load.at_rest
    assert load.next_poll(1000) is job
    answer |= {"status": "completed", "done": order.images}
    answer |= {"completed_at": "2026-01-01T00:00:02.500Z"}
    assert load.looked(job, answer, 1000)
    assert (job.latency, job.wrong, load.open_images, load.at_rest) == (2.5, "", 0, True)
    job.look(answer | {"done": order.images - 1})
    assert "images done" in job.wrong
    job.look(answer | {"status": "failed"})
    assert job.wrong == "the job is failed"


def metrics(cpu: float, images: float, visible: int | None = None) -> str:
    lines = [
        "# TYPE classifier_cpu_seconds_total counter",
        f"classifier_cpu_seconds_total {cpu}",
        f'classifier_images_total{{outcome="classified"}} {images}',
        'classifier_images_total{outcome="failed"} 1',
        "classifier_resident_memory_bytes 1.048576e+08",
        f"classifier_worker_running {int(visible is None)}",
    ]
    if visible is not None:
        lines += [
            f'classifier_queue_messages{{state="{s}"}} {visible}' for s in ("visible", "in_flight")
        ]
    return "\n".join(lines) + "\n"


def test_rows_of_processes_that_come_and_go() -> None:
    reader = Reader()
    reader.rows(10, {"b": ("backend", metrics(1, 0, 5)), "m1": ("ml-service", metrics(2, 10))})
    rows = reader.rows(
        12,
        {
            "b": ("backend", metrics(1.5, 0, 7)),
            "m1": ("ml-service", metrics(4, 30)),
            "m2": ("ml-service", metrics(9, 500)),
        },
    )
    values = {(service, metric): value for _, service, metric, value in rows}
    assert values[("ml-service", "throughput")] == 10  # what m2 did before does not count
    assert values[("ml-service", "workers_running")] == 2
    assert values[("ml-service", "cpu_percent")] == 100
    assert values[("backend", "cpu_percent")] == 25
    assert values[("ml-service", "memory_mb")] == 200
    assert values[("queue", "queue_visible")] == 7
    # m1 is gone, m2 was restarted at the same address.
    rows = reader.rows(14, {"m2": ("ml-service", metrics(0.5, 0))})
    values = {(service, metric): value for _, service, metric, value in rows}
    assert values[("ml-service", "throughput")] == 0
    assert values[("ml-service", "cpu_percent")] == 0


def test_prometheus_text_with_labels() -> None:
    found = parse('# HELP a b\na{x="1",y="2 3"} 4\nb 5.5e1\nbad line here\n')
    assert found == {'a{x="1",y="2 3"}': 4, "b": 55}


@pytest.mark.parametrize("text", ["", "0", "-1", "fast", "2xx", "1e3"])
def test_bad_rates_are_refused(text: str) -> None:
    with pytest.raises(LoadTestError, match="the rate is"):
        Rate.read(text)


def test_rates() -> None:
    assert Rate.read("2x").jobs(images_per_second=60, images_per_job=6) == 20
    assert Rate.read("2.5").jobs(60, 6) == 2.5


@pytest.mark.parametrize("local", [True, False])
def test_scenarios_are_complete(local: bool) -> None:
    assert set(scenario.names()) == {
        "autoscaling_response",
        "queue_explosion",
        "sustained_load",
        "throughput_scaling",
    }
    for name in scenario.names():
        plan = scenario.read(name, local)
        assert sum(share for share, _ in plan.load.profile) == pytest.approx(1)
        assert plan.objectives["jobs_unaccounted_max"] == 0
        assert plan.load.users <= 40
    assert scenario.read("throughput_scaling", local).autoscaling == "suspended"
    assert scenario.read("autoscaling_response", local).autoscaling == "active"


def test_mistakes_in_a_scenario_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (scenario.FOLDER / "sustained_load.toml").read_text()
    monkeypatch.setattr(scenario, "FOLDER", tmp_path)
    file = tmp_path / "mine.toml"
    for change, says in (
        (("users = 20", "clients = 20"), "has no setting clients"),
        (('"latency", ', '"delay", '), "there is no graph delay"),
        (('autoscaling = "active"', 'autoscaling = "on"'), "must be active or suspended"),
        (('rate = "0.6x"', 'rate = "some"'), 'the rate is "some"'),
        (("refused_max = 0", "refusals_max = 0"), "there is no figure refusals"),
        (("refused_max = 0", "refused = 0"), "must end with _max or _min"),
    ):
        assert change[0] in good
        file.write_text(good.replace(*change))
        with pytest.raises(LoadTestError, match=says):
            scenario.read("mine", local=False)
    with pytest.raises(LoadTestError, match='there is no scenario "yours": mine'):
        scenario.read("yours", local=False)
