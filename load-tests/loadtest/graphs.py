"""The graphs of a run, as small PNG files that are legible on a phone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from PIL import Image

from loadtest.figures import STATUS, SUBMIT, throughput_of
from loadtest.raw import Run

# Okabe and Ito's palette, for colour-blind readers too.
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#6b7280",
)
STYLE: Any = {
    "figure.figsize": (6.4, 3.9),
    "figure.dpi": 125,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.8,
    "axes.edgecolor": "#9ca3af",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2,
}
FEWEST_SAMPLES = 4  # with a number of workers, for its box to be drawn
COLOURS = 96  # of a PNG: enough for lines and their edges
TITLES = {
    "throughput": "Throughput against number of workers",
    "latency": "Latency",
    "autoscaling": "Queue and workers",
    "queue_depth": "Images in the queue",
    "request_rate": "Requests a second",
    "error_rate": "Failed and refused requests",
    "cpu_memory": "Processor and memory",
}


class Clock:
    """The time axis: seconds of short runs, minutes of long ones."""

    def __init__(self, run: Run) -> None:
        self.minutes = run.seconds > 900
        self.end = run.seconds
        # About forty points, at least one sample apart.
        self.bin = max(60.0 if self.minutes else 1.0, round(run.seconds / 40))

    def of(self, seconds: Any) -> Any:
        return seconds / 60 if self.minutes else seconds

    @property
    def label(self) -> str:
        return "Minutes since the load began" if self.minutes else "Seconds since the load began"

    def groups(self, times: pd.Series[float]) -> pd.Series[float]:
        return (times // self.bin + 0.5) * self.bin

    def spread(self, series: pd.Series[float]) -> pd.Series[float]:
        """With every bin, including empty ones."""
        bins = [(n + 0.5) * self.bin for n in range(int(self.end // self.bin))]
        return series.reindex(bins, fill_value=0)


def frame(run: Run, axes: Axes, clock: Clock) -> None:
    """The common parts of graphs over time: axis, end of the load, changes of the workers."""
    axes.set_xlabel(clock.label)
    axes.set_xlim(0, clock.of(max(run.seconds, 1)))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    end = clock.of(run.load_seconds)
    if run.load_seconds < run.seconds:
        axes.axvspan(end, clock.of(run.seconds), color="#f3f4f6", zorder=0)
    top = axes.get_xaxis_transform()
    # Steps are labelled with their number of workers.
    changes = run.scaling.iloc[:0] if run.about["steps"] else run.scaling
    for change in changes[changes.time >= 0].itertuples():
        colour = GREEN if change.after > change.before else PURPLE
        axes.axvline(clock.of(change.time), color=colour, linestyle=":", linewidth=1.3)
    for time, difference in together(changes, 0.05 * run.seconds):
        text = f"{difference:+d}"
        axes.text(clock.of(time), 1.005, text, transform=top, ha="center", va="bottom", fontsize=9)
    for step in run.about["steps"]:
        at = clock.of(step["begin"] - run.begin)
        axes.axvline(at, color=GREY, linestyle="--", linewidth=1)
        text = f" {step['workers']}×"
        axes.text(at, 1.005, text, transform=top, ha="left", va="bottom", fontsize=9)


def together(scaling: pd.DataFrame, gap: float) -> list[tuple[float, int]]:
    """When and by how much the workers changed; changes closer than the gap are merged."""
    found: list[tuple[float, int]] = []
    last = -gap
    for change in scaling[scaling.time >= 0].itertuples():
        difference = int(change.after - change.before)
        if found and change.time - last < gap and (difference > 0) == (found[-1][1] > 0):
            found[-1] = (found[-1][0], found[-1][1] + difference)
        else:
            found.append((float(change.time), difference))
        last = float(change.time)
    return found


def note(axes: Axes, text: str) -> None:
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True
    )


def line(
    axes: Axes, clock: Clock, series: pd.Series[float], colour: str, label: str, **more: Any
) -> None:
    if len(series):
        axes.plot(clock.of(series.index), series.values, color=colour, label=label, **more)


def legend(figure: Figure, *parts: Axes) -> None:
    """Below the graph, so that it hides nothing."""
    handles, labels = [], []
    for axes in parts:
        more, words = axes.get_legend_handles_labels()
        handles += more
        labels += words
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)))


def saturated(run: Run) -> pd.DataFrame:
    """Images a second and workers of all samples in which images waited."""
    table = run.series("throughput").rename("rate").reset_index()
    for metric, name in (("workers_running", "workers"), ("queue_visible", "waiting")):
        other = run.series(metric).rename(name).reset_index()
        table = pd.merge_asof(table, other, on="time")
    return table[(table.time >= 0) & (table.waiting > 0) & (table.workers > 0)]


def throughput(run: Run, figure: Figure) -> None:
    axes = figure.add_subplot()
    axes.set_ylabel("Images a second")
    steps = run.about["steps"]
    if steps:
        counts = [step["workers"] for step in steps]
        rates = [throughput_of(run, step["begin"], step["end"]) or 0 for step in steps]
        marks = axes.bar([str(count) for count in counts], rates, color=BLUE, width=0.55)
        axes.bar_label(marks, [f"{rate:,.{int(rate < 100)}f}" for rate in rates], padding=2)
        ideal = [rates[0] / counts[0] * count for count in counts]
        axes.plot(
            range(len(counts)), ideal, "o--", color=GREY, linewidth=1.3, label="in proportion"
        )
        cores = run.about["target"].get("cores")
        if cores and max(counts) > cores:
            label = f"this machine has {cores} processor cores"
            axes.axvline(
                sum(c <= cores for c in counts) - 0.5, color=RED, linestyle=":", label=label
            )
        axes.set_ylim(0, 1.15 * max([*rates, *ideal, 1]))
    else:
        both = saturated(run)
        if len(both):
            groups = [(count, table.rate) for count, table in both.groupby("workers")]
            groups = [group for group in groups if len(group[1]) >= FEWEST_SAMPLES] or groups
            axes.boxplot(
                [rates for _, rates in groups],
                tick_labels=[f"{count:.0f}" for count, _ in groups],
                widths=0.5,
                whis=(5, 95),
                showfliers=False,
                medianprops={"color": RED, "linewidth": 2},
            )
            axes.plot(
                [],
                [],
                color=RED,
                label="median while images waited; box: half of the samples, whiskers: 90 %",
            )
        axes.set_ylim(bottom=0)
    if not axes.has_data():
        note(axes, "images never had to wait, so the workers were not at their limit")
    axes.set_xlabel("Running workers (ML tasks)")
    axes.grid(axis="x", visible=False)
    legend(figure, axes)


def latency(run: Run, figure: Figure) -> None:
    clock = Clock(run)
    above, below = figure.subplots(2, 1, sharex=True)
    jobs = run.load_jobs[run.load_jobs.status == "completed"]
    seen = run.requests[(run.requests.name == STATUS) & (run.requests.time >= 0)]
    for axes, times, values, what in (
        (above, jobs.completed_at, jobs.completed_at - jobs.created_at, "Jobs, seconds"),
        (below, seen.time, seen.ms, "Status, ms"),
    ):
        groups = values.groupby(clock.groups(times))
        for share, colour in ((0.5, BLUE), (0.95, ORANGE), (0.99, RED)):
            line(axes, clock, groups.quantile(share), colour, f"p{share * 100:.0f}")
        axes.set_ylabel(what)
        frame(run, axes, clock)
        if not len(values):
            note(axes, "none")
    above.set_xlabel("")
    for text in list(below.texts):
        text.remove()  # once is enough
    legend(figure, above)


def autoscaling(run: Run, figure: Figure) -> None:
    clock = Clock(run)
    axes = figure.add_subplot()
    queue = run.series("queue_visible")
    line(axes, clock, queue, BLUE, "waiting images")
    axes.fill_between(clock.of(queue.index), queue.values, color=BLUE, alpha=0.12)
    axes.set_ylabel("Waiting images")
    workers = axes.twinx()
    workers.grid(visible=False)
    workers.spines["right"].set_visible(True)
    for metric, colour, label, style in (
        ("workers_running", ORANGE, "running workers", "-"),
        ("workers_desired", GREY, "desired workers", ":"),
    ):
        line(
            workers,
            clock,
            run.series(metric),
            colour,
            label,
            drawstyle="steps-post",
            linestyle=style,
        )
    workers.set_ylabel("Workers (ML tasks)")
    workers.yaxis.set_major_locator(MaxNLocator(integer=True))
    frame(run, axes, clock)
    running = run.series("workers_running")
    workers.set_ylim(0, 1.25 * max(2.0, float(running.max()) if len(running) else 0))
    legend(figure, axes, workers)


def queue_depth(run: Run, figure: Figure) -> None:
    clock = Clock(run)
    axes = figure.add_subplot()
    line(axes, clock, run.series("queue_visible"), BLUE, "waiting")
    line(axes, clock, run.series("queue_in_flight"), ORANGE, "in progress")
    axes.set_ylabel("Images")
    frame(run, axes, clock)
    legend(figure, axes)


def request_rate(run: Run, figure: Figure) -> None:
    clock = Clock(run)
    axes = figure.add_subplot()
    table = run.requests[(run.requests.time >= 0) & (run.requests.method != "JOB")]
    groups = clock.groups(table.time)
    for chosen, colour, label in (
        (table.name == SUBMIT, BLUE, "jobs submitted"),
        (table.name == STATUS, GREY, "status requests"),
        (table.name.str.startswith("GET /result"), GREEN, "results fetched"),
        (table.outcome == "refused", RED, "refused"),
    ):
        counts = chosen.groupby(groups).sum() / clock.bin
        if counts.sum() or label == "jobs submitted":
            line(axes, clock, clock.spread(counts), colour, label)
    axes.set_ylabel("Requests a second")
    frame(run, axes, clock)
    legend(figure, axes)


def error_rate(run: Run, figure: Figure) -> None:
    clock = Clock(run)
    axes = figure.add_subplot()
    table = run.requests[(run.requests.time >= 0) & (run.requests.method != "JOB")]
    groups = clock.groups(table.time)
    most = 0.0
    for outcome, colour, label in (
        ("error", RED, "failed"),
        ("refused", ORANGE, "refused: retry later"),
    ):
        share = clock.spread(100 * (table.outcome == outcome).groupby(groups).mean())
        line(axes, clock, share, colour, label)
        most = max(most, float(share.max()))
    axes.set_ylabel("% of requests")
    frame(run, axes, clock)
    axes.set_ylim(0, max(1.0, 1.15 * most))
    if most == 0:
        note(axes, f"none of {len(table):,} requests failed or was refused")
    legend(figure, axes)


def cpu_memory(run: Run, figure: Figure) -> None:
    clock = Clock(run)
    above, below = figure.subplots(2, 1, sharex=True)
    on_aws = bool(len(run.series("memory_percent")))
    memory = "memory_percent" if on_aws else "memory_mb"
    for axes, metric, what in (
        (above, "cpu_percent", "CPU, % of tasks" if on_aws else "CPU, % of a core"),
        (below, memory, "Memory, %" if on_aws else "Memory, MB"),
    ):
        for service, colour, label in (
            ("ml-service", BLUE, "workers (all)"),
            ("backend", ORANGE, "backend"),
        ):
            # Single samples are noisy, so a moving average.
            values = run.series(metric, service)
            if not on_aws:
                values = values.rolling(3, min_periods=1).mean()
            line(axes, clock, values, colour, label)
        axes.set_ylabel(what)
        if not axes.lines:
            note(axes, "not measured")
        frame(run, axes, clock)
    above.set_xlabel("")
    for text in list(below.texts):
        text.remove()
    legend(figure, above if above.get_legend_handles_labels()[0] else below)


DRAW: dict[str, Callable[[Run, Figure], None]] = {
    "throughput": throughput,
    "latency": latency,
    "autoscaling": autoscaling,
    "queue_depth": queue_depth,
    "request_rate": request_rate,
    "error_rate": error_rate,
    "cpu_memory": cpu_memory,
}


def save(figure: Figure, file: Path) -> None:
    """With few colours, which gives a third of the size."""
    plain = io.BytesIO()
    figure.savefig(plain, format="png")
    plain.seek(0)
    with Image.open(plain) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def draw_all(run: Run, folder: Path) -> dict[str, Path]:
    """The file of each graph."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    with plt.rc_context(STYLE):
        for name, draw in DRAW.items():
            figure = Figure(layout="constrained")
            draw(run, figure)
            figure.suptitle(TITLES[name], x=0.01, ha="left", fontsize=12, fontweight="bold")
            files[name] = folder / f"{name}.png"
            save(figure, files[name])
    return files
