"""The rules of the scaler on one machine, which are those of autoscaling.tf for AWS."""

from __future__ import annotations

import pytest
from autoscaling_policy import DEPLOYED, MINUTE, STEPS, Scaler

BUSY, IDLE = 0.9, 0.1


def scaler(desired: int = 1, most: int = 50) -> Scaler:
    return Scaler(DEPLOYED, 1000, 1, most, desired)


def minutes(it: Scaler, *seen: tuple[float, float], running: int | None = None) -> list[int]:
    """The desired tasks after each minute, given its messages and how busy the tasks are."""
    begin = len(it.visible)
    return [
        it.minute((begin + n) * MINUTE, visible, busy, it.desired if running is None else running)
        for n, (visible, busy) in enumerate(seen, 1)
    ]


@pytest.mark.parametrize(("least", "add"), STEPS)
def test_each_step_adds_its_tasks(least: int, add: int) -> None:
    assert minutes(scaler(), (least, BUSY)) == [1 + add]
    below = max((more for other, more in STEPS if other < least), default=0)
    assert minutes(scaler(), (least - 1, BUSY)) == [1 + below]


def test_steps_are_taken_again_each_minute_and_end_at_the_most() -> None:
    it = scaler(most=6)
    assert minutes(it, *[(400, BUSY)] * 4) == [3, 5, 6, 6]
    assert it.reason == "400 messages wait"


def test_backlog_of_each_task_counts_after_three_minutes() -> None:
    """With one task, the third minute requests as many as give 1,000 messages each."""
    it = scaler(most=100)
    assert minutes(it, *[(50_000, BUSY)] * 3, running=1) == [11, 21, 50]


def test_shrinking_waits_for_five_minutes_that_are_quiet_and_not_busy() -> None:
    assert minutes(scaler(3), *[(0, IDLE)] * 8) == [3, 3, 3, 3, 2, 1, 1, 1]
    assert minutes(scaler(3), *[(99, BUSY)] * 8) == [3] * 8
    assert minutes(scaler(3), *[(100, IDLE)] * 8) == [3] * 8
    assert minutes(scaler(3), *[(0, IDLE)] * 4, (150, IDLE), *[(0, IDLE)] * 4) == [3] * 9


def test_no_second_growth_within_the_cooldown() -> None:
    it = scaler()
    assert it.minute(MINUTE, 400, BUSY, 1) == 3
    assert it.minute(MINUTE + 30, 400, BUSY, 1) == 3
    assert it.minute(2 * MINUTE, 400, BUSY, 1) == 5
