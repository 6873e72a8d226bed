"""`cmake --install` into a folder, which is then moved; and what the packages are made of."""

from __future__ import annotations

import configparser
import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import BINARY, ROOT, Service

BUILD = BINARY.parent
SERVICE = ROOT / "packaging/distributed-classifier.service"


@pytest.fixture(scope="module")
def prefix(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation, in another place than it was made for."""
    if not (BUILD / "cmake_install.cmake").is_file():
        pytest.skip(f"{BUILD} is no build folder")
    if not (ROOT / "dashboard/dist/index.html").is_file():
        pytest.skip("the page is not built: run scripts/setup.sh")
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(
        ["cmake", "--install", BUILD, "--prefix", folder / "made"],
        check=True,
        capture_output=True,
    )
    (folder / "made").rename(folder / "moved")
    yield folder / "moved"
    shutil.rmtree(folder)  # a hundred megabytes


def run(
    program: Path, *words: str | Path, **settings: str | Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words],
        env={"PATH": os.environ["PATH"]} | {name: str(value) for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_loads_its_own_libraries(prefix: Path) -> None:
    needed = subprocess.run(
        ["ldd", prefix / "bin/classifier"], capture_output=True, text=True, check=True
    ).stdout
    assert "not found" not in needed
    places = re.findall(r"lib(?:openvino|tbb)\S* => (\S+)", needed)
    assert places
    for place in places:
        assert Path(place).resolve().parent == prefix / "lib/distributed-classifier"


def test_both_job_types_and_the_page(prefix: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    models = BINARY.parents[2] / ".deps/models"
    if not models.is_dir():
        pytest.skip(f"there are no models in {models}: run scripts/setup.sh")
    photo = next(iter(photos.values()))
    program = prefix / "bin/classifier"
    for labels in ([], ["--labels", "cat,dog"]):
        done = run(program, "classify", photo, *labels, DATA_DIR=tmp_path, MODELS_DIR=models)
        assert done.returncode == 0, done.stderr
        assert photo.name in done.stdout
    service = Service(tmp_path / "data", program=program)
    assert "<title>" in service.get("/").text
    assert service.stop() == 0


def test_without_models_it_says_how_to_get_them(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    done = run(prefix / "bin/classifier", "classify", tmp_path / "photo.jpg", DATA_DIR=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / "models") in done.stderr
    assert "classifier models fetch" in done.stderr


def test_fetch_says_what_python_lacks(prefix: Path, tmp_path: Path) -> None:
    """As on a Debian without python3, and on one without python3-venv."""
    program = prefix / "bin/classifier"
    path = tmp_path / "bin"
    path.mkdir()
    arguments = {"DATA_DIR": tmp_path / "data", "PATH": path}
    done = run(program, "models", "fetch", **arguments)
    assert done.returncode == 1
    assert "Python, which is missing: run `apt-get install python3-venv`" in done.stderr
    python = path / "python3"
    python.write_text("#!/bin/sh\necho 'No module named ensurepip' >&2\nexit 1\n")
    python.chmod(0o755)
    done = run(program, "models", "fetch", **arguments)
    assert done.returncode == 1
    assert done.stderr == (
        "classifier: python3 cannot make environments here: "
        "run `apt-get install python3-venv` as root\n"
    )


def test_fetch_makes_the_models_in_its_own_environment(prefix: Path, tmp_path: Path) -> None:
    """With a Python that only notes what it is told to do."""
    path = tmp_path / "bin"
    path.mkdir()
    python = path / "python3"
    python.write_text(
        "#!/bin/sh\n"
        f'echo "$PYTHONPATH $*" >>{tmp_path}/calls\n'
        'case "$*" in "-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python";; esac\n'
        f'case "$*" in *"export --out"*) exit "$(cat {tmp_path}/code)";; esac\n'
    )
    python.chmod(0o755)
    exporter = tmp_path / "data/cache/exporter"

    def fetch(code: int, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "calls").write_text("")
        (tmp_path / "code").write_text(str(code))
        return run(
            prefix / "bin/classifier",
            "models",
            "fetch",
            "--to",
            tmp_path / "models",
            *options,
            DATA_DIR=tmp_path / "data",
            PATH=f"{path}:{os.environ['PATH']}",
        )

    failed = fetch(1)
    assert failed.returncode == 1
    assert f"or `rm -r {exporter}` gives up" in failed.stderr
    calls = (tmp_path / "calls").read_text()
    assert f"-m venv --clear {exporter}/environment" in calls
    assert f"--requirement {prefix}/share/distributed-classifier/exporter/requirements.txt" in calls

    # What is installed is not installed again.
    kept = fetch(0, "--keep-environment", "--source", "starter")
    assert kept.returncode == 0, kept.stderr
    assert f"kept: {exporter}" in kept.stderr
    calls = (tmp_path / "calls").read_text()
    assert "venv" not in calls.replace("import sys, venv", "")
    assert (
        f"{prefix}/share/distributed-classifier/exporter -m export --out {tmp_path}/models "
        f"--cache {exporter}/downloads all --source starter"
    ) in calls

    assert fetch(0).returncode == 0
    assert not exporter.exists()


def test_manual_page_and_completions(prefix: Path) -> None:
    page = gzip.decompress((prefix / "share/man/man1/classifier.1.gz").read_bytes()).decode()
    assert ".TH" in page
    assert "classify" in page
    completion = prefix / "share/bash-completion/completions/classifier"
    subprocess.run(["bash", "-n", completion], check=True)
    assert (prefix / "share/zsh/site-functions/_classifier").read_text().startswith("#compdef")
    assert "complete" in (prefix / "share/fish/vendor_completions.d/classifier.fish").read_text()


def test_the_unit_is_confined() -> None:
    unit = configparser.ConfigParser(strict=False, delimiters="=", interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(SERVICE)
    service = unit["Service"]
    assert service["User"] == "distributed-classifier"
    assert service["Restart"] == "on-failure"
    assert service["StateDirectory"] == "distributed-classifier"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", SERVICE],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"exposure level for \S+ (\d+\.\d)", done.stdout)
    if exposure is None:
        pytest.skip(f"systemd-analyze does not tell here: {done.stderr.strip()}")
    assert float(exposure[1]) <= 1.5
    assert f"score {exposure[1]}" in (ROOT / "docs/packages.md").read_text()


def test_changelog_has_this_version() -> None:
    version = re.search(r"^project\(.* VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)
    assert version
    first = (ROOT / "packaging/changelog").read_text().splitlines()[0]
    assert first.startswith(f"classifier ({version[1]}) ")


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_scripts_of_the_package(script: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    subprocess.run(["shellcheck", ROOT / "packaging" / script], check=True)
