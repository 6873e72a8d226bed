"""The catalogue: the user's names, lists, jobs by rule, and what happens behind its back."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_servers
import pytest
import requests
from PIL import Image
from program import Service

MODEL = "efficientnet_lite0"
STRANGE = [
    "Ferien 2024/Été/IMG_0001.jpg",
    "../../etc/passwd.jpg",
    "a\nb/c\td.jpg",
    "x" * 500 + "/" + "y" * 495 + ".jpg",
    "cafe\u0301.jpg",  # NFD
    'quotes "and", commas;.jpg',
    "=1+1.jpg",
]


@pytest.fixture
def catalogue(binary: Path, tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data")
    assert "complete" not in listed(service), "an empty folder needs no scan in the background"
    yield service
    assert service.stop() == 0, service.log.read_text()


def input_folder(data: Path) -> Path:
    return data / "objects/distributed-classifier-input"


def upload(service: Service, content: bytes, path: str, batch: str = "") -> str:
    fields = {"filename": "photo.jpg", "content_type": "image/jpeg", "path": path, "batch": batch}
    ticket = service.post("/upload-url", fields).json()
    answer = requests.put(
        ticket["upload_url"], data=content, headers={"Content-Type": "image/jpeg"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return str(ticket["s3_key"])


def listed(service: Service, query: str = "order=key") -> dict[str, Any]:
    answer = service.get(f"/images?{query}")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def all_keys(service: Service) -> list[str]:
    keys: list[str] = []
    while True:
        page = listed(service, f"order=key&fields=key&offset={len(keys)}")
        keys += [image["key"] for image in page["images"]]
        if len(keys) >= page["total"] or not page["images"]:
            return keys


def wait_until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def on_disk(data: Path) -> list[str]:
    root = input_folder(data)
    files = [path.relative_to(root).as_posix() for path in root.rglob("*.jpg") if path.is_file()]
    return sorted((name for name in files if not name.startswith(".tmp/")), key=str.encode)


def wait_for_keys(service: Service, keys: list[str]) -> None:
    wait_until(lambda: all_keys(service) == keys, "the list differs from the folder")


def wait_until_read(service: Service) -> None:
    """Until the content of every image is known."""
    wait_until(
        lambda: all("sha256" in image for image in listed(service)["images"]), "some are not read"
    )


def small_jpeg(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 12), (number % 256, number // 256 % 256, 0)).save(file, "JPEG")
    return file.getvalue()


def test_the_users_names_come_back_everywhere(
    catalogue: Service, photos: dict[str, Path], tmp_path: Path
) -> None:
    content = photos["pets.jpg"].read_bytes()
    keys = {upload(catalogue, content, path, "summer"): path for path in STRANGE}
    images = listed(catalogue, "batch=summer&order=oldest")
    assert images["total"] == len(STRANGE)
    assert [image["name"] for image in images["images"]] == STRANGE
    assert {image["name"] for image in catalogue.get("/images").json()["images"]} == set(STRANGE)
    with Image.open(photos["pets.jpg"]) as picture:
        size = picture.size
    for image in images["images"]:
        assert (image["width"], image["height"]) == size
        assert image["content_type"] == "image/jpeg"
    folders = {entry["folder"] for entry in catalogue.get("/folders").json()["folders"]}
    assert folders == {path.rpartition("/")[0] for path in STRANGE}
    # Names never lead anywhere: all files are below the store's own folder for uploads.
    assert {Path(key).parts[0] for key in on_disk(catalogue.data)} == {"uploads"}

    job = catalogue.post(
        "/submit",
        {"job_type": "image_classification", "images": {"batch": "summer"}, "model": MODEL},
    ).json()["job_id"]
    catalogue.wait(job)
    rows = catalogue.get(f"/result/{job}").json()["detailed_results"]
    assert {row["s3_key"]: row["name"] for row in rows} == keys
    # A deleted photo keeps its name in the results.
    assert requests.delete(f"{catalogue.url}/images/{rows[0]['s3_key']}", timeout=60).ok
    table = list(csv.DictReader(io.StringIO(catalogue.get(f"/result/{job}.csv").text, newline="")))
    formula = {"=1+1.jpg": "'=1+1.jpg"}  # which a spreadsheet must not run
    assert {row["s3_key"]: row["name"] for row in table} == {
        key: formula.get(name, name) for key, name in keys.items()
    }


def test_search_orders_and_windows(catalogue: Service) -> None:
    for number in range(25):
        upload(catalogue, small_jpeg(number), f"Strände/Bild {number}.jpg", "b")
    assert listed(catalogue, "q=STRANDE")["total"] == 25
    assert listed(catalogue, "q=bild%201")["total"] == 11  # 1, and 10 to 19
    assert listed(catalogue, "q=nichts") | {"version": ""} == {
        "images": [],
        "total": 0,
        "offset": 0,
        "version": "",
    }
    names = [image["name"] for image in listed(catalogue, "order=name&fields=name")["images"]]
    assert names == [f"Strände/Bild {number}.jpg" for number in range(25)]
    newest = listed(catalogue, "order=newest&offset=3&limit=2&fields=name")
    assert newest["images"] == [{"name": f"Strände/Bild {number}.jpg"} for number in (21, 20)]
    assert listed(catalogue, "offset=1000000")["images"] == []
    for query in ("order=sideways", "offset=-1", "fields=secret", "taken_from=yesterday"):
        answer = catalogue.get(f"/images?{query}")
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in answer.json()["error"]


def test_an_unchanged_list_costs_nothing(catalogue: Service) -> None:
    upload(catalogue, small_jpeg(1), "a.jpg")
    first = catalogue.get("/images?order=newest")
    version = first.json()["version"]
    same = catalogue.get("/images?order=newest", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert listed(catalogue, f"since={version}") == {
        "images": [],
        "unchanged": True,
        "total": 1,
        "version": version,
    }
    upload(catalogue, small_jpeg(2), "b.jpg")
    assert listed(catalogue, f"since={version}")["total"] == 2
    assert "unchanged" not in listed(catalogue, f"since={version}")


def test_what_others_do_to_the_folder_is_seen(catalogue: Service, tmp_path: Path) -> None:
    folder = input_folder(catalogue.data)
    wait_until(lambda: "complete" not in listed(catalogue), "the first scan")
    (folder / "one.jpg").write_bytes(small_jpeg(1))
    assert all_keys(catalogue) == ["one.jpg"]
    # Many at once, in new folders, and as a folder that is moved in.
    for number in range(3_000):
        file = folder / f"2024/{number % 30}/{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(small_jpeg(number))
    ready = tmp_path / "data" / "objects" / "moved"
    ready.mkdir()
    for number in range(50):
        (ready / f"{number}.jpg").write_bytes(small_jpeg(number))
    ready.rename(folder / "moved")
    wait_until(lambda: all_keys(catalogue) == on_disk(catalogue.data), "what was added")
    assert len(all_keys(catalogue)) == 3_051
    # All of them are read as well.
    wait_until(
        lambda: all("width" in image for image in listed(catalogue, "folder=moved")["images"]),
        "what was moved in is not read",
    )
    shutil.rmtree(folder / "2024/7")
    (folder / "one.jpg").unlink()
    (folder / "moved/3.jpg").rename(folder / "moved/three.jpg")
    (folder / "moved/4.jpg").write_bytes(small_jpeg(4_000) + b"more")
    wait_until(lambda: all_keys(catalogue) == on_disk(catalogue.data), "what was removed")
    four = listed(catalogue, "prefix=moved/4.jpg&order=key")["images"][0]
    assert four["size"] == len(small_jpeg(4_000)) + 4


def test_a_restored_database_is_brought_up_to_date(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    service = Service(data)
    gone = [upload(service, small_jpeg(number), f"{number}.jpg") for number in range(20)]
    assert service.stop() == 0
    copy = tmp_path / "yesterday.sqlite"
    shutil.copy(data / "jobs.sqlite", copy)
    service = Service(data)
    for key in gone[:10]:
        assert requests.delete(f"{service.url}/images/{key}", timeout=60).ok
    for number in range(20, 40):
        upload(service, small_jpeg(number), f"{number}.jpg")
    version = listed(service)["version"]
    assert service.stop() == 0
    shutil.copy(copy, data / "jobs.sqlite")
    service = Service(data)
    wait_until(lambda: all_keys(service) == on_disk(data), "the restored catalogue")
    assert listed(service)["version"] != version
    # Names that the copy had are there; the others are gone with the database, and are the keys.
    names = {image["key"]: image["name"] for image in listed(service)["images"]}
    assert [names.pop(key) for key in gone[10:]] == [f"{number}.jpg" for number in range(10, 20)]
    assert all(key == name for key, name in names.items())
    assert service.stop() == 0, service.log.read_text()


def test_a_data_folder_without_a_catalogue(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    data = tmp_path / "data"
    folder = input_folder(data) / "uploads"
    folder.mkdir(parents=True)
    for number in range(2_000):
        (folder / f"{number:04}.jpg").write_bytes(small_jpeg(number))
    service = Service(data)
    # From the first moment on nothing is missing in the list by key.
    assert len(service.get("/images?limit=1000").json()["images"]) == 1_000
    wait_until(lambda: "complete" not in listed(service), "the first scan")
    assert all_keys(service) == on_disk(data)
    assert service.stop() == 0, service.log.read_text()


def test_two_processes_on_one_folder(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    services = [Service(data, "backend"), Service(data, "backend")]

    def work(number: int) -> None:
        service = services[number % 2]
        keys = [upload(service, small_jpeg(i), f"{number}/{i}.jpg") for i in range(40)]
        for key in keys[::4]:
            assert requests.delete(f"{services[(number + 1) % 2].url}/images/{key}", timeout=60).ok

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = on_disk(data)
    assert len(files) == 4 * 30
    for service in services:
        wait_for_keys(service, files)
        wait_until_read(service)
        assert service.get("/folders").json()["folders"] == [
            {"folder": str(number), "images": 30} for number in range(4)
        ]
        assert service.stop() == 0, service.log.read_text()


def test_killed_at_random_while_photos_come_and_go(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    chance = random.Random(5)
    for _ in range(5):
        service = Service(data)
        stopped = threading.Event()

        def work(service: Service = service, stopped: threading.Event = stopped) -> None:
            number = 0
            while not stopped.is_set():
                try:
                    key = upload(service, small_jpeg(number), f"n/{number}.jpg")
                    if number % 3 == 0:
                        requests.delete(f"{service.url}/images/{key}", timeout=60)
                except (requests.RequestException, AssertionError):
                    return
                number += 1

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.2, 1.0))
        service.kill()
        stopped.set()
        for thread in threads:
            thread.join()
        service = Service(data)
        wait_for_keys(service, on_disk(data))
        names = {image["name"] for image in listed(service)["images"]}
        assert all(name.startswith("n/") for name in names), names
        assert service.stop() == 0, service.log.read_text()


@pytest.fixture(scope="module")
def many(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 20,000 images in its catalogue."""
    data = tmp_path_factory.mktemp("many") / "data"
    folder = input_folder(data) / "all"
    folder.mkdir(parents=True)
    (folder / "0.jpg").write_bytes(b"no image")
    for number in range(1, 20_000):
        os.link(folder / "0.jpg", folder / f"{number}.jpg")
    service = Service(data, "backend")
    wait_until(lambda: "complete" not in listed(service), "the first scan", 120)
    assert service.stop() == 0, service.log.read_text()
    return data


