"""Makes the graphs and the HTML page that reports the results of the runs."""

from __future__ import annotations

import argparse
import base64
import html
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loadtest.figures import Verdict, compute, judge, passed, processor_share
from loadtest.graphs import DRAW, TITLES, draw_all
from loadtest.kinds import KINDS
from loadtest.load import FINAL
from loadtest.raw import Run, latest_runs, read_run
from loadtest.scenario import LoadTestError

PAGE = Path(__file__).with_name("report.html")
KIND_OF_TARGET = {
    "aws": "a deployment on AWS",
    "server": "one server",
    "local": "a backend and workers on one machine, with files and SQLite",
    "emulator": "backends and workers on one machine, with an emulator of AWS",
}
BUSY = 0.6  # share of the processor: with less, the service was not the limit
LEGEND = (
    "<p class=when>In graphs over time the grey part is after the last job was sent. Dotted lines "
    "are changes of the number of workers, green for more and pink for fewer; dashed lines are "
    "steps with another number of workers.</p>"
)
HELP = {
    "throughput": "Twice the workers should do twice the images, as long as each has its own "
    "processors.",
    "latency": "p50, p95, p99: the longest time of half, 95 % and 99 % of them. Jobs: from "
    "acceptance to the last image. Status: the answer to a status request.",
    "autoscaling": "When the queue grows, workers should be added; when it is empty, removed.",
    "queue_depth": "A growing queue means that more images arrive than are finished.",
    "request_rate": "The requests of the clients.",
    "error_rate": "Refused is not a failure: the service said when to retry, and the clients did.",
    "cpu_memory": "All processes of a service together. Memory that only grows is a leak.",
}


@dataclass
class Part:
    """One scenario in the report."""

    run: Run
    figures: dict[str, float | None]
    verdicts: list[Verdict]
    graphs: dict[str, Path]

    @property
    def ok(self) -> bool:
        return passed(self.verdicts)


def escape(text: object) -> str:
    return html.escape(str(text))


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def badge(met: bool | None) -> str:
    kind, text = {
        True: ("pass", "pass"),
        False: ("fail", "FAIL"),
        None: ("none", "not measured"),
    }[met]
    return f'<span class="badge {kind}">{text}</span>'


