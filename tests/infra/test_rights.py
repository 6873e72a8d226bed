"""The roles of the tasks, compared with the calls that the program really makes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import requests
from program import Service
from script_run import ROOT, Scripts
from terraform_fixtures import Resources, actions_of, applied, plugins

sys.path.insert(0, str(ROOT / "tests"))
aws_servers = pytest.importorskip("aws_servers", reason="tests/aws_servers.py is not here")
pytest.importorskip("moto", reason="moto is not installed (scripts/requirements-aws.txt)")

# IAM's actions for each operation; batches and transactions have no actions of their own.
ACTIONS = {
    "GetObject": {"s3:GetObject"},
    "HeadObject": {"s3:GetObject"},
    "PutObject": {"s3:PutObject"},  # by the signed upload URL
    "CopyObject": {"s3:GetObject", "s3:PutObject"},
    "DeleteObject": {"s3:DeleteObject"},
    "ListObjectsV2": {"s3:ListBucket"},
    "HeadBucket": {"s3:ListBucket"},
    "GetItem": {"dynamodb:GetItem"},
    "Query": {"dynamodb:Query"},
    "UpdateItem": {"dynamodb:UpdateItem"},
    "DeleteItem": {"dynamodb:DeleteItem"},
    "BatchGetItem": {"dynamodb:BatchGetItem"},
    "BatchWriteItem": {"dynamodb:BatchWriteItem"},
    "TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
    "SendMessageBatch": {"sqs:SendMessage"},
    "ReceiveMessage": {"sqs:ReceiveMessage"},
    "DeleteMessageBatch": {"sqs:DeleteMessage"},
    "ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
    "GetQueueAttributes": {"sqs:GetQueueAttributes"},
    "GetQueueUrl": {"sqs:GetQueueUrl"},
}
# Needed only for dead letters, slow images, or a message that is returned to the queue; and for
# what was seen, which is stored up to ten seconds later.
RARE = {"backend": {"GetQueueUrl", "ChangeMessageVisibilityBatch"}}
RARE["ml-service"] = {"GetQueueUrl", "ChangeMessageVisibilityBatch", "BatchWriteItem"}


def asked(url: str) -> set[str]:
    text = requests.get(f"{url}/metrics", timeout=10).text
    return set(re.findall(r'classifier_aws_calls_total\{operation="(\w+)"', text))


def test_every_operation_of_the_program_is_known() -> None:
    code = "".join(file.read_text() for file in (ROOT / "src/adapters/aws").rglob("*.cpp"))
    operations = set(re.findall(r'(?:call|request)\("([A-Z]\w+)"', code))
    assert operations - {"GetItem"}, "the operations are written in another way now"
    assert operations <= set(ACTIONS)
    transaction = set(re.findall(r'return \{\{"(Put|Update|Delete|ConditionCheck)"', code))
    assert transaction == {"Put", "Update", "Delete"}


def test_roles_are_what_the_program_needs(
    binary: Path, photos: dict[str, Path], applied: Resources, tmp_path: Path
) -> None:
    with aws_servers.emulator() as emulator:
        settings = aws_servers.created(emulator, "rights")
        backend = Service(tmp_path / "backend", "backend", **settings)
        worker = Service(tmp_path / "worker", "ml-service", **settings)
        try:
            scripts = Scripts(tmp_path)
            assert ", 0 failed" in scripts.run("test-api.sh", backend.url)
            assert ", 0 failed" in scripts.run("test-deployment.sh", backend.url)
            bad = backend.upload(b"no image", "bad.jpg")
            job = backend.submit([bad, "uploads/none.jpg"])
            assert backend.wait(job)["status"] == "failed"
            backend.post(f"/jobs/{job}/retry", {})
            backend.wait(job)
            gone = requests.delete(f"{backend.url}/jobs/{job}", timeout=10)
            assert gone.status_code == 200
            assert backend.get("/queue/dead-letters").status_code == 200
            assert requests.get(f"{worker.ml}/ready", timeout=10).status_code == 200
            did = {
                "backend": asked(backend.url) | {"PutObject"},
                "ml-service": asked(worker.ml),
            }
        finally:
            backend.kill()
            worker.kill()
    for service, operations in did.items():
        has = actions_of(applied, f'task["{service}"]')
        needs = {action for operation in operations for action in ACTIONS[operation]}
        may_need = {action for operation in RARE[service] for action in ACTIONS[operation]}
        assert needs <= has, f"{service} is refused {needs - has}"
        assert has <= needs | may_need, f"{service} never uses {has - needs - may_need}"