def submit_all(service: Service) -> requests.Response:
    return service.post("/submit", {"job_type": "image_classification", "images": {"all": True}})


def test_a_job_by_rule_is_accepted_whole_or_not_at_all(many: Path) -> None:
    chance = random.Random(3)
    accepted = 0
    for _ in range(6):
        service = Service(many, "backend")
        before = service.get("/jobs").json()["total"]

        def submit(service: Service = service) -> None:
            with contextlib.suppress(requests.RequestException):
                submit_all(service)

        thread = threading.Thread(target=submit)
        thread.start()
        time.sleep(chance.uniform(0.0, 0.6))
        service.kill()
        thread.join()
        service = Service(many, "backend")
        jobs = service.get("/jobs").json()
        assert jobs["total"] in (before, before + 1)
        accepted += jobs["total"] - before
        for job in jobs["jobs"]:
            assert job["num_images"] == 20_000
        assert service.stop() == 0, service.log.read_text()
    service = Service(many, "backend")
    answer = submit_all(service)
    assert answer.status_code == 202, answer.text
    assert "20000 images" in answer.json()["message"]
    assert service.stop() == 0, service.log.read_text()
    # Nothing is left of those that were not accepted.
    with sqlite3.connect(many / "jobs.sqlite") as database:
        assert database.execute("SELECT count(*) FROM job_drafts").fetchone() == (0,)
        rows = database.execute("SELECT count(*) FROM images").fetchone()
        assert rows == (20_000 * (accepted + 1),)
        keys = [key for (key,) in database.execute("SELECT DISTINCT key FROM images")]
    assert sorted(keys) == sorted(f"all/{number}.jpg" for number in range(20_000))


