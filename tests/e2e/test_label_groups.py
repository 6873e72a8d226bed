"""Groups of a model's labels over HTTP, and a model whose file of groups is broken."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from program import ROOT, Service

INSTALLED = ROOT / ".deps/models/efficientnet_lite0"
PHOTO = ROOT / ".deps/samples/china.jpg"
GROUPS = {"groups": [{"name": "fish", "labels": ["tench", "goldfish"]}]}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with one model that has groups, and one of an earlier version, without."""
    if not INSTALLED.is_dir():
        pytest.skip("the starter model is not installed")
    folder = tmp_path / "models"
    for name in ("grouped", "plain"):
        shutil.copytree(INSTALLED, folder / name)
        document = json.loads((folder / name / "model.json").read_text())
        document.pop("groups", None)
        document["sha256"].pop("groups.json", None)
        if name == "grouped":
            content = json.dumps(GROUPS).encode()
            (folder / name / "groups.json").write_bytes(content)
            document["groups"] = "groups.json"
            document["sha256"]["groups.json"] = hashlib.sha256(content).hexdigest()
        (folder / name / "model.json").write_text(json.dumps(document))
    return folder


def test_groups_are_given_and_a_broken_file_costs_only_them(
    binary: Path, tmp_path: Path, models: Path
) -> None:
    service = Service(tmp_path / "data", program=binary, MODELS_DIR=str(models))
    try:
        answer = service.get("/models/grouped/groups")
        assert answer.status_code == 200
        assert answer.json() == {"model": "grouped"} | GROUPS
        missing = service.get("/models/plain/groups")
        assert missing.status_code == 404
        assert 'model "plain" has no groups of labels' in missing.json()["error"]
        assert 'there is no model "other"' in service.get("/models/other/groups").json()["error"]
        assert service.get("/models/..%2fmodels%2fgrouped/groups").status_code == 404

        (models / "grouped" / "groups.json").write_text('{"groups": []}')
        broken = service.get("/models/grouped/groups")
        assert broken.status_code == 404
        assert "groups.json: its SHA-256 is not the one in model.json" in broken.json()["error"]
        assert all("error" not in model for model in service.get("/models").json()["models"])
        key = service.upload(PHOTO, "china.jpg")
        for model in ("plain", "grouped"):
            assert service.wait(service.submit([key], model=model))["status"] == "completed"
        assert service.stop() == 0
    finally:
        service.kill()
    log = service.log.read_text()
    assert "model grouped is used without groups of labels: groups.json: its SHA-256" in log
    assert "model plain is used without" not in log
