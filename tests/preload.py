"""Libraries that are loaded before the C library (LD_PRELOAD) of the program as it is shipped."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "support"


def preload(name: str, folder: Path) -> str:
    """Compiles `support/<name>.c` into `folder`; the value for LD_PRELOAD."""
    library = folder / f"{name}.so"
    if not library.exists():
        command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", library, SOURCES / f"{name}.c", "-ldl"], check=True)
    return str(library)