def test_rules_that_are_wrong_are_refused(catalogue: Service) -> None:
    upload(catalogue, small_jpeg(1), "a/b.jpg")
    for images, words in [
        ({}, "selects nothing"),
        ({"all": False}, "selects nothing"),
        ({"all": True, "folder": "a"}, "leave one out"),
        ({"foldr": "a"}, "images has foldr"),
        ({"folder": 7}, "images.folder must be a string"),
        ({"folder": "none"}, "selects no image"),
        ({"taken_from": "1.2.2024"}, "images.taken_from must be a date"),
        ("all", "images must be an object"),
    ]:
        answer = catalogue.post("/submit", {"job_type": "image_classification", "images": images})
        assert answer.status_code == 400, (images, answer.text)
        assert words in answer.json()["error"], (images, answer.text)
    both = {"job_type": "image_classification", "images": {"all": True}, "s3_keys": ["a.jpg"]}
    assert "not both" in catalogue.post("/submit", both).json()["error"]


def test_the_same_rule_with_the_same_key_is_one_job(catalogue: Service) -> None:
    upload(catalogue, small_jpeg(1), "a/b.jpg")
    body = {"job_type": "image_classification", "images": {"folder": "a"}}
    headers = {"Idempotency-Key": "k"}
    first = catalogue.post("/submit", body, headers=headers).json()["job_id"]
    upload(catalogue, small_jpeg(2), "a/c.jpg")
    assert catalogue.post("/submit", body, headers=headers).json()["job_id"] == first
    body["images"] = {"folder": "b"}
    assert catalogue.post("/submit", body, headers=headers).status_code in (400, 409)
    assert catalogue.get(f"/status/{first}").json()["total"] == 1


