"""Fixtures for tests that start processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from program import BINARY, SHARED, Service


@pytest.fixture(scope="session")
def binary() -> Path:
    if not BINARY.is_file():
        pytest.skip(f"the program is not built: {BINARY} (run scripts/setup.sh)")
    return BINARY


@pytest.fixture(autouse=True)
def empty_memory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands would otherwise answer from what other tests, or the user, have asked before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def service(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service") / "data")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture(scope="session")
def photos() -> dict[str, Path]:
    """Real photos by name: from ../shared, or the samples from packages."""
    folder = SHARED / "photos"
    if not folder.is_dir():
        pytest.skip(f"the photos are not at {folder}")
    return {file.name: file for file in sorted(folder.iterdir())}