def table(head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    def row(cells: list[str], kind: str) -> str:
        made = "".join(
            f"<{kind}{' class=number' if index in numbers else ''}>{cell}</{kind}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{made}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<div class=scroll><table>{row(head, 'th')}{body}</table></div>"


def image(part: Part, name: str) -> str:
    content = base64.b64encode(part.graphs[name].read_bytes()).decode()
    alt = f"{TITLES[name]} over the run of {part.run.about['title']}"
    return (
        f'<figure><img src="data:image/png;base64,{content}" alt="{escape(alt)}" '
        f'width="800" height="488"><figcaption>{escape(HELP[name])}</figcaption></figure>'
    )


def summary(parts: list[Part]) -> str:
    """The first thing to read: did everything pass, and if not, what was missed."""
    missed = [(part, v) for part in parts for v in part.verdicts if v.met is False]
    good = sum(part.ok for part in parts)
    if missed:
        lines = "".join(
            f"<li><b>{escape(part.run.about['title'])}</b>: {escape(v.title)}: "
            f"{escape(v.measured)}, wanted {escape(v.wanted)}</li>"
            for part, v in missed
        )
        text = f"<p>{good} of {len(parts)} scenarios passed. Missed:</p><ul>{lines}</ul>"
        return f'<section class="verdict fail"><h2>FAILED</h2>{text}</section>'
    met = sum(v.met is True for part in parts for v in part.verdicts)
    unknown = sum(v.met is None for part in parts for v in part.verdicts)
    more = f" {unknown} could not be measured." if unknown else ""
    scenarios = "1 scenario" if len(parts) == 1 else f"{len(parts)} scenarios"
    text = f"<p>{scenarios}, all {met} measured objectives met.{more}</p>"
    return f'<section class="verdict pass"><h2>PASSED</h2>{text}</section>'


def overview(parts: list[Part]) -> str:
    rows = []
    for part in parts:
        about = part.run.about
        jobs, lost = (part.figures[kind] or 0 for kind in ("jobs_accepted", "jobs_unaccounted"))
        kinds = ("throughput_most", "job_p95_s", "error_rate")
        rows.append(
            [
                badge(part.ok),
                f'<a href="#{part.run.name}">{escape(about["title"])}</a>',
                f"{jobs:,.0f}",
                f"{lost:,.0f}",
                *(number(part, kind) for kind in kinds),
            ]
        )
    head = [
        "Verdict",
        "Scenario",
        "Jobs",
        "Lost",
        "Best throughput",
        "95 % of jobs within",
        "Failed requests",
    ]
    return f"<section class=overview>{table(head, rows, (2, 3, 4, 5, 6))}{LEGEND}</section>"


def number(part: Part, figure: str) -> str:
    value = part.figures[figure]
    return "—" if value is None else escape(KINDS[figure].text(value))


def story(part: Part) -> str:
    """A summary in sentences."""
    run, figures = part.run, part.figures
    images, jobs = figures["images_done"] or 0, figures["jobs_accepted"] or 0
    sentences = [
        f"{jobs:,.0f} jobs with {images:,.0f} images were accepted in "
        f"{run.load_seconds:,.0f} seconds, and "
        + (
            "every one was finished."
            if not figures["jobs_unaccounted"]
            else f"<b>{figures['jobs_unaccounted']:,.0f} of them are not accounted for.</b>"
        )
    ]
    waiting = int((~run.jobs.status.isin(FINAL)).sum())
    if waiting:
        sentences.append(
            f"{waiting:,} were still in progress when the test stopped waiting for them."
        )
    if figures["capacity"]:
        sentences.append(
            f"Measured just before, the workers did {figures['capacity']:,.0f} images a second."
        )
    if figures["queue_peak"]:
        sentences.append(f"At most {figures['queue_peak']:,.0f} images waited.")
    if figures["drained_s"] is not None:
        sentences.append(
            f"The last job ended {figures['drained_s']:,.0f} seconds after the load did."
        )
    grown = run.scaling[(run.scaling.after > run.scaling.before) & (run.scaling.time >= 0)]
    if run.about["autoscaling"] == "active" and run.about["least_workers"]:
        sentences.append(
            f"Autoscaling added workers {len(grown)} times, up to {grown.after.max():,.0f}."
            if len(grown)
            else "Autoscaling had no reason to add workers."
        )
    if figures["refused"]:
        sentences.append(
            f"{figures['refused']:,.0f} times the service said that it was too busy and when to "
            "retry; the clients did so."
        )
    elif run.name == "queue_explosion":
        sentences.append("Nothing was refused: all jobs were queued.")
    return "<p>" + " ".join(sentences) + "</p>"


def limits(run: Run) -> str:
    """What the numbers of this run cannot show."""
    remarks = [str(text) for text in run.about["notes"]]
    if run.about["target"]["kind"] != "aws":
        cores = run.about["target"].get("cores")
        remarks.append(
            f"Clients and service shared one machine with {cores} processor cores: more workers "
            "than cores cannot do more, and times say nothing about AWS."
        )
        share = processor_share(run)
        if share is not None and share < BUSY:
            remarks.append(
                f"While images waited, the service got only {100 * share:.0f} % of the processor "
                "time that it could have used: other programs kept this machine busy, or the "
                "service waited for something else. Its times are not those of an idle machine."
            )
    if run.about["time_scale"] != 1 and run.about["autoscaling"] == "active":
        remarks.append(
            f"A minute of the autoscaling policy took {60 / run.about['time_scale']:.1f} seconds "
            f"({run.about['time_scale']:g} times faster); seconds of scaling in the objectives are "
            "the policy's. Its numbers of messages are those of AWS."
        )
    if run.about["target"]["kind"] == "emulator":
        remarks.append("The emulator of AWS is one slow process, and may limit the throughput.")
    return f'<p class="limits">{escape(" ".join(remarks))}</p>' if remarks else ""


def all_numbers(part: Part) -> str:
    rows = [
        [escape(kind.title), escape(kind.text(value))]
        for name, kind in KINDS.items()
        if (value := part.figures[name]) is not None
    ]
    return table(["Figure", "Value"], rows, (1,))


def calls(run: Run) -> str:
    rows = []
    load = run.requests[run.requests.time >= 0]
    for (method, name), group in load.groupby(["method", "name"]):
        shares = [f"{group.ms.quantile(share):,.0f}" for share in (0.5, 0.95, 0.99)]
        failed = str(int((group.outcome == "error").sum()))
        what = f"job: {name}" if method == "JOB" else name
        rows.append([escape(what), f"{len(group):,}", failed, *shares, f"{group.ms.max():,.0f}"])
    head = ["Call", "Answers", "Failed", "p50, ms", "p95, ms", "p99, ms", "Longest, ms"]
    return table(head, rows, (1, 2, 3, 4, 5, 6))


def scaling(run: Run) -> str:
    changes = run.scaling[run.scaling.time >= 0]
    if not len(changes):
        return ""
    rows = [
        [f"{row.time:,.1f}", f"{row.before:.0f} → {row.after:.0f}", escape(row.reason)]
        for row in changes.itertuples()
    ]
    return "<h4>Changes of the workers</h4>" + table(["Second", "Workers", "Why"], rows, (0,))


def raw_data(run: Run, reports: Path) -> str:
    where = os.path.relpath(run.folder, reports)
    links = [
        f'<a href="{escape(where)}/{file.name}">{file.name}</a> '
        f"({file.stat().st_size / 1024:,.0f} kB)"
        for file in sorted(run.folder.iterdir())
    ]
    return f"<p>{', '.join(links)}</p>"


def settings(run: Run) -> str:
    options = {key: value for key, value in run.about["options"].items() if value}
    rows = [
        [escape(key.replace("_", " ")), escape(value)]
        for key, value in (run.about["target"] | options).items()
    ]
    return table(["Setting", "Value"], rows)


def section(part: Part, reports: Path) -> str:
    run = part.run
    about = run.about
    objectives = table(
        ["Verdict", "Objective", "Measured", "Wanted"],
        [
            [badge(v.met), escape(v.title), escape(v.measured), escape(v.wanted)]
            for v in part.verdicts
        ],
        (2, 3),
    )
    order = [*about["graphs"], *(name for name in DRAW if name not in about["graphs"])]
    graphs = "".join(image(part, name) for name in order)
    where = KIND_OF_TARGET[about["target"]["kind"]]
    return f"""
<section class="scenario" id="{run.name}">
<h2>{escape(about["title"])} {badge(part.ok)}</h2>
<p class="question">{escape(about["question"])}</p>
<p class="when">{moment(run.begin)} · {escape(where)}</p>
{story(part)}
{objectives}
{limits(run)}
<div class="graphs">{graphs}</div>
<details><summary>All numbers, settings and raw data</summary>
<h4>Numbers</h4>{all_numbers(part)}
<h4>Calls</h4>{calls(run)}
{scaling(run)}
<h4>Settings</h4>{settings(run)}
<h4>Raw data</h4>{raw_data(run, reports)}
</details>
</section>"""


def make(results: Path, reports: Path) -> tuple[Path, list[Part]]:
    folders = latest_runs(results)
    if not folders:
        raise LoadTestError(f"there is nothing to report in {results}: scripts/run-load-test.sh")
    parts = []
    for folder in folders:
        run = read_run(folder)
        figures = compute(run)
        graphs = draw_all(run, reports / run.name)
        parts.append(Part(run, figures, judge(run, figures), graphs))
    page = PAGE.read_text()
    body = summary(parts) + overview(parts) + "".join(section(part, reports) for part in parts)
    newest = max(part.run.begin for part in parts)
    page = page.replace("{{when}}", moment(newest)).replace("{{body}}", body)
    file = reports / "report.html"
    file.write_text(page)
    return file, parts


def main() -> int:
    parser = argparse.ArgumentParser(prog="generate-report.sh", description=__doc__)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--reports", type=Path, required=True)
    options = parser.parse_args()
    try:
        file, parts = make(options.results, options.reports)
    except (LoadTestError, OSError) as error:
        print(f"generate-report.sh: {error}", file=sys.stderr)
        return 1
    for part in parts:
        print(f"{'PASSED' if part.ok else 'FAILED'}  {part.run.name}  {part.run.folder}")
    print(f"report: {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
