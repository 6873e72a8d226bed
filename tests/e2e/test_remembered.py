"""What was seen is remembered: jobs are asked again, images are searched, copies are found."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from program import Service

STORE = "objects/distributed-classifier-input"


@pytest.fixture
def start(binary: Path, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    services: list[Service] = []

    def starter(**settings: str) -> Service:
        services.append(Service(tmp_path / "data", **settings))
        return services[-1]

    yield starter
    for service in services:
        if service.process.poll() is None:
            assert service.stop() == 0, service.log.read_text()


def ask(service: Service, keys: list[str], *labels: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"confidence_threshold": 0.0}
    if labels:
        fields |= {"job_type": "custom_classification", "custom_labels": list(labels)}
    job = service.submit(keys, **fields)
    service.wait(job)
    result: dict[str, Any] = service.get(f"/result/{job}").json()
    return result


def scores(result: dict[str, Any]) -> list[list[tuple[str, float]]]:
    return [
        [(p["label"], p["score"]) for p in row["all_predictions"]]
        for row in result["detailed_results"]
    ]


def indexed(service: Service, count: int) -> None:
    deadline = time.monotonic() + 60
    while (state := service.get("/index").json())["indexed"] != count or state["pending"] != 0:
        assert time.monotonic() < deadline, state
        time.sleep(0.1)


def found(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [result["key"] for result in answer.json()["results"]]


def test_a_second_question_looks_at_nothing(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    service = start(INDEX_UPLOADS="off")
    keys = [service.upload(photo, name) for name, photo in photos.items()]
    first = ask(service, keys, "cat", "dog", "bird")
    assert first["summary"]["reused"] == 0
    again = ask(service, keys, "cat", "dog", "bird")
    assert again["summary"]["reused"] == len(keys)
    assert scores(again) == scores(first)
    # The same content under another key is the same image.
    copy = service.upload(photos["owl.jpg"], "another name.jpg")
    assert ask(service, [copy], "cat", "bird")["summary"]["reused"] == 1
    # Other labels, another order, and a model of its own for ImageNet's classes.
    other = ask(service, keys, "hot dog", "parrot", "kite", "cat")
    assert other["summary"]["reused"] == len(keys)
    metrics = service.get("/metrics").text
    assert f"classifier_images_reused_total {2 * len(keys) + 1}\n" in metrics
    assert service.stop() == 0
    fresh = start(REMEMBER="off", INDEX_UPLOADS="off")
    expected = ask(fresh, keys, "hot dog", "parrot", "kite", "cat")
    assert expected["summary"]["reused"] == 0
    assert fresh.stop() == 0
    service.start()
    for remembered, seen in zip(scores(other), scores(expected), strict=True):
        assert [label for label, _ in remembered] == [label for label, _ in seen]
        for (_, a), (_, b) in zip(remembered, seen, strict=True):
            assert abs(a - b) < 0.002
    classes = ask(service, keys)
    assert classes["summary"]["reused"] == 0
    assert scores(ask(service, keys)) == scores(classes)


def test_a_restart_and_a_kill_forget_nothing(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    service = start(INDEX_UPLOADS="off")
    keys = [service.upload(photo, name) for name, photo in photos.items()]
    first = ask(service, keys, "cat", "dog")
    time.sleep(1)  # until it is stored
    service.kill()
    service = start(INDEX_UPLOADS="off")
    again = ask(service, keys, "cat", "dog")
    assert again["summary"]["reused"] == len(keys)
    assert scores(again) == scores(first)


def test_a_changed_file_is_noticed(start: Callable[..., Service], photos: dict[str, Path]) -> None:
    service = start()
    key = service.upload(photos["cat_720p.jpg"], "photo.jpg")
    assert ask(service, [key], "cat", "bird")["detailed_results"][0]["top_prediction"] == "cat"
    indexed(service, 1)
    # By another program, which tells nobody, and to another content of the same size.
    content = photos["owl.jpg"].read_bytes()
    content += b"\0" * max(0, photos["cat_720p.jpg"].stat().st_size - len(content))
    (service.data / STORE / key).write_bytes(content)
    changed = ask(service, [key], "cat", "bird")
    assert changed["detailed_results"][0]["top_prediction"] == "bird"
    assert changed["summary"]["reused"] == 0
    indexed(service, 1)
    bird = service.get("/search?q=an owl").json()["results"][0]
    cat = service.get("/search?q=a cat").json()["results"][0]
    assert bird["score"] > cat["score"]


def test_damage_costs_time_only(start: Callable[..., Service], photos: dict[str, Path]) -> None:
    service = start()
    keys = [service.upload(photo, name) for name, photo in photos.items()]
    first = ask(service, keys, "cat", "dog")
    indexed(service, len(keys))
    best = found(service.get("/search?q=a cat"))
    assert service.stop() == 0
    seen = service.data / "seen.sqlite"
    for damage in ("zeros", "cut", "gone", "a folder"):
        for file in service.data.glob("seen.sqlite*"):
            if damage == "zeros":
                file.write_bytes(b"\0" * file.stat().st_size)
            elif damage == "cut":
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            else:
                file.unlink()
        if damage == "a folder":
            (seen / "of somebody").mkdir(parents=True)
        for file in (service.data / "vectors").glob("*.vectors"):
            file.write_bytes(b"\0" * file.stat().st_size)
        service = start()
        again = ask(service, keys, "cat", "dog")
        assert scores(again) == scores(first), damage
        if damage == "a folder":
            assert service.get("/search?q=a cat").status_code == 422
            assert "nothing is remembered of images" in service.log.read_text()
        else:
            assert requests.post(service.url + "/index", timeout=60).status_code == 202
            indexed(service, len(keys))
            assert found(service.get("/search?q=a cat")) == best, damage
        assert service.stop() == 0


def test_another_model_of_the_same_name_sees_again(
    start: Callable[..., Service], photos: dict[str, Path], tmp_path: Path
) -> None:
    """Its graph is another file, with other results."""
    models = Path(
        os.environ.get("MODELS_DIR", Path(__file__).resolve().parents[2] / ".deps/models")
    )
    if not (models / "efficientnet_lite0").is_dir():
        pytest.skip(f"no models in {models}")
    shutil.copytree(models, tmp_path / "models")
    service = start(MODELS_DIR=str(tmp_path / "models"))
    keys = [service.upload(photo, name) for name, photo in photos.items()]
    ask(service, keys, "cat", "dog")
    time.sleep(1)
    assert service.stop() == 0
    document = tmp_path / "models/conse_efficientnet_lite0_minilm/model.json"
    changed = json.loads(document.read_text())
    changed["image"]["resize"]["interpolation"] = "bilinear"
    document.write_text(json.dumps(changed))
    service = start(MODELS_DIR=str(tmp_path / "models"), INDEX_UPLOADS="off")
    answer = service.get("/search?q=cat")
    assert answer.status_code == 409
    assert "nothing is indexed yet" in answer.json()["error"]
    assert ask(service, keys, "cat", "dog")["summary"]["reused"] == 0
    assert ask(service, keys, "cat", "dog")["summary"]["reused"] == len(keys)


def test_images_are_found_by_what_they_show(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    service = start()
    keys = {name: service.upload(photo, name) for name, photo in photos.items()}
    indexed(service, len(keys))
    for text, name in (
        ("a cat", "cat_720p.jpg"),
        ("an owl", "owl.jpg"),
        ("a hot dog", "hot_dog.jpg"),
    ):
        answer = service.get(f"/search?q={text}&limit=3").json()
        assert answer["results"][0]["key"] == keys[name], text
        assert len(answer["results"]) == 3
        assert answer["total"] == answer["indexed"] == len(keys)
        assert [r["score"] for r in answer["results"]] == sorted(
            (r["score"] for r in answer["results"]), reverse=True
        )
    # The filter is applied before the best are taken.
    owl = keys["owl.jpg"]
    assert found(service.get(f"/search?q=a cat&limit=1&prefix={owl}")) == [owl]
    assert found(service.get("/search?q=a cat&prefix=nothing/")) == []
    # An upload is found soon, and a deletion at once.
    late = service.upload(photos["parrot.jpg"], "late.jpg")
    deadline = time.monotonic() + 60
    while late not in found(service.get("/search?q=a parrot&limit=2")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert requests.delete(f"{service.url}/images/{late}", timeout=60).status_code == 200
    assert late not in found(service.get("/search?q=a parrot"))
    # Its like.
    like = found(service.get(f"/similar?key={keys['cat_720p.jpg']}"))
    assert keys["cat_720p.jpg"] not in like
    assert len(like) == len(keys) - 1
    answer = requests.post(
        service.url + "/similar?limit=1", data=photos["owl.jpg"].read_bytes(), timeout=60
    )
    assert found(answer) == [owl]


def test_what_cannot_be_searched(start: Callable[..., Service], photos: dict[str, Path]) -> None:
    service = start(INDEX_UPLOADS="off")
    assert found(service.get("/search?q=cat")) == []
    key = service.upload(photos["owl.jpg"], "owl.jpg")
    bad = service.upload(b"no image at all", "bad.jpg")
    nothing = service.get("/search?q=cat")
    assert nothing.status_code == 409
    assert nothing.json()["error"].startswith("nothing is indexed yet")
    for query in (
        "",
        "q=",
        "q=%20%0a",
        "q=%00",
        "q=%ff%fe",
        "q=" + "a" * 1_001,
        "q=cat&limit=0",
        "q=cat&limit=1001",
    ):
        assert service.get(f"/search?{query}").status_code == 400, query
    assert service.get("/similar").status_code == 400
    assert service.get("/similar?key=uploads/none.jpg").status_code == 404
    undecodable = service.get(f"/similar?key={bad}")
    assert undecodable.status_code in (415, 422), undecodable.text
    assert "not an image" in undecodable.json()["error"]
    for body in (b"", b"text", photos["owl.jpg"].read_bytes()[:500]):
        assert (
            400 <= requests.post(service.url + "/similar", data=body, timeout=60).status_code < 500
        )
    for query in ("min_similarity=2", "min_similarity=x", "limit=0", "next_token=x"):
        assert service.get(f"/duplicates?{query}").status_code == 400, query
    # What is not an image waits for nothing.
    assert requests.post(service.url + "/index", timeout=60).status_code == 202
    deadline = time.monotonic() + 60
    while service.get("/index").json()["busy"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    state = service.get("/index").json()
    assert (state["indexed"], state["total"], state["pending"]) == (1, 2, 0)
    assert found(service.get("/search?q=an owl")) == [key]


def test_nothing_is_remembered_where_nobody_wants_it(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    service = start(REMEMBER="off")
    key = service.upload(photos["owl.jpg"], "owl.jpg")
    for _ in range(2):
        assert ask(service, [key], "cat", "bird")["summary"]["reused"] == 0
    for path in ("/search?q=cat", f"/similar?key={key}", "/duplicates", "/index"):
        answer = service.get(path)
        assert answer.status_code == 422
        assert "REMEMBER=on" in answer.json()["error"]
    assert not (service.data / "seen.sqlite").exists()


def test_a_deleted_image_is_forgotten(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    service = start()
    one = service.upload(photos["owl.jpg"], "one.jpg")
    two = service.upload(photos["owl.jpg"], "two.jpg")
    indexed(service, 2)

    def remembered() -> int:
        with sqlite3.connect(service.data / "seen.sqlite") as database:
            count: int = database.execute("SELECT count(*) FROM seen").fetchone()[0]
        return count

    assert remembered() == 1
    assert requests.delete(f"{service.url}/images/{one}", timeout=60).status_code == 200
    time.sleep(2)
    assert remembered() == 1  # another image has the same content
    assert requests.delete(f"{service.url}/images/{two}", timeout=60).status_code == 200
    deadline = time.monotonic() + 60
    while remembered() > 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_copies_are_found(start: Callable[..., Service], photos: dict[str, Path]) -> None:
    service = start()
    original = photos["cat_720p.jpg"].read_bytes()
    keys = {
        name: service.upload(photo, name) for name, photo in photos.items() if "12mp" not in name
    }
    with Image.open(io.BytesIO(original)) as image:

        def saved(picture: Image.Image, quality: int) -> bytes:
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=quality)
            return out.getvalue()

        small = service.upload(saved(image.resize((640, 360)), 90), "small.jpg")
        poor = service.upload(saved(image, 30), "poor.jpg")
    again = service.upload(photos["owl.jpg"], "owl again.jpg")
    indexed(service, len(keys) + 3)
    groups = service.get("/duplicates").json()["groups"]
    by_kind = {group["kind"]: group for group in groups}
    assert set(by_kind) == {"identical", "similar"}, groups
    assert {i["key"] for i in by_kind["identical"]["images"]} == {keys["owl.jpg"], again}
    alike = by_kind["similar"]["images"]
    assert {i["key"] for i in alike} == {keys["cat_720p.jpg"], small, poor}
    # The best first, with the reason.
    assert alike[0]["key"] == keys["cat_720p.jpg"]
    assert (alike[0]["width"], alike[0]["height"]) == (1280, 720)
    assert all(i["similarity"] >= 0.95 for i in alike)
    # What is deleted is in no group.
    for key in (small, again):
        assert requests.delete(f"{service.url}/images/{key}", timeout=60).status_code == 200
    left = service.get("/duplicates").json()["groups"]
    assert [{i["key"] for i in group["images"]} for group in left] == [{keys["cat_720p.jpg"], poor}]
    # In pages.
    assert service.get("/duplicates?limit=1").json().get("next_token") is None


def test_folders_are_searched_without_a_service(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    folder = tmp_path / "my photos"
    folder.mkdir()
    for name, photo in photos.items():
        shutil.copy(photo, folder / name)
    shutil.copy(photos["owl.jpg"], folder / "owl again.jpg")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [binary, *arguments], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    best = run("search", "a cat", "--within", str(folder), "--limit", "1", "--format", "keys")
    assert best == f"{folder}/cat_720p.jpg\n"
    like = run("similar", str(folder / "owl.jpg"), "--within", str(folder), "--format", "keys")
    assert like.splitlines()[0] == f"{folder}/owl again.jpg"
    # A file that is named twice, by links or in other words, is no duplicate of itself.
    (folder / "a link.jpg").symlink_to("kite_and_cold.jpg")
    os.link(folder / "hot_dog.jpg", folder / "the same file.jpg")
    more = ("--within", str(folder / "parrot.jpg"), "--within", f"{folder}/../my photos")
    spare = run("duplicates", "--within", str(folder), *more, "--format", "keys").splitlines()
    assert len(spare) == 1
    assert spare[0].startswith(str(folder / "owl"))
    (folder / "a link.jpg").unlink()
    (folder / "the same file.jpg").unlink()
    # `classify` remembers by path, size and time, then by content.
    labels = ("--labels", "cat,bird", "--format", "json", "--threshold", "0")
    first = json.loads(run("classify", str(folder), *labels))
    assert first["summary"]["reused"] == len(photos) + 1  # the search has seen them
    (folder / "cat_720p.jpg").write_bytes(photos["owl.jpg"].read_bytes())
    changed = json.loads(run("classify", str(folder / "cat_720p.jpg"), *labels))
    assert changed["detailed_results"][0]["top_prediction"] == "bird"
    assert (
        json.loads(run("classify", str(folder), *labels, "--no-memory"))["summary"]["reused"] == 0
    )
    assert (tmp_path / "cache/distributed-classifier").stat().st_mode & 0o077 == 0


def test_forms_are_answered_from_memory_by_their_content(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    """A file of a form may have the name of a stored image, whose content is another one."""
    service = start(INDEX_UPLOADS="off")
    key = service.upload(photos["cat_720p.jpg"], "photo.jpg")
    ask(service, [key], "cat", "bird")

    def classify(content: bytes) -> dict[str, Any]:
        answer = requests.post(
            service.ml + "/classify",
            files={"file": (key, content)},
            data={"job_type": "custom_classification", "custom_labels": "cat, bird"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    owl = classify(photos["owl.jpg"].read_bytes())
    assert owl["detailed_results"][0]["top_prediction"] == "bird"
    assert owl["summary"]["reused"] == 0
    assert classify(photos["owl.jpg"].read_bytes())["summary"]["reused"] == 1
    assert classify(photos["cat_720p.jpg"].read_bytes())["summary"]["reused"] == 1


def test_killed_again_and_again_while_it_remembers(
    start: Callable[..., Service], photos: dict[str, Path]
) -> None:
    """Whatever moment it is: jobs end with the same answers, and search finds all images."""
    chosen = random.Random(4)
    service = start()
    with Image.open(photos["owl.jpg"]) as image:
        small = image.convert("RGB").resize((256, 256))
    keys = []
    for i in range(24):
        out = io.BytesIO()
        small.rotate(i * 10).save(out, "JPEG")
        keys.append(service.upload(out.getvalue(), f"{i}.jpg"))
    job = service.submit(keys, job_type="custom_classification", custom_labels=["cat", "bird"])
    for _ in range(5):
        time.sleep(chosen.uniform(0.05, 1.0))
        service.kill()
        service.start()
    assert service.wait(job)["status"] == "completed"
    indexed(service, len(keys))
    assert sorted(found(service.get("/search?q=a bird"))) == sorted(keys)
    assert ask(service, keys, "cat", "bird")["summary"]["reused"] == len(keys)