def test_a_hangup_scans_again(catalogue: Service) -> None:
    upload(catalogue, small_jpeg(1), "a.jpg")
    assert listed(catalogue)["total"] == 1
    with sqlite3.connect(catalogue.data / "jobs.sqlite", timeout=30) as database:
        database.execute("UPDATE photos SET etag = 'old'")
    catalogue.process.send_signal(signal.SIGHUP)

    def is_current() -> bool:
        with sqlite3.connect(catalogue.data / "jobs.sqlite", timeout=30) as database:
            etag = database.execute("SELECT etag FROM photos").fetchone()[0]
        return bool(etag != "old")

    wait_until(is_current, "the changed entry was not looked at")
    assert [image["name"] for image in listed(catalogue)["images"]] == ["a.jpg"]


def test_names_on_aws(binary: Path, tmp_path: Path, photos: dict[str, Path]) -> None:
    with aws_servers.emulator() as emulator:
        settings = aws_servers.created(emulator, "names")
        backend = Service(tmp_path / "backend", "backend", **settings)
        worker = Service(tmp_path / "worker", "ml-service", **settings)
        try:
            content = photos["pets.jpg"].read_bytes()
            keys = {upload(backend, content, path): path for path in STRANGE}
            images = backend.get("/images").json()["images"]
            assert {image["key"]: image["name"] for image in images} == keys
            # What S3 cannot answer is refused with a sentence, never guessed.
            for path in ("/images?q=ferien", "/images?order=newest", "/folders"):
                answer = backend.get(path)
                assert answer.status_code == 422, path
                assert "no catalogue" in answer.json()["error"]
            key = next(iter(keys))
            answer = backend.get(f"/images/{key}/predictions")
            assert answer.status_code == 422
            assert "cannot look up an image" in answer.json()["error"]
            info = backend.get(f"/images/{key}/info").json()
            assert (info["name"], info["size"]) == (keys[key], len(content))
            assert (info["content_type"], "sha256" in info) == ("image/jpeg", False)
            with Image.open(io.BytesIO(content)) as picture:
                assert (info["width"], info["height"]) == picture.size
            by_rule = {"job_type": "image_classification", "images": {"all": True}}
            assert backend.post("/submit", by_rule).status_code == 422
            job = backend.submit(list(keys), model=MODEL)
            backend.wait(job)
            rows = backend.get(f"/result/{job}").json()["detailed_results"]
            assert {row["s3_key"]: row["name"] for row in rows} == keys
            first = next(iter(keys))
            assert requests.delete(f"{backend.url}/images/{first}", timeout=60).ok
            assert first not in backend.get("/images").text
        finally:
            backend.kill()
            worker.kill()


