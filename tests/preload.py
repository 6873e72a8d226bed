"""Libraries that are preloaded (LD_PRELOAD) into the unmodified program."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "support"


def preload(name: str, folder: Path) -> str:
    """Compiles `support/<name>.c` into `folder`; returns the value for LD_PRELOAD."""
    library = folder / f"{name}.so"
    if not library.exists():
        command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", library, SOURCES / f"{name}.c", "-ldl"], check=True)
    return str(library)
