"""The running API conforms to its description: each call is tried with valid and invalid values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from program import BINARY, Service
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DESCRIPTION = Path(__file__).resolve().parents[2] / "src/adapters/api/openapi.json"
PATHS = json.loads(DESCRIPTION.read_text())["paths"]
CALLS = [(method.upper(), path) for path, methods in PATHS.items() for method in methods]
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "15"))  # per call
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service at CLASSIFIER_URL, or a new one with an image and a finished job."""
    given = os.environ.get("CLASSIFIER_URL")
    if given:
        yield given.rstrip("/")
        return
    if not BINARY.is_file():
        pytest.skip(f"the program is not built: {BINARY} (run scripts/setup.sh)")
    service = Service(tmp_path_factory.mktemp("openapi") / "data")
    key = service.upload(b"not really an image", "some.jpg")
    service.wait(service.submit([key, "uploads/missing.jpg"]))
    yield service.url
    assert service.stop() == 0, service.log.read_text()


@pytest.fixture(scope="module")
def schema(api_url: str) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{api_url}/openapi.json")


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[f"{m} {p}" for m, p in CALLS])
def test_answers_as_described(schema: schemathesis.BaseSchema, method: str, path: str) -> None:
    operation = schema[path][method]

    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, timeout=30)

    check()


def test_what_is_served_is_what_is_described(api_url: str) -> None:
    served = requests.get(f"{api_url}/openapi.json", timeout=10).json()
    assert served["servers"] == [{"url": api_url}]
    assert set(served["paths"]) == set(PATHS)
