"""What `classify` and `upload` say of the files that are no photos, and how they take lists."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import program
import pytest
from PIL import Image
from program import Service
from test_command_line import without_privileges


@pytest.fixture
def jpeg() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG")
    return out.getvalue()


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(out, "PNG")
    return out.getvalue()


def video(brand: bytes = b"qt  ") -> bytes:
    """The first boxes of a video."""
    return struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, brand) + struct.pack(">I4s", 8, b"mdat")


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        file = Path(os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


class Run:
    def __init__(self, binary: Path, url: str) -> None:
        self.binary = binary
        self.url = url

    def __call__(
        self, *words: str | Path, stdin: bytes = b"", code: int = 0, cwd: Path | None = None
    ) -> tuple[str, str]:
        """What the command prints to standard output and to standard error."""
        done = subprocess.run(
            [self.binary, *words],
            env=os.environ | {"BACKEND_API_URL": self.url},
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
            cwd=cwd,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def run(binary: Path, service: Service) -> Run:
    return Run(binary, service.url)


def names(table: str) -> set[str]:
    return {row["filename"] for row in csv.DictReader(io.StringIO(table))}


@pytest.fixture
def iphone(tmp_path: Path, jpeg: bytes) -> Path:
    """Content decides: the photo is a JPEG under the name that the phone gives to HEIC."""
    return fill(
        tmp_path / "DCIM",
        {
            "100APPLE/IMG_0001.HEIC": jpeg,
            "100APPLE/IMG_0001.MOV": video(),
            "100APPLE/IMG_0001.AAE": b"<?xml version='1.0'?><plist/>",
            "100APPLE/IMG_0002.JPG": jpeg,
            "100APPLE/IMG_0003.PNG": png(),
            "100APPLE/IMG_E0002.JPG": jpeg,
            "100APPLE/IMG_0004.MOV": video(),
            "100APPLE/IMG_0005.mp4": video(b"mp42"),
            "100APPLE/IMG_0001.XMP": b"<x:xmpmeta/>",
            "100APPLE/._IMG_0002.JPG": jpeg,
        },
    )


PHONE_LINE = "passed over: 3 videos, 2 sidecar files, 1 file of a photo tool\n"
PHONE_PHOTOS = {"IMG_0001.HEIC", "IMG_0002.JPG", "IMG_0003.PNG", "IMG_E0002.JPG"}


def test_a_folder_of_an_iphone(run: Run, iphone: Path) -> None:
    for form in ("csv", "json", "table"):
        shown, told = run("classify", iphone, "--format", form)
        assert told == PHONE_LINE
        if form == "csv":
            assert names(shown) == PHONE_PHOTOS
        elif form == "json":
            rows = json.loads(shown)["detailed_results"]
            assert {row["filename"] for row in rows} == PHONE_PHOTOS
    shown, told = run("upload", iphone)
    assert told == PHONE_LINE
    keys = shown.split()
    assert len(keys) == 4
    heic = next(key for key in keys if key.startswith("uploads/IMG_0001_"))
    assert heic.endswith(".heic")


def test_everything_that_is_passed_over_can_be_listed(run: Run, iphone: Path) -> None:
    for command in ("classify", "upload"):
        _, told = run(command, iphone, "--list-passed-over")
        lines = told.splitlines()
        assert lines[-1] + "\n" == PHONE_LINE
        there = iphone / "100APPLE"
        assert sorted(lines[:-1]) == sorted(
            f"classifier: passed over ({kind}): {there / name}"
            for name, kind in [
                ("IMG_0001.MOV", "video"),
                ("IMG_0004.MOV", "video"),
                ("IMG_0005.mp4", "video"),
                ("IMG_0001.AAE", "sidecar file"),
                ("IMG_0001.XMP", "sidecar file"),
                ("._IMG_0002.JPG", "file of a photo tool"),
            ]
        )


def test_content_decides_where_the_ending_says_nothing(run: Run, tmp_path: Path) -> None:
    kinds = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif"}
    for kind in kinds:
        Image.new("RGB", (32, 32), "teal").save(tmp_path / f"{kind}.dat", kind)
        shutil.copy(tmp_path / f"{kind}.dat", tmp_path / kind)
    shown, told = run("classify", tmp_path, "--format", "csv")
    assert names(shown) == {*kinds, *(f"{kind}.dat" for kind in kinds)}
    assert told == ""
    shown, _ = run("upload", tmp_path)
    endings = sorted(key.rpartition(".")[2] for key in shown.split())
    assert endings == sorted([*kinds.values()] * 2)


def test_photos_of_every_kind_are_found_with_and_without_their_ending(
    run: Run, tmp_path: Path
) -> None:
    field = program.SHARED / "field"
    if not field.exists():
        pytest.skip(f"the files are not at {field}")
    files = {"IMG_0001.HEIC", "x.avif", "scan.tif", "x01_ref.jxl", "download.jfif"}
    for name in files:
        shutil.copy(field / name, tmp_path)
        shutil.copy(field / name, tmp_path / name.partition(".")[0])
    shown, told = run("classify", tmp_path, "--format", "csv")
    assert names(shown) == files | {name.partition(".")[0] for name in files}
    assert told == ""
    shown, _ = run("upload", tmp_path)
    endings = sorted(key.rpartition(".")[2] for key in shown.split())
    assert endings == sorted(["heic", "avif", "tif", "jxl"] * 2 + ["jfif", "jpg"])


def test_a_folder_of_a_synology(run: Run, tmp_path: Path, jpeg: bytes) -> None:
    folder = fill(
        tmp_path / "photo",
        {
            "2026/a.jpg": jpeg,
            "2026/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg": jpeg,
            "2026/@eaDir/a.jpg@SynoEAStream": b"x",
            "2026/SYNOPHOTO_THUMB_M.jpg": jpeg,
            "#recycle/old.jpg": jpeg,
            "#snapshot/monday/2026/a.jpg": jpeg,
            "Thumbs.db": b"x",
        },
    )
    shown, told = run("classify", folder, "--format", "csv")
    assert names(shown) == {"a.jpg"}
    assert told == "passed over: 2 files of photo tools, 3 folders of photo tools\n"
    # Named itself, such a folder is searched.
    shown, _ = run("classify", folder / "#recycle", "--format", "csv")
    assert names(shown) == {"old.jpg"}


def test_a_takeout_folder(run: Run, tmp_path: Path, jpeg: bytes) -> None:
    album = "Takeout/Google Photos/Photos from 2026"
    folder = fill(
        tmp_path,
        {
            f"{album}/PXL_1.jpg": jpeg,
            f"{album}/PXL_1.jpg.supplemental-metadata.json": b"{}",
            f"{album}/PXL_1.MP": video(b"mp42"),
            f"{album}/metadata.json": b"{}",
            f"{album}/a name so long that its ending is cu": jpeg,
            "Takeout/archive_browser.html": b"<html>",
        },
    )
    shown, told = run("classify", folder / "Takeout", "--format", "csv")
    assert names(shown) == {"PXL_1.jpg", "a name so long that its ending is cu"}
    assert told == "passed over: 1 video, 2 sidecar files, 1 document\n"
    shown, _ = run("upload", folder / "Takeout")
    assert {key.rpartition(".")[2] for key in shown.split()} == {"jpg"}


def test_a_folder_without_photos_is_an_error_that_says_what_is_there(
    run: Run, tmp_path: Path
) -> None:
    fill(tmp_path, {"a.mov": video(), "b.mov": video(), "notes.txt": b"words"})
    for command in ("classify", "upload"):
        shown, told = run(command, tmp_path, code=2)
        assert shown == ""
        assert told == (
            f"classifier: no images were found in {tmp_path}; passed over: 2 videos, 1 text file\n"
        )


def test_files_that_may_have_been_photos_are_named(run: Run, tmp_path: Path, jpeg: bytes) -> None:
    folder = fill(tmp_path / "photos", {"a.jpg": jpeg, "notes": b"words"})
    (folder / "gone").symlink_to("nowhere")
    (folder / "round").symlink_to("round")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(folder / "socket"))
        shown, told = run("classify", folder, "--format", "csv")
    assert names(shown) == {"a.jpg"}
    *warnings, line = told.splitlines()
    assert line == (
        "passed over: 1 text file, 1 link to a folder, 1 broken link, 1 link that leads to itself, "
        "2 sockets, pipes or devices"
    )
    assert {warning.rpartition("/")[2] for warning in warnings} == {
        "gone",
        "round",
        "pipe",
        "socket",
    }
    # Photos that are lost are a failure.
    fill(folder, {"lost.jpg": b""})
    _, told = run("upload", folder, code=1)
    assert f"classifier: passed over (empty file): {folder}/lost.jpg\n" in told
    # At most ten are named.
    fill(folder, {f"lost-{i}.jpg": b"" for i in range(30)})
    _, told = run("upload", folder, code=1)
    lines = told.splitlines()
    assert len(lines) == 12
    assert lines[-2] == "classifier: 25 more files like these; --list-passed-over names them all"
    assert lines[-1].endswith("31 empty files")


def test_a_file_that_cannot_be_read_is_a_failure(
    binary: Path, service: Service, tmp_path: Path, jpeg: bytes
) -> None:
    folder = fill(tmp_path / "photos", {"a.jpg": jpeg, "shut.jpg": jpeg, "shut": jpeg})
    for name in ("shut.jpg", "shut"):
        (folder / name).chmod(0)
    for command in ("classify", "upload"):
        done = subprocess.run(
            [*without_privileges(), binary, command, folder],
            env=os.environ | {"BACKEND_API_URL": service.url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1, done
        assert len(done.stdout.splitlines()) == 1
        *warnings, line = done.stderr.splitlines()
        assert line == "passed over: 2 files that cannot be read"
        assert sorted(warnings) == [
            f"classifier: passed over (file that cannot be read): {folder}/{name}"
            for name in ("shut", "shut.jpg")
        ]


def test_a_search_shows_its_progress_on_a_terminal(binary: Path, tmp_path: Path) -> None:
    fill(tmp_path, {f"{i}.txt": b"x" for i in range(10)})
    leader, follower = pty.openpty()
    process = subprocess.Popen([binary, "classify", tmp_path], stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while part := os.read(leader, 1 << 16):
            shown += part
    os.close(leader)
    assert process.wait(60) == 2
    assert b"1 files looked at" in shown
    assert b"passed over: 10 text files" in shown


def test_a_file_that_is_named_is_tried(run: Run, tmp_path: Path, jpeg: bytes) -> None:
    fill(tmp_path, {"a.mov": video(), "._a.jpg": jpeg, "photo.txt": jpeg, "photo": png()})
    shown, told = run("classify", tmp_path / "a.mov", tmp_path / "._a.jpg", code=1)
    assert "a.mov    failed: the file is a video" in shown
    assert "failed" not in shown.splitlines()[1]
    assert told == ""
    shown, told = run(
        "upload", *(tmp_path / name for name in ("a.mov", "photo.txt", "photo")), code=1
    )
    assert told.startswith(
        f"classifier: {tmp_path}/a.mov: it is no image but, by its content, of the kind "
        '"video"; names of images end in one of .jpg .jpeg '
    )
    assert told.count("\n") == 1
    assert {key.rpartition(".")[2] for key in shown.split()} == {"jpg", "png"}


@pytest.mark.parametrize("command", ["classify", "upload"])
@pytest.mark.parametrize(("end", "text"), [(b"\n", False), (b"\r\n", False), (b"\0", True)])
def test_lists_on_standard_input(
    run: Run, tmp_path: Path, jpeg: bytes, command: str, end: bytes, text: bool
) -> None:
    files = ["a.jpg", "é.jpg", "caf\udce9.jpg", "my photo.jpg"]
    if text:
        files.append("two\nlines.jpg")
    fill(tmp_path, dict.fromkeys(files, jpeg))
    listed = end.join(os.fsencode(name) for name in [".", *files]) + end
    words = ("--format", "json") if command == "classify" else ("--keys-out", "/dev/stdout")
    shown, told = run(command, "-", *words, stdin=listed, cwd=tmp_path)
    assert told == "passed over: 1 folder in the list\n"
    wanted = {name.replace("\udce9", r"\xe9") for name in files}
    if command == "classify":
        assert {row["filename"] for row in json.loads(shown)["detailed_results"]} == wanted
    else:
        assert set(json.loads(shown)) == {name.replace("\n", r"\x0a") for name in wanted}


def test_a_list_that_is_empty(run: Run) -> None:
    _, told = run("classify", "-", code=2)
    assert told == "classifier: no images were found: there are no files\n"


def test_an_image_on_standard_input(run: Run, tmp_path: Path, jpeg: bytes) -> None:
    words = ("--format", "csv", "--threshold", "0", "--copy-to", tmp_path)
    shown, _ = run("classify", "-", *words, stdin=jpeg)
    assert names(shown) == {"stdin"}
    (copy,) = (file for file in tmp_path.rglob("*") if file.is_file())
    assert copy.read_bytes() == jpeg
    shown, _ = run("upload", "-", stdin=png())
    assert shown.startswith("uploads/stdin_")
    assert shown.strip().endswith(".png")


def test_names_of_any_bytes(run: Run, service: Service, tmp_path: Path, jpeg: bytes) -> None:
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.jpg"
    folder = fill(
        tmp_path / "names",
        dict.fromkeys(
            [composed, decomposed, "caf\udce9.jpg", "caf\udce8.jpg", "two\nlines.jpg"], jpeg
        ),
    )
    wanted = {composed, decomposed, r"caf\xe9.jpg", r"caf\xe8.jpg", "two\nlines.jpg"}
    shown, _ = run("classify", folder, "--format", "json")
    rows = json.loads(shown)["detailed_results"]
    assert {row["filename"] for row in rows} == wanted
    assert {row["s3_key"] for row in rows} == {f"{folder}/{name}" for name in wanted}
    shown, _ = run("classify", folder, "--format", "csv")
    assert names(shown) == wanted
    shown, _ = run("classify", folder)
    assert {line.partition("  ")[0] for line in shown.splitlines()} == {
        name.replace("\n", r"\x0a") for name in wanted
    }
    shown, _ = run("upload", folder, "--batch", "names of any bytes")
    keys = shown.split()
    assert len(set(keys)) == 5
    assert sum(key.startswith(("uploads/caf_xe8_", "uploads/caf_xe9_")) for key in keys) == 2
    listed = service.get("/images", params={"batch": "names of any bytes"}).json()["images"]
    assert {image["name"] for image in listed} == {f"names/{name}" for name in wanted}
