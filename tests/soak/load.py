"""The clients of a soak run: everything that people do with the service, and misuse.

Everything that the service accepted is recorded with its expected result, and checked at the end.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from program import Service

FINAL = ("completed", "failed", "cancelled")
LABEL_SETS = [["cat", "coffee", "rocket", "person"], ["flower", "building", "vehicle", "animal"]]
BAD = "bad"  # stands for a file that is not an image
POOL = 60  # stored photos from which jobs choose
UNREACHABLE = (requests.ConnectionError, requests.Timeout)


class Wrong(AssertionError):
    """The service did something that it must not do."""


@dataclass
class Accepted:
    """A job that the service answered with 202."""

    job: str
    keys: list[str]
    photos: list[str]  # the photo under each key, by name, or BAD
    labels: tuple[str, ...]  # empty: ImageNet's
    may_be_cancelled: bool = False
    checked: bool = False


class Load:
    """Thread-safe; `act` is called by several clients at once."""

    def __init__(self, service: Service, photos: dict[str, Path], seed: int) -> None:
        self.service = service
        self.photos = photos
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.pool: dict[str, str] = {}  # key to photo; guarded by lock
        self.accepted: dict[str, Accepted] = {}  # guarded by lock
        self.expected: dict[tuple[str, tuple[str, ...]], str] = {}  # label of a photo
        self.counts: Counter[str] = Counter()  # guarded by lock
        # The number of unchecked jobs that use a key; guarded by lock.
        self.in_use: Counter[str] = Counter()
        self.actions: list[tuple[int, Callable[[], None]]] = [
            (20, self.upload),
            (14, self.submit_plain),
            (10, self.submit_custom),
            (10, self.look_at_job),
            (16, self.check_result),
            (6, self.look_around),
            (6, self.watch_events),
            (6, self.delete),
            (4, self.submit_bad),
            (4, self.cancel),
            (4, self.abort_upload),
            (2, self.dawdle),
            (2, self.leave_events),
        ]

    # Requests

    @contextlib.contextmanager
    def whole_unless_killed(self) -> Iterator[None]:
        """A truncated answer is an error, unless the service was killed meanwhile."""
        process = self.service.process
        try:
            yield
        except requests.exceptions.ChunkedEncodingError as error:
            time.sleep(1)  # until the killing thread has seen it end
            if self.service.process is process and process.poll() is None:
                raise Wrong(f"an answer was cut off: {error}") from error
            raise requests.ConnectionError(error) from error

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """An answer; while the service is restarted, it is delayed or lost."""
        with self.lock:
            self.counts["requests"] += 1
        with self.whole_unless_killed():
            answer = requests.request(method, self.service.url + path, timeout=60, **options)
        if answer.status_code >= 500 and answer.status_code != 503:
            raise Wrong(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer

    def insist(self, method: str, path: str, **options: Any) -> requests.Response:
        """Like a careful client: repeats the request until it is answered."""
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = self.call(method, path, **options)
                if answer.status_code != 503:
                    return answer
            except UNREACHABLE:
                with self.lock:
                    self.counts["refused"] += 1
            if time.monotonic() > deadline:
                raise Wrong(f"{method} {path} was not answered within two minutes")
            time.sleep(0.5)

    def ticket(self, name: str, kind: str) -> dict[str, str]:
        answer = self.insist("POST", "/upload-url", json={"filename": name, "content_type": kind})
        if answer.status_code != 200:
            raise Wrong(f"/upload-url: {answer.status_code} {answer.text}")
        ticket: dict[str, str] = answer.json()
        return ticket

    def put(self, name: str, content: bytes) -> str:
        kind = "image/png" if name.endswith(".png") else "image/jpeg"
        ticket = self.ticket(name, kind)
        target = urllib.parse.urlsplit(ticket["upload_url"])
        answer = self.insist(
            "PUT",
            f"{target.path}?{target.query}",
            data=content,
            headers={"Content-Type": kind},
        )
        if answer.status_code != 200:
            raise Wrong(f"an upload was refused: {answer.status_code} {answer.text}")
        return ticket["s3_key"]

    def submit(self, keys: list[str], photos: list[str], labels: tuple[str, ...]) -> Accepted:
        body: dict[str, object] = {
            "job_type": "custom_classification" if labels else "image_classification",
            "s3_keys": keys,
            "confidence_threshold": 0,
        }
        if labels:
            body["custom_labels"] = list(labels)
        # With the key, repeating the request after a lost answer gives the same job.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.insist("POST", "/submit", json=body, headers=headers)
        if answer.status_code != 202:
            raise Wrong(f"/submit: {answer.status_code} {answer.text}")
        accepted = Accepted(answer.json()["job_id"], keys, photos, labels)
        with self.lock:
            self.accepted[accepted.job] = accepted
            self.counts["jobs_accepted"] += 1
            self.counts["images_accepted"] += len(keys)
        return accepted

    # Verification

    def learn(self) -> None:
        """Records the labels of each photo before any faults."""
        keys = {name: self.put(name, file.read_bytes()) for name, file in self.photos.items()}
        self.pool = {key: name for name, key in keys.items()}
        for labels in [(), *map(tuple, LABEL_SETS)]:
            accepted = self.submit(list(keys.values()), list(keys), labels)
            self.service.wait(accepted.job, 600)
            for row in self.call("GET", f"/result/{accepted.job}").json()["detailed_results"]:
                if "error" in row:
                    raise Wrong(f"a photo of the set cannot be classified: {row}")
                self.expected[self.pool[row["s3_key"]], labels] = row["top_prediction"]
            accepted.checked = True

    def verify(self, accepted: Accepted) -> None:
        """A final job must have a row for each key, in order, with the right label or error."""
        result = self.insist("GET", f"/result/{accepted.job}").json()
        if result.get("status", "completed") == "cancelled" or "cancelled" in str(
            result.get("error")
        ):
            if not accepted.may_be_cancelled:
                raise Wrong(f"job {accepted.job} was cancelled, but not by a client")
            self.done_with(accepted)
            return
        rows = result["detailed_results"]
        if [row["s3_key"] for row in rows] != accepted.keys:
            raise Wrong(f"job {accepted.job} has rows that differ from its keys")
        for row, photo in zip(rows, accepted.photos, strict=True):
            right = self.expected.get((photo, accepted.labels))
            if (photo == BAD) != ("error" in row) or row.get("top_prediction") not in (right, None):
                raise Wrong(f"job {accepted.job}: {photo} should be {right}, but is {row}")
        bad = accepted.photos.count(BAD)
        summary = result["summary"]
        if (summary["total"], summary["failed"]) != (len(accepted.keys), bad):
            raise Wrong(f"job {accepted.job} has the summary {summary}, with {bad} bad files")
        self.done_with(accepted)

    def done_with(self, accepted: Accepted) -> None:
        """The job is not used again, and its photos may be deleted."""
        with self.lock:
            if not accepted.checked:
                accepted.checked = True
                self.in_use.subtract(accepted.keys)

    # Actions

    def act(self) -> None:
        """One action; failures because the service was killed meanwhile do not count."""
        with self.lock:
            weights = [weight for weight, _ in self.actions]
            action = self.random.choices(self.actions, weights)[0][1]
        try:
            action()
        except UNREACHABLE:
            with self.lock:
                self.counts["refused"] += 1

    def pick(self, most: int) -> tuple[list[str], list[str]]:
        """Some keys, which are not deleted from now on, and their photos."""
        with self.lock:
            keys = self.random.choices(list(self.pool), k=self.random.randint(1, most))
            self.in_use.update(
                keys
            )  # before the job is accepted, which may take as long as a restart
            return keys, [self.pool[key] for key in keys]

    def some_job(self, unchecked: bool = False) -> Accepted | None:
        """One of the last jobs, or of the first unchecked ones."""
        with self.lock:
            jobs = list(self.accepted.values())
        jobs = [job for job in jobs if not job.checked][:20] if unchecked else jobs[-50:]
        return self.random.choice(jobs) if jobs else None

    def upload(self) -> None:
        name = self.random.choice(list(self.photos))
        key = self.put(name, self.photos[name].read_bytes())
        with self.lock:
            self.pool[key] = name
            self.counts["uploads"] += 1

    def submit_plain(self) -> None:
        keys, photos = self.pick(6)
        self.submit(keys, photos, ())

    def submit_custom(self) -> None:
        keys, photos = self.pick(4)
        self.submit(keys, photos, tuple(self.random.choice(LABEL_SETS)))

    def submit_bad(self) -> None:
        key = self.put("bad.jpg", self.random.randbytes(2_000))
        keys, photos = self.pick(2)
        self.submit([*keys, key, "uploads/missing.jpg"], [*photos, BAD, BAD], ())

    def cancel(self) -> None:
        keys, photos = self.pick(8)
        accepted = self.submit(keys, photos, ())
        accepted.may_be_cancelled = True
        answer = self.insist("POST", f"/jobs/{accepted.job}/cancel")
        if answer.status_code not in (200, 409):
            raise Wrong(f"cancel: {answer.status_code} {answer.text}")

    def look_at_job(self) -> None:
        if (job := self.some_job()) is None:
            return
        status = self.call("GET", f"/status/{job.job}")
        if status.status_code == 200 and status.json()["total"] != len(job.keys):
            raise Wrong(f"job {job.job} lost images: {status.text}")
        if status.status_code not in (200, 503):
            raise Wrong(f"an accepted job is gone: {status.status_code} {status.text}")

    def check_result(self) -> None:
        if (job := self.some_job(unchecked=True)) is None:
            return
        if self.call("GET", f"/status/{job.job}").json().get("status") in FINAL:
            self.verify(job)

    def look_around(self) -> None:
        with self.lock:
            key = self.random.choice(list(self.pool))
        for path in ("/images?limit=50", "/jobs?limit=20", "/metrics", "/ready", "/models", "/"):
            self.call("GET", path)
        self.call("GET", f"/images/{urllib.parse.quote(key, safe='')}/thumbnail")

    def delete(self) -> None:
        """Deletes a photo that no running job uses; jobs of deleted photos are tested elsewhere."""
        with self.lock:
            free = [key for key in self.pool if self.in_use[key] <= 0]
            if len(self.pool) < POOL or not free:
                return
            chosen = self.random.sample(free, min(len(free), len(self.pool) - POOL // 2))
            for key in chosen:
                del self.pool[key]
        for key in chosen:
            answer = self.insist("DELETE", f"/images/{urllib.parse.quote(key, safe='')}")
            if answer.status_code not in (
                200,
                404,
            ):  # 404: the answer to the first attempt was lost
                raise Wrong(f"delete: {answer.status_code} {answer.text}")
            with self.lock:
                self.counts["deleted"] += 1

    def watch_events(self) -> None:
        keys, photos = self.pick(3)
        job = self.submit(keys, photos, ())
        text = self.call("GET", f"/events/{job.job}").text
        if text and "event: progress" not in text:
            raise Wrong(f"events without progress: {text[:200]}")

    def leave_events(self) -> None:
        """A client that leaves an event stream."""
        keys, photos = self.pick(6)
        job = self.submit(keys, photos, ())
        url = f"{self.service.url}/events/{job.job}"
        with self.whole_unless_killed(), requests.get(url, stream=True, timeout=60) as answer:
            next(answer.iter_content(16), b"")

    def raw(self) -> socket.socket:
        address = urllib.parse.urlsplit(self.service.url)
        try:
            return socket.create_connection((address.hostname, address.port), 10)
        except OSError as error:
            raise requests.ConnectionError(error) from None

    def abort_upload(self) -> None:
        """Uploads half a photo, then stops; this must not give a key."""
        ticket = self.ticket("half.jpg", "image/jpeg")
        target = urllib.parse.urlsplit(ticket["upload_url"])
        head = (
            f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: image/jpeg\r\nContent-Length: 500000\r\n\r\n"
        )
        with self.raw() as client:
            try:
                client.sendall(head.encode() + bytes(100_000))
            except OSError:
                return
        listed = self.call("GET", "/images", params={"prefix": ticket["s3_key"]}).json()
        if listed.get("images"):
            raise Wrong(f"half of an upload is listed: {listed}")

    def dawdle(self) -> None:
        """Sends a header a byte at a time, and reads as slowly."""
        with self.raw() as client:
            try:
                for byte in b"GET /jobs HTTP/1.1\r\nHost: x\r\n":
                    client.sendall(bytes([byte]))
                    time.sleep(0.1)
                client.sendall(b"\r\n")
                for _ in range(50):
                    if not client.recv(64):
                        return
                    time.sleep(0.05)
            except OSError:
                return
