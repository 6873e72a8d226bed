"""Runs the operations scripts as a person would, without this machine's AWS settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Programs of Python packages are in the folder of the Python that runs the tests; scripts/test.sh
# puts others into .deps/bin.
PLACES = (Path(sys.executable).parent, ROOT / ".deps/bin")
PATH = os.pathsep.join([*map(str, PLACES), os.environ["PATH"]])
PASSED_ON = ("LANG", "TERM", "TMPDIR", "GOCACHE", "GOPATH")


@dataclass
class Scripts:
    """Scripts of the tree at `root`; `settings` are their whole environment besides PATH."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    root: Path = ROOT
    path: str = PATH

    def environment(self) -> dict[str, str]:
        base = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        base |= {"PATH": self.path, "HOME": str(self.home), "AWS_EC2_METADATA_DISABLED": "true"}
        return base | self.settings

    def run_until(self, output: str, then: Callable[[], None], name: str, *arguments: str) -> str:
        """Calls `then` once the script has printed `output`; returns all output if it succeeded."""
        with subprocess.Popen(
            [self.root / "scripts" / name, *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.home,
        ) as process:
            assert process.stdout
            shown = ""
            while output not in shown:
                line = process.stdout.readline()
                assert line, f"{name} never said {output!r}:\n{shown}"
                shown += line
            then()
            shown += process.stdout.read()
        assert process.returncode == 0, shown
        return shown

    def run(
        self,
        name: str,
        *arguments: str,
        answer: str = "",
        code: int | tuple[int, ...] = 0,
        **settings: str,
    ) -> str:
        """The script's stdout and stderr; it must exit with `code`, or one of several."""
        done = self.ended(name, *arguments, settings=settings, input=answer)
        shown = done.stdout + done.stderr
        codes = code if isinstance(code, tuple) else (code,)
        assert done.returncode in codes, f"{name} ended with {done.returncode}:\n{shown}"
        return shown

    def ended(
        self, name: str, *arguments: str, settings: dict[str, str], **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs the script to its end, with any code; `how` goes to subprocess.run."""
        return subprocess.run(
            [self.root / "scripts" / name, *arguments],
            env=self.environment() | settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=self.home,
            **how,
        )

    def fails(self, name: str, *arguments: str, **settings: str) -> str:
        """The last line of a script that fails, which is its error message."""
        shown = self.run(name, *arguments, code=1, **settings).strip().splitlines()
        assert not any("unbound variable" in line for line in shown), shown
        return shown[-1]
