#!/usr/bin/env python3
"""Simulates the autoscaling of the ML service, as terraform/modules/ecs-cluster/autoscaling.tf sets
it, and simpler policies beside it. docs/autoscaling.md has what it prints.

    python3 scripts/simulate-autoscaling.py [--rate IMAGES_PER_TASK_AND_SECOND] [--target MESSAGES]

Time goes in steps of 5 seconds. CloudWatch sees each minute's values at its end; a task starts 90
seconds after it is asked for; a task that is removed stops taking work at once.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, field

TICK = 5
MINUTE = 60
START_SECONDS = 90
COOLDOWN = 60
STEPS = ((50_300, 20), (10_300, 10), (1_300, 5), (300, 2))
IDLE_MESSAGES = 100
IDLE_CPU = 0.40
IDLE_MINUTES = 5
TRACKING_MINUTES = 3
TRACKING_IN_MINUTES = 15
# Fargate in us-east-1, per hour: 2 vCPU at 0.04048 and 4 GB at 0.004445 dollars.
TASK_DOLLARS = 2 * 0.04048 + 4 * 0.004445


@dataclass(frozen=True)
class Policy:
    """Which rules hold."""

    name: str
    steps: bool
    tracking: bool
    guarded: bool  # shrinks only while the tasks are not busy

    @property
    def tracking_in(self) -> bool:
        """Without steps, tracking shrinks too, as AWS does it: after 15 minutes below 90 %."""
        return self.tracking and not self.steps


POLICIES = (
    Policy("steps only", steps=True, tracking=False, guarded=False),
    Policy("backlog per task only", steps=False, tracking=True, guarded=False),
    Policy("both, shrinking by messages", steps=True, tracking=True, guarded=False),
    Policy("both, shrinking when not busy", steps=True, tracking=True, guarded=True),
)


@dataclass(frozen=True)
class Load:
    name: str
    images: int  # all that arrive; 0: as many as the rate gives in `seconds`
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
    longest_wait: float = 0  # seconds from an image's arrival to its result, at the worst
    most_tasks: int = 0
    task_seconds: float = 0
    turns: int = 0  # from growing to shrinking and back

    @property
    def dollars(self) -> float:
        return self.task_seconds / 3600 * TASK_DOLLARS


@dataclass
class Service:
    policy: Policy
    rate: float
    target: float
    least: int
    most: int
    desired: int = 1
    starting: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    running_at: list[int] = field(default_factory=list)
    last_out: float = -math.inf
    last_in: float = -math.inf
    directions: list[int] = field(default_factory=list)

    def running(self, now: float) -> int:
        return self.desired - sum(1 for ready in self.starting if ready > now)

    def want(self, count: int, now: float) -> None:
        count = max(self.least, min(self.most, count))
        if count > self.desired:
            self.starting += [now + START_SECONDS] * (count - self.desired)
            self.last_out = now
            self.turn(1)
        elif count < self.desired:
            self.last_in = now
            self.turn(-1)
        self.desired = count
        self.starting = sorted(ready for ready in self.starting if ready > now)[:count]

    def turn(self, direction: int) -> None:
        if not self.directions or self.directions[-1] != direction:
            self.directions.append(direction)

    def decide(self, now: float) -> None:
        """Once a minute, from the metrics so far. Of growing policies the largest wins."""
        visible = self.visible[-1]
        wanted = self.desired
        if now - self.last_out >= COOLDOWN:
            if self.policy.steps:
                add = next((add for least, add in STEPS if visible >= least), 0)
                wanted = max(wanted, self.desired + add)
            if self.policy.tracking:
                wanted = max(wanted, self.tracked())
        if wanted > self.desired:
            self.want(wanted, now)
            return
        if self.policy.tracking_in:
            recent = self.per_task(TRACKING_IN_MINUTES)
            low = len(recent) == TRACKING_IN_MINUTES and max(recent) < 0.9 * self.target
            if low and now - self.last_in >= 5 * MINUTE:
                self.want(math.ceil(self.desired * recent[-1] / self.target), now)
        elif self.quiet() and now - self.last_in >= COOLDOWN:
            self.want(self.desired - 1, now)

    def per_task(self, minutes: int) -> list[float]:
        pairs = zip(self.visible[-minutes:], self.running_at[-minutes:], strict=True)
        return [visible / running for visible, running in pairs if running > 0]

    def tracked(self) -> int:
        recent = self.per_task(TRACKING_MINUTES)
        if len(recent) < TRACKING_MINUTES or min(recent) <= self.target:
            return 0
        return math.ceil(self.running_at[-1] * recent[-1] / self.target)

    def quiet(self) -> bool:
        visible, busy = self.visible[-IDLE_MINUTES:], self.busy[-IDLE_MINUTES:]
        if len(visible) < IDLE_MINUTES or max(visible) >= IDLE_MESSAGES:
            return False
        return not self.policy.guarded or max(busy) < IDLE_CPU


def simulate(policy: Policy, load: Load, rate: float, target: float, most: int) -> Result:
    service = Service(policy, rate, target, 1, most)
    result = Result()
    backlog = float(load.images) if load.rate is None else 0.0
    now = worked = could = 0.0
    arrived, finished = [backlog], [0.0]
    end = load.seconds
    while now < end or backlog > 0 or service.desired > service.least:
        if load.rate and now < end:
            backlog += load.rate(now) * TICK
        running = service.running(now)
        done = min(backlog, running * rate * TICK)
        backlog -= done
        worked += done
        could += running * rate * TICK
        now += TICK
        result.task_seconds += service.desired * TICK
        result.most_tasks = max(result.most_tasks, service.desired)
        finished.append(finished[-1] + done)
        arrived.append(finished[-1] + backlog)
        if backlog > 0:
            result.drained = max(0.0, now - end)
        if now % MINUTE == 0:
            service.visible.append(backlog)
            service.busy.append(worked / could if could else 0)
            service.running_at.append(running)
            worked = could = 0
            service.decide(now)
    result.turns = max(0, len(service.directions) - 2)
    result.longest_wait = longest_wait(arrived, finished)
    return result


def longest_wait(arrived: list[float], finished: list[float]) -> float:
    """Both count images since the beginning, at each step; they are taken in their order."""
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
    parser.add_argument("--target", type=float, default=1000, help="messages for each task (1000)")
    parser.add_argument("--most", type=int, default=50, help="most tasks (50)")
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
