"""What clients submit and when: sizes and types of jobs, and their arrivals."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

# Share of jobs, least and most images.
SIZES = ((0.4, 1, 3), (0.5, 4, 10), (0.1, 11, 20))
IMAGES_PER_JOB = sum(share * (least + most) / 2 for share, least, most in SIZES)
LABEL_SETS = (
    ("cat", "dog", "bird", "horse"),
    ("food", "drink", "person", "animal", "building"),
    ("car", "bicycle", "boat", "plane", "train", "rocket"),
)


@dataclass
class Order:
    """A job that a client submits."""

    planned: float  # when it should be sent; seconds since the epoch
    body: dict[str, Any]
    key: str  # idempotency key: sent again, it is the same job
    tries: int = 0

    @property
    def images(self) -> int:
        return len(self.body["s3_keys"])


@dataclass
class Orders:
    """Makes random orders; the same seed makes the same ones."""

    keys: list[str]
    custom_share: float
    seed: int
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311

    def size(self) -> int:
        _, least, most = self.chance.choices(SIZES, [share for share, _, _ in SIZES])[0]
        return self.chance.randint(least, most)

    def make(self, planned: float) -> Order:
        body: dict[str, Any] = {
            "job_type": "image_classification",
            "s3_keys": self.chance.choices(self.keys, k=self.size()),
            "top_k": 5,
            "confidence_threshold": 0.5,
        }
        if self.chance.random() < self.custom_share:
            labels = list(self.chance.choice(LABEL_SETS))
            body |= {"job_type": "custom_classification", "custom_labels": labels}
        return Order(planned, body, str(uuid.UUID(int=self.chance.getrandbits(128), version=4)))


@dataclass
class Arrivals:
    """Jobs at a rate, regardless of earlier ones: an open workload.

    The profile has shares of the duration, and the share of the rate in each.
    """

    begin: float
    duration: float
    rate: float  # jobs a second
    profile: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    taken: int = 0

    def until(self, now: float) -> float:
        """The number of jobs that should have been sent by then."""
        left = max(0.0, min(now - self.begin, self.duration))
        jobs = 0.0
        for share, height in self.profile:
            part = min(left, share * self.duration)
            jobs += part * self.rate * height
            left -= part
        return jobs

    @property
    def total(self) -> int:
        return int(self.until(self.begin + self.duration))

    def take(self, now: float, _open_images: int) -> bool:
        """Whether a job is due; if so, the caller must send it."""
        due = self.taken < int(self.until(now))
        self.taken += due
        return due


@dataclass
class Backlog:
    """As many jobs as keep a number of images waiting, until the end, to saturate the service."""

    begin: float
    duration: float
    images: int
    taken: int = 0

    @property
    def total(self) -> int:
        return self.taken

    def take(self, now: float, open_images: int) -> bool:
        due = now < self.begin + self.duration and open_images < self.images
        self.taken += due
        return due
