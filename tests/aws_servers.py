"""Servers that replace AWS in tests: an emulator of all services, and, if they are installed,
an S3 that checks signatures and Amazon's DynamoDB Local.

    .deps/venv/bin/python tests/aws_servers.py COMMAND…

runs the command with the variables TEST_AWS_ENDPOINT, TEST_S3_ENDPOINT, TEST_S3_KEY,
TEST_S3_SECRET and TEST_DYNAMODB_ENDPOINT set for those that run, and exits with its exit code.
TEST_CONFLICTS_ENDPOINT is a DynamoDB that refuses overlapping writes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from conflict_proxy import conflict_proxy

ROOT = Path(__file__).resolve().parents[1]
EMULATOR = ROOT / "scripts/emulator.py"
VERSITYGW = ROOT / ".deps/bin/versitygw"
DYNAMODB = ROOT / ".deps/dynamodb-local"
START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, **settings: str) -> Iterator[None]:
    """Runs the server `command`; starts once it accepts connections on `port`."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=log, stderr=log, cwd=folder
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    output = log.read().decode(errors="replace")
                    raise RuntimeError(f"{command[0]} did not start: {output}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def emulator() -> Iterator[str]:
    """The address of an empty emulator of S3, SQS and DynamoDB."""
    port = free_port()
    with running([sys.executable, str(EMULATOR), "--port", str(port)], port):
        yield f"http://127.0.0.1:{port}"


def created(endpoint: str, name: str, **settings: str) -> dict[str, str]:
    """Creates buckets, queues and the table on the emulator; returns a service's variables."""
    output = subprocess.run(
        [ROOT / "scripts/init-localstack.sh", name],
        env=os.environ | {"AWS_ENDPOINT_URL": endpoint} | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    words = output.replace("export ", "").split()
    return dict(word.split("=", 1) for word in words)


@contextlib.contextmanager
def strict_s3() -> Iterator[dict[str, str]]:
    port = free_port()
    key, secret = "testaccesskey", "testsecretaccesskey"  # DynamoDB Local requires letters
    with tempfile.TemporaryDirectory() as folder:
        command = [str(VERSITYGW), "--port", f"127.0.0.1:{port}", "posix", folder]
        with running(command, port, ROOT_ACCESS_KEY=key, ROOT_SECRET_KEY=secret):
            yield {
                "TEST_S3_ENDPOINT": f"http://127.0.0.1:{port}",
                "TEST_S3_KEY": key,
                "TEST_S3_SECRET": secret,
            }


@contextlib.contextmanager
def dynamodb_local() -> Iterator[str]:
    port = free_port()
    command = ["java", f"-Djava.library.path={DYNAMODB}", "-cp", f"{DYNAMODB}/*"]
    command += ["com.amazonaws.services.dynamodbv2.local.main.ServerRunner"]
    with running([*command, "-inMemory", "-port", str(port)], port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def all_servers() -> Iterator[dict[str, str]]:
    """Variables for the tests, for the servers that can run here; prints which cannot."""
    with contextlib.ExitStack() as stack:
        variables: dict[str, str] = {}
        if importlib.util.find_spec("moto"):
            variables["TEST_AWS_ENDPOINT"] = stack.enter_context(emulator())
        else:
            print(
                "no emulator of AWS: moto is not installed (scripts/requirements-aws.txt)",
                file=sys.stderr,
            )
        if VERSITYGW.is_file():
            variables |= stack.enter_context(strict_s3())
        else:
            print(f"no S3 that checks signatures: {VERSITYGW} is not built", file=sys.stderr)
        if DYNAMODB.is_dir() and shutil.which("java"):
            variables["TEST_DYNAMODB_ENDPOINT"] = stack.enter_context(dynamodb_local())
        else:
            print(f"no DynamoDB Local: no java, or nothing in {DYNAMODB}", file=sys.stderr)
        if table := variables.get("TEST_DYNAMODB_ENDPOINT", variables.get("TEST_AWS_ENDPOINT")):
            variables["TEST_CONFLICTS_ENDPOINT"] = stack.enter_context(conflict_proxy(table)).url
        yield variables


def main() -> int:
    with all_servers() as variables:
        return subprocess.run(sys.argv[1:], env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
