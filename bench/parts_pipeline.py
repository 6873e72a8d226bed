"""From the HTTP request to the result: compared with the Python stack, and with decode and
inference alone."""

from __future__ import annotations

import statistics
import subprocess
from contextlib import ExitStack
from pathlib import Path

from harness import (
    CUSTOM_TYPE,
    LABELS,
    ROOT,
    SIZES,
    Budget,
    Options,
    Part,
    Service,
    jpeg,
    on_cores,
    run_job,
    spread,
)
from parts_cpp import alone

_BASELINE = ROOT / ".deps/baseline/bin/python"
_MODELS = str(ROOT / ".deps/bench-models")
# Images per run, so that each takes some seconds: (ours, Python's).
_COUNTS = {
    ("mobilenet_v2", "720p"): (600, 40),
    ("mobilenet_v2", "12 MP"): (120, 8),
    ("clip_vit_b32", "720p"): (80, 8),
    ("clip_vit_b32", "12 MP"): (50, 6),
}
# Images per second as a multiple of the Python stack's.
_GOALS = {
    ("mobilenet_v2", "int8"): 10.0,
    ("clip_vit_b32", "bf16"): 7.0,
    ("clip_vit_b32", "int8"): 12.0,
}
_OF_ALONE = 0.85


class PythonStack:
    """A process of the baseline that keeps its model between runs."""

    def __init__(self, model: str, cores: int) -> None:
        words: list[str | Path] = [
            _BASELINE,
            ROOT / "bench/python_stack.py",
            model,
            str(cores),
            str(len(LABELS)),
        ]
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._line() != "ready":
            raise RuntimeError("the Python stack did not start: run bench/suite.sh")

    def _line(self) -> str:
        assert self.process.stdout
        return str(self.process.stdout.readline()).strip()

    def rate(self, photo: Path, count: int) -> float:
        assert self.process.stdin
        self.process.stdin.write(f"{photo} {count}\n")
        self.process.stdin.flush()
        return float(self._line())

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


def fields_of(model: str) -> dict[str, object]:
    if model == "clip_vit_b32":
        return {"model": model, "job_type": CUSTOM_TYPE, "custom_labels": LABELS}
    return {"model": model}


def against_python(options: Options) -> Part:
    """Alternating runs on the same photo and cores."""
    part = Part(
        "Through the whole product, against the Python stack",
        "bench/suite.sh --only python",
        [
            "model",
            "photo",
            "cores",
            "Python, images/s",
            "ours",
            "images/s",
            "ratio",
            "of decode + inference alone",
        ],
        note="Ours: submit, queue, classify, account, sorted copy. Python: transformers, torch "
        "and Pillow in a loop, one image at a time, without any of that. Ratios are of runs next "
        "to each other in time.",
    )
    with ExitStack() as stack:
        for cores in dict.fromkeys([1, options.cores]):
            services = {}
            with on_cores(cores):
                for precision, setting in (("bf16", "bf16"), ("int8", "auto")):
                    service = Service(
                        options.work / f"{precision}-{cores}",
                        INFERENCE_PRECISION=setting,
                        MODELS_DIR=_MODELS,
                    )
                    stack.callback(service.stop)
                    services[precision] = service
            for size in SIZES:
                reference = alone(options, size, options.work) if cores == 1 else {}
                photo = options.work / f"{cores}.jpg"
                photo.write_bytes(jpeg(options.photo, SIZES[size]))
                for model in ("mobilenet_v2", "clip_vit_b32"):
                    _compare(options, part, model, size, cores, photo, services, reference)
            for service in services.values():
                service.stop()
    return part


def _compare(
    options: Options,
    part: Part,
    model: str,
    size: str,
    cores: int,
    photo: Path,
    services: dict[str, Service],
    reference: dict[str, list[float]],
) -> None:
    ours, theirs = (count * cores // (4 if options.quick else 1) for count in _COUNTS[model, size])
    keys = {name: [s.upload(photo, "p.jpg") for _ in range(ours)] for name, s in services.items()}
    with on_cores(cores):
        python = PythonStack(model, cores)
    fields = fields_of(model)
    for name, service in services.items():
        run_job(service, keys[name][:16], fields)
    python.rate(photo, 3)
    rates: dict[str, list[float]] = {name: [] for name in ("python", *services)}
    for _ in range(options.rounds):
        rates["python"].append(python.rate(photo, theirs))
        for name, service in services.items():
            rates[name].append(ours / run_job(service, keys[name], fields))
    python.stop()
    for name in services:
        ratios = [a / b for a, b in zip(rates[name], rates["python"], strict=True)]
        share = ""
        if reference:
            of_alone = statistics.median(rates[name]) / statistics.median(
                reference[f"{model}/{name}"]
            )
            share = f"{of_alone:.2f}"
            part.budgets.append(
                Budget(
                    f"{model}, {name}, {size}: ≥ {_OF_ALONE:.2f} of decode + inference alone",
                    share,
                    of_alone >= _OF_ALONE,
                )
            )
        goal = _GOALS.get((model, name))
        if goal:
            part.budgets.append(
                Budget(
                    f"{model}, {name}, {size}, cores: {cores}: ≥ {goal:g} × Python's rate",
                    f"{spread(ratios, 1)} ×",
                    statistics.median(ratios) >= goal,
                )
            )
        part.add(
            model,
            size,
            cores,
            spread(rates["python"], 1),
            name,
            spread(rates[name], 1),
            spread(ratios, 1),
            share,
        )
