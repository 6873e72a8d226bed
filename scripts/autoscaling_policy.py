"""The number of ML tasks: the rules of terraform/modules/ecs-cluster/autoscaling.tf, and simpler
policies for comparison. Used by the simulation and by the load tests' scaler on one machine.

Times are in seconds of the policy's own clock, which may run faster than real time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

MINUTE = 60
COOLDOWN = 60
STEPS = ((50_300, 20), (10_300, 10), (1_300, 5), (300, 2))
IDLE_MESSAGES = 100
IDLE_CPU = 0.40
IDLE_MINUTES = 5
TRACKING_MINUTES = 3
TRACKING_IN_MINUTES = 15
BACKLOG_PER_TASK = 1000  # as in terraform/variables.tf
MOST_TASKS = 50


@dataclass(frozen=True)
class Policy:
    """The rules that apply."""

    name: str
    steps: bool
    tracking: bool
    guarded: bool  # shrinks only while the tasks are not busy

    @property
    def tracking_in(self) -> bool:
        """Without steps, tracking also shrinks, as on AWS: after 15 minutes below 90 %."""
        return self.tracking and not self.steps


DEPLOYED = Policy("both, shrinking when not busy", steps=True, tracking=True, guarded=True)
POLICIES = (
    Policy("steps only", steps=True, tracking=False, guarded=False),
    Policy("backlog per task only", steps=False, tracking=True, guarded=False),
    Policy("both, shrinking by messages", steps=True, tracking=True, guarded=False),
    DEPLOYED,
)


@dataclass
class Scaler:
    """Decides once a minute, from what CloudWatch saw in each minute so far."""

    policy: Policy
    target: float  # visible messages for each running task
    least: int
    most: int
    desired: int = 1
    reason: str = ""  # of the last change, for people
    visible: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)  # 0 to 1
    running_at: list[int] = field(default_factory=list)
    last_out: float = -math.inf
    last_in: float = -math.inf
    directions: list[int] = field(default_factory=list)

    def minute(self, now: float, visible: float, busy: float, running: int) -> int:
        """Adds the minute that ends now; returns the number of tasks desired from now on."""
        self.visible.append(visible)
        self.busy.append(busy)
        self.running_at.append(running)
        self.decide(now)
        return self.desired

    def want(self, count: int, now: float, reason: str) -> None:
        count = max(self.least, min(self.most, count))
        if count > self.desired:
            self.last_out = now
            self.turn(1)
        elif count < self.desired:
            self.last_in = now
            self.turn(-1)
        else:
            return
        self.desired = count
        self.reason = reason

    def turn(self, direction: int) -> None:
        if not self.directions or self.directions[-1] != direction:
            self.directions.append(direction)

    def decide(self, now: float) -> None:
        """If several policies grow, the largest count wins."""
        visible = self.visible[-1]
        wanted = self.desired
        if now - self.last_out >= COOLDOWN:
            if self.policy.steps:
                add = next((add for least, add in STEPS if visible >= least), 0)
                wanted = max(wanted, self.desired + add)
            if self.policy.tracking:
                wanted = max(wanted, self.tracked())
        if wanted > self.desired:
            self.want(wanted, now, f"{visible:.0f} messages wait")
            return
        if self.policy.tracking_in:
            recent = self.per_task(TRACKING_IN_MINUTES)
            low = len(recent) == TRACKING_IN_MINUTES and max(recent) < 0.9 * self.target
            if low and now - self.last_in >= 5 * MINUTE:
                count = math.ceil(self.desired * recent[-1] / self.target)
                self.want(count, now, "the backlog of each task is small")
        elif self.quiet() and now - self.last_in >= COOLDOWN:
            self.want(self.desired - 1, now, "few messages wait, and the tasks are not busy")

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