@pytest.mark.parametrize(
    "words", ["l’été", "3.45\u202fPM", "写真、猫", "a😀b", "x\u00adsoft", '"', "a*b", "\u0335x"]
)
def test_any_text_can_be_searched(catalogue: Service, words: str) -> None:
    upload(catalogue, small_jpeg(1), f"{words}.jpg")
    answer = requests.get(f"{catalogue.url}/images", params={"q": words}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == (0 if words == '"' else 1)


@pytest.mark.parametrize("images", [{"q": "!!!"}, {"q": "😀"}, {"folder": "/"}, {"folder": "///"}])
def test_a_condition_without_meaning_selects_nothing(
    catalogue: Service, images: dict[str, str]
) -> None:
    upload(catalogue, small_jpeg(1), "a.jpg")
    answer = catalogue.post("/submit", {"job_type": "image_classification", "images": images})
    assert answer.status_code == 400, answer.text


def test_a_disk_that_was_away_at_the_start_comes_back_with_all_names(
    binary: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    service = Service(data)
    for number in range(5):
        upload(service, small_jpeg(number), f"trip/{number}.jpg", "b")
    assert service.stop() == 0
    disk = tmp_path / "disk"
    input_folder(data).rename(disk)
    service = Service(data)
    wait_until(lambda: "complete" not in listed(service), "the scan of the empty folder")
    wait_until(lambda: listed(service)["total"] == 0, "what is away is listed")
    assert service.stop() == 0
    shutil.rmtree(input_folder(data))
    disk.rename(input_folder(data))
    service = Service(data)
    wait_until(lambda: listed(service, "batch=b")["total"] == 5, "the names are lost")
    names = {image["name"] for image in listed(service)["images"]}
    assert names == {f"trip/{number}.jpg" for number in range(5)}
    assert service.stop() == 0, service.log.read_text()


def test_the_folder_of_images_is_replaced(catalogue: Service, tmp_path: Path) -> None:
    folder = input_folder(catalogue.data)
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(small_jpeg(number))
    wait_until(lambda: len(all_keys(catalogue)) == 3, "the first images")
    folder.rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old", folder)
    time.sleep(1)
    (folder / "0.jpg").unlink()
    (folder / "new.jpg").write_bytes(small_jpeg(9))
    wait_until(
        lambda: all_keys(catalogue) == ["1.jpg", "2.jpg", "new.jpg"], "the new folder is not seen"
    )
    (folder / "newer.jpg").write_bytes(small_jpeg(10))
    wait_until(lambda: "newer.jpg" in all_keys(catalogue), "the new folder is not watched")


def test_links_that_lead_back_are_not_followed(binary: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    folder = input_folder(data) / "a"
    folder.mkdir(parents=True)
    (folder / "x.jpg").write_bytes(small_jpeg(1))
    for name in ("up", "up2"):
        (folder / name).symlink_to("..")
    (folder.parent / "b").mkdir()
    (folder.parent / "b/to_a").symlink_to("../a")
    (folder / "to_b").symlink_to("../b")
    service = Service(data)
    wait_until(lambda: "complete" not in listed(service), "the scan does not end")
    assert all_keys(service) == ["a/x.jpg", "b/to_a/x.jpg"]
    assert service.stop() == 0, service.log.read_text()


def test_a_deletion_is_seen_at_once_among_many_changes(catalogue: Service) -> None:
    folder = input_folder(catalogue.data)
    wait_until(lambda: "complete" not in listed(catalogue), "the first scan")
    key = upload(catalogue, small_jpeg(1), "a.jpg")
    for number in range(2_500):  # more than a list takes in
        (folder / f"{number}.jpg").write_bytes(b"x")
    assert requests.delete(f"{catalogue.url}/images/{key}", timeout=60).ok
    assert listed(catalogue, f"order=key&prefix={key}")["total"] == 0
    wait_until(lambda: len(all_keys(catalogue)) == 2_500, "the other changes")
