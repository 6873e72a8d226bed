#!/usr/bin/env python3
"""Simulates the autoscaling of the ML service, as terraform/modules/ecs-cluster/autoscaling.tf sets
it, and simpler policies for comparison. docs/autoscaling.md has its output.

    python3 scripts/simulate-autoscaling.py [--rate IMAGES_PER_TASK_AND_SECOND] [--target MESSAGES]

Time advances in steps of 5 seconds. CloudWatch has the values of each minute at its end; a task
starts 90 seconds after the request; a removed task stops accepting work at once.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from autoscaling_policy import BACKLOG_PER_TASK, MINUTE, MOST_TASKS, POLICIES, Policy, Scaler

TICK = 5
START_SECONDS = 90
# Fargate in us-east-1, per hour: 2 vCPU at 0.04048 and 4 GB at 0.004445 dollars.
TASK_DOLLARS = 2 * 0.04048 + 4 * 0.004445


@dataclass(frozen=True)
class Load:
    name: str
    images: int  # total that arrive; 0: as many as the rate gives in `seconds`
    rate: Callable[[float], float] | None = None  # images a second at a time; None: all at once
    seconds: int = 0


def ramp(t: float) -> float:
    """From nothing to 1,000 images a second in 5 hours and 33 minutes: ten million in all."""
    return t / 20


def wave(t: float) -> float:
    return 150 + 120 * math.sin(2 * math.pi * t / (40 * MINUTE))


LOADS = (
    *(Load(f"burst of {n:,}", n) for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000)),
    Load("slow growth to 10,000,000", 10_000_000, ramp, 20_000),
    Load("steady 70/s for 4 hours", 0, lambda t: 70, 4 * 3600),
    Load("waves of 30 to 270/s for 8 hours", 0, wave, 8 * 3600),
)


@dataclass
class Result:
    drained: float = 0  # seconds from the end of the arrivals until nothing was left
    longest_wait: float = 0  # most seconds from an image's arrival to its result
    most_tasks: int = 0
    task_seconds: float = 0
    turns: int = 0  # from growing to shrinking and back

    @property
    def dollars(self) -> float:
        return self.task_seconds / 3600 * TASK_DOLLARS


@dataclass
class Service:
    scaler: Scaler
    starting: list[float] = field(default_factory=list)

    def running(self, now: float) -> int:
        return self.scaler.desired - sum(1 for ready in self.starting if ready > now)

    def minute(self, now: float, visible: float, busy: float, running: int) -> None:
        before = self.scaler.desired
        count = self.scaler.minute(now, visible, busy, running)
        self.starting += [now + START_SECONDS] * (count - before)
        self.starting = sorted(ready for ready in self.starting if ready > now)[:count]


def simulate(policy: Policy, load: Load, rate: float, target: float, most: int) -> Result:
    scaler = Scaler(policy, target, 1, most)
    service = Service(scaler)
    result = Result()
    backlog = float(load.images) if load.rate is None else 0.0
    now = worked = could = 0.0
    arrived, finished = [backlog], [0.0]
    end = load.seconds
    while now < end or backlog > 0 or scaler.desired > scaler.least:
        if load.rate and now < end:
            backlog += load.rate(now) * TICK
        running = service.running(now)
        done = min(backlog, running * rate * TICK)
        backlog -= done
        worked += done
        could += running * rate * TICK
        now += TICK
        result.task_seconds += scaler.desired * TICK
        result.most_tasks = max(result.most_tasks, scaler.desired)
        finished.append(finished[-1] + done)
        arrived.append(finished[-1] + backlog)
        if backlog > 0:
            result.drained = max(0.0, now - end)
        if now % MINUTE == 0:
            service.minute(now, backlog, worked / could if could else 0, running)
            worked = could = 0
    result.turns = max(0, len(scaler.directions) - 2)
    result.longest_wait = longest_wait(arrived, finished)
    return result


def longest_wait(arrived: list[float], finished: list[float]) -> float:
    """Both count images since the beginning, at each step; images are processed in order."""
    longest = end = 0
    for begin, count in enumerate(arrived):
        while end < len(finished) - 1 and finished[end] < count - 1e-6:
            end += 1
        longest = max(longest, end - begin)
    return float(longest * TICK)


def clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulates the autoscaling of the ML service.")
    parser.add_argument("--rate", type=float, default=30, help="images a second of a task (30)")
    parser.add_argument(
        "--target",
        type=float,
        default=BACKLOG_PER_TASK,
        help=f"messages for each task ({BACKLOG_PER_TASK})",
    )
    parser.add_argument("--most", type=int, default=MOST_TASKS, help=f"most tasks ({MOST_TASKS})")
    arguments = parser.parse_args()
    print("| load | policy | drained after | longest wait | most tasks | cost | turns |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for load in LOADS:
        for policy in POLICIES:
            got = simulate(policy, load, arguments.rate, arguments.target, arguments.most)
            print(
                f"| {load.name} | {policy.name} | {clock(got.drained)} | "
                f"{clock(got.longest_wait)} | {got.most_tasks} | ${got.dollars:.2f} | {got.turns} |"
            )


if __name__ == "__main__":
    main()
