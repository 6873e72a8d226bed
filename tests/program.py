"""Runs the real program with an empty data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
BINARY = Path(os.environ.get("CLASSIFIER_BIN", ROOT / "build/release/classifier"))


class Service:
    """A running `classifier serve`, `backend` or `ml-service`, on its own ports."""

    def __init__(
        self, data: Path, role: str = "serve", program: Path | str = BINARY, **settings: str
    ) -> None:
        self.program = program
        self.role = role
        self.data = data
        self.settings = settings
        self.log = data.parent / f"{data.name}.log"
        self.start()

    def start(self) -> None:
        ports = {"PORT": "0", "ML_PORT": "0", "DASHBOARD_PORT": "0"}
        self.log.write_text("")
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self.program, self.role],
                env=os.environ | ports | {"DATA_DIR": str(self.data)} | self.settings,
                stderr=log,
                stdout=log,
            )
        deadline = time.monotonic() + 60
        told_last = "API at" if self.role == "backend" else "ML service at"
        while told_last not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start: {self.log.read_text()}")
            time.sleep(0.02)
        words = self.log.read_text().split()
        urls = [word.rstrip(",") for word in words if word.startswith(("http://", "https://"))]
        self.url, self.ml = urls[0], urls[-1]
        self.page = urls[-2] if self.role == "serve" else self.url

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def peak_kb(self) -> int:
        """Its peak memory so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def get(self, path: str, **options: object) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)  # type: ignore[arg-type]

    def post(self, path: str, body: object, **options: object) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=60, **options)  # type: ignore[arg-type]

    def upload(self, file: Path | bytes, name: str, content_type: str = "image/jpeg") -> str:
        content = file if isinstance(file, bytes) else file.read_bytes()
        ticket = self.post("/upload-url", {"filename": name, "content_type": content_type}).json()
        answer = requests.put(
            ticket["upload_url"], data=content, headers={"Content-Type": content_type}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return str(ticket["s3_key"])

    def submit(self, keys: list[str], **fields: object) -> str:
        body = {"job_type": "image_classification", "s3_keys": keys} | fields
        answer = self.post("/submit", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def wait(self, job: str, seconds: float = 120) -> dict[str, object]:
        deadline = time.monotonic() + seconds
        while True:
            status: dict[str, object] = self.get(f"/status/{job}").json()
            if status["status"] in ("completed", "failed", "cancelled"):
                return status
            assert time.monotonic() < deadline, f"the job did not end: {status}"
            time.sleep(0.05)
