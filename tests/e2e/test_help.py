"""Help, man page, completion scripts and the documents that repeat them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from program import ROOT

SHELLS = ("bash", "zsh", "fish")


def run(binary: Path, *words: str, **variables: str) -> str:
    done = subprocess.run(
        [binary, *words],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (words, done.stderr)
    assert done.stderr == ""
    return done.stdout


@dataclass
class Command:
    """A command as its help describes it."""

    name: str
    text: str
    options: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def sections(text: str) -> dict[str, str]:
    """Parts of a help text by their headings."""
    parts = re.split(r"^(\S.*):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def read_help(binary: Path, *words: str) -> list[Command]:
    """A command and those below it."""
    text = run(binary, *words, "--help")
    command = Command(" ".join(("classifier", *words)), text)
    found = [command]
    inner: list[str] = []
    for heading, part in sections(text).items():
        if heading == "Options":
            command.options = re.findall(r"^ {2}(?:-\w, )?(--[\w-]+)", part, re.MULTILINE)
        elif heading not in ("Arguments", "Exit codes", "Examples") and "Settings" not in heading:
            inner += re.findall(r"^ {2}([\w-]+)", part, re.MULTILINE)
    command.commands = inner
    for name in inner:
        found += read_help(binary, *words, name)
    return found


@pytest.fixture(scope="module")
def commands(binary: Path) -> list[Command]:
    return read_help(binary)


def test_every_command_explains_itself(commands: list[Command]) -> None:
    names = {command.name for command in commands}
    assert {"classifier serve", "classifier result", "classifier keys add"} <= names
    assert "classifier generate" not in names
    for command in commands:
        assert f"\nUsage: {command.name} " in command.text
        assert "--help" in command.options
        for line in command.text.splitlines():
            assert len(line) <= 80 or line.startswith("  classifier "), (command.name, line)


def test_services_show_the_settings_that_matter_to_them(binary: Path) -> None:
    serve = run(binary, "serve", "--help")
    for heading in ("Network", "Storage", "Access", "Models", "Work", "AWS"):
        assert f"\nSettings: {heading}:\n" in serve
    assert re.search(r"--port, PORT +port of the API", serve)
    assert "(default: 8080)" in serve
    backend = run(binary, "backend", "--help")
    assert "--port, PORT" in backend
    for variable in ("MAX_WORKERS", "BATCH_SIZE", "ML_PORT", "BACKEND_API_URL"):
        assert f", {variable}" not in backend
    ml_service = run(binary, "ml-service", "--help")
    assert ", MAX_WORKERS" in ml_service
    assert ", PORT" not in ml_service
    assert ", BACKEND_API_URL" in run(binary, "upload", "--help")
    count = run(binary, "settings", "--markdown").count("\n| `")
    assert f"lists all {count} settings" in " ".join(serve.split())


def test_the_page_of_settings_is_up_to_date(binary: Path) -> None:
    tables = run(binary, "settings", "--markdown")
    assert tables in (ROOT / "docs/configuration.md").read_text(), (
        "docs/configuration.md is out of date: put in what `classifier settings --markdown` prints"
    )


def test_the_table_of_exit_codes_is_the_same_everywhere(
    binary: Path, commands: list[Command]
) -> None:
    listed = re.sub(r"\n {5,}", " ", sections(commands[0].text)["Exit codes"])
    codes = dict(re.findall(r"^ {2}(\d+) +(.+)$", listed, re.MULTILINE))
    assert list(codes) == ["0", "1", "2", "3", "70", "130", "141"]
    page = (ROOT / "docs/command-line.md").read_text()
    assert codes == dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    status = man_text(binary).split(".SH EXIT STATUS\n")[1].split(".SH ")[0]
    items = re.findall(r"\.TP\n\\fB(\d+)\\fR\n([^.].*?)(?=\n\.|\n$)", status, re.DOTALL)
    assert codes == {code: meaning.replace("\n", " ") for code, meaning in items}


def man_text(binary: Path) -> str:
    page = run(binary, "generate", "man", SOURCE_DATE_EPOCH="0")
    return page.replace("\\-", "-").replace("\\(ti", "~").replace("\\(aq", "'")


def test_the_man_page_has_every_command_option_and_setting(
    binary: Path, commands: list[Command]
) -> None:
    page = man_text(binary)
    assert page.splitlines()[1].startswith('.TH CLASSIFIER 1 "1970-01-01"')
    parts = re.split(r"^\.S[SH] (.+)\n", page, flags=re.MULTILINE)
    headings = dict(zip(parts[1::2], parts[2::2], strict=True))
    wanted = {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "SETTINGS", "EXIT STATUS"}
    assert wanted | {"EXAMPLES", "FILES"} <= set(headings)
    for command in commands[1:]:
        part = headings[command.name]
        for option in command.options:
            assert option == "--help" or f"\\fB{option}" in part, (command.name, option)
    for variable in re.findall(r"^\| `(\w+)`", run(binary, "settings", "--markdown"), re.MULTILINE):
        assert f", {variable}\\fR" in page


@pytest.mark.parametrize(
    "checker", [("mandoc", "-Tlint", "-Wwarning"), ("man", "--warnings", "-l")]
)
def test_the_man_page_has_no_faults(binary: Path, tmp_path: Path, checker: tuple[str, ...]) -> None:
    if shutil.which(checker[0]) is None:
        pytest.skip(f"{checker[0]} is not installed")
    page = tmp_path / "classifier.1"
    page.write_text(run(binary, "generate", "man"))
    done = subprocess.run(
        [*checker, page],
        env=os.environ | {"MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    if checker[0] == "mandoc":
        assert done.stdout == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts_have_every_command_and_option(
    binary: Path, commands: list[Command], shell: str
) -> None:
    script = run(binary, "generate", shell)
    for command in commands:
        words = command.name.split()
        if shell == "bash":
            part = script.split(f'"{command.name}")\n')[1].split(";;")[0]
        elif shell == "zsh":
            part = script.split(f"\n_{'_'.join(words)}() {{\n")[1].split("\n}\n")[0]
        else:
            at = f"'__classifier_at {command.name}'"
            part = "\n".join(line for line in script.splitlines() if at in line)
        for option in command.options:
            name = f"-l {option[2:]} " if shell == "fish" else option
            assert name in part, (command.name, option)
        for inner in command.commands:
            assert re.search(rf"(?<![\w-]){inner}(?![\w-])", part), (command.name, inner)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts_are_valid(binary: Path, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(run(binary, "generate", shell))
    done = subprocess.run(
        [shell, "-n", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


CASES = [
    ("classifier cl", {"classify"}),
    ("classifier classify --fo", {"--format"}),
    ("classifier classify --format ", {"table", "json", "csv"}),
    ("classifier classify --labels a --format c", {"csv"}),
    ("classifier classify pho", {"photo one.jpg"}),
    ("classifier classify --copy-to pho", {"photo one.jpg"}),
    ("classifier upload images --par", {"--parallel"}),
    ("classifier keys ", {"add", "list", "remove", "rotate"}),
    ("classifier --port 1 keys rot", {"rotate"}),
    ("classifier keys add --role ", {"read", "write", "admin"}),
    ("classifier serve --log-level ", {"debug", "info", "warn", "error"}),
    ("classifier serve --rate-limit-", {"--rate-limit-address"}),
    ("classifier backend --max-w", set()),
]


@pytest.mark.parametrize(("line", "expected"), CASES)
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_completions(
    binary: Path, tmp_path: Path, shell: str, line: str, expected: set[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "photo one.jpg").touch()
    (tmp_path / "script").write_text(run(binary, "generate", shell))
    if shell == "bash":
        words = line.split(" ")
        command = (
            f"source ./script; COMP_WORDS=({' '.join(word or repr('') for word in words)}); "
            f"COMP_CWORD={len(words) - 1}; _classifier; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
    else:
        command = f"source ./script; complete -C '{line}'"
    done = subprocess.run(
        [shell, "-c", command],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    offered = {
        offer.split("\t")[0].replace("\\", "") for offer in done.stdout.splitlines() if offer
    }
    assert offered == expected
