#!/usr/bin/env python3
"""Fails if something that this project uses has a licence that is not on the list.

What is shipped (npm packages of the page, Python packages whose libraries the program loads,
libraries from apt) must have a permissive licence; tools for building and testing may have others.
Needs no network: it reads the lock file, the installed packages and Debian's copyright files."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SHIPPED_PYTHON = ("openvino", "openvino-tokenizers")
REQUIREMENTS = (
    "models/requirements.txt",
    "requirements-dev.txt",
    "scripts/requirements-aws.txt",
    "scripts/requirements-node.txt",
)

SHIPPED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "curl",
    "IJG",
    "ISC",
    "libpng-2.0",
    "libtiff",
    # Of shared libraries from apt, which users can replace.
    "LGPL-2.1-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "OFL-1.1",
    "public-domain",
    "Unicode-DFS-2015",
    "WordNet-3.0",
    "Zlib",
}
# For tools that are used unmodified and not distributed.
TOOLS = SHIPPED | {
    "BlueOak-1.0.0",
    "CC-BY-4.0",
    "CNRI-Python",
    "GPL-3.0",
    "GPL-3.0-or-later",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Python-2.0",
}
# Other names that packages use for their licences, besides those of SPDX.
NAMES = {
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "Expat": "MIT",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "public-domain",
    "Python Software Foundation License": "PSF-2.0",
    "GNU General Public License (GPL)": "GPL-3.0",
}

# Libraries from apt that the program links, or whose headers it includes: their licence, and the
# text in their copyright file that states it. ca-certificates is Mozilla's data.
LIBRARIES = {
    "libboost-url": ("BSL-1.0", "BSL-1.0"),
    "libcli11-dev": ("BSD-3-Clause", "BSD-3-clause"),
    "libcurl4": ("curl", "License: curl"),
    "libfmt": ("MIT", "Expat"),
    "libjpeg62-turbo": ("IJG AND BSD-3-Clause AND Zlib", "BSD-3-clause"),
    "libheif1": ("LGPL-3.0-or-later", "LGPL-3+"),
    "libhwy": ("Apache-2.0", "Apache-2.0"),
    "libjxl": ("BSD-3-Clause", "BSD-3-clause-Google"),
    "libprometheus-cpp-core": ("MIT", "Expat"),
    "liblcms2": ("MIT", "MIT"),
    "libpugixml1v5": ("MIT", "Expat"),
    "libraw": ("LGPL-2.1-only", "LGPL-2.1 or CDDL-1.0"),
    "libseccomp2": ("LGPL-2.1-only", "LGPL"),
    "libspdlog": ("MIT", "Expat"),
    "libspng0": ("BSD-2-Clause AND libpng-2.0", "BSD-2-Clause"),
    "libsqlite3-0": ("public-domain", "public-domain"),
    "libsqlitecpp-dev": ("MIT", "Expat"),
    "libssl3": ("Apache-2.0", "Apache-2.0"),
    "libtiff6": ("libtiff", "Hylafax"),
    "libturbojpeg": ("IJG AND BSD-3-Clause AND Zlib", "BSD-3-clause"),
    "libutf8proc": ("MIT AND Unicode-DFS-2015", "Expat"),
    "libwebp": ("BSD-3-Clause", "Redistribution and use in source and binary forms"),
    "nlohmann-json3-dev": ("MIT", "Expat"),
    "zlib1g": ("Zlib", "Zlib"),
}
# What the exporter reads; groups.json in model folders has what it found.
READ_BY_EXPORTER = {
    "wordnet-base": ("WordNet-3.0", "Permission to use, copy, modify and distribute"),
}
COMPILED_IN = ("libcli11-dev", "libsqlitecpp-dev", "nlohmann-json3-dev")
DATA = ("ca-certificates",)


class Package(NamedTuple):
    source: str
    name: str
    licence: str  # an expression such as "MIT OR Apache-2.0"
    shipped: bool


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether all parts of at least one alternative are allowed."""

    def known(part: str) -> bool:
        name = NAMES.get(part.strip(), part.strip(" ()"))
        return name in licences

    if expression in NAMES:
        return known(expression)
    return any(
        all(known(part) for part in re.split(r" AND |;", alternative))
        for alternative in expression.split(" OR ")
    )


def npm() -> Iterator[Package]:
    lock = json.loads((ROOT / "dashboard/package-lock.json").read_text())
    for path, package in lock["packages"].items():
        if path:
            name = path.split("node_modules/")[-1]
            yield Package(
                "npm", name, str(package.get("license", "none")), not package.get("dev", False)
            )


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_by(names: tuple[str, ...] | list[str]) -> dict[str, importlib.metadata.Distribution]:
    """These distributions and their dependencies, as far as they are installed."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = normal(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in found[name].requires or []:
            if "extra ==" not in requirement:
                waiting.append(re.split(r"[^\w.-]", requirement)[0])
    return found


def licence_of(distribution: importlib.metadata.Distribution) -> str:
    fields = distribution.metadata
    if "License-Expression" in fields:
        return fields["License-Expression"]
    classifiers = [
        str(line).split(" :: ")[-1]
        for line in fields.get_all("Classifier") or []
        if str(line).startswith("License :: ") and not str(line).endswith("OSI Approved")
    ]
    # Several classifiers are usually alternatives, although docutils has one for each part.
    return " OR ".join(classifiers) or (
        fields["License"].splitlines()[0] if "License" in fields else "none"
    )


def python() -> Iterator[Package]:
    shipped = needed_by(SHIPPED_PYTHON)
    wanted = []
    for file in REQUIREMENTS:
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith("#"):
                wanted.append(re.split(r"[\[=]", line)[0])
    for name, distribution in sorted((needed_by(wanted) | shipped).items()):
        # numpy belongs to the Python interface of OpenVINO, which is not shipped.
        is_shipped = name in [normal(one) for one in SHIPPED_PYTHON]
        yield Package("python", name, licence_of(distribution), is_shipped)


def debian() -> Iterator[Package]:
    runtime = (ROOT / "docker/runtime-packages.txt").read_text().split()
    known = LIBRARIES | READ_BY_EXPORTER
    for name in [*runtime, *COMPILED_IN, *READ_BY_EXPORTER]:
        if name in DATA:
            continue
        entry = next((key for key in known if name.startswith(key)), None)
        licence = known[entry][0] if entry else "none: add it to LIBRARIES"
        copyright_file = Path("/usr/share/doc") / name / "copyright"
        if entry and copyright_file.is_file():
            text = copyright_file.read_text(errors="replace")
            if known[entry][1] not in text:
                licence = f"no longer {licence}: read {copyright_file}"
        yield Package("apt", name, licence, True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="show every package")
    arguments = parser.parse_args()
    packages = [*npm(), *python(), *debian()]
    bad = [p for p in packages if not allowed(p.licence, SHIPPED if p.shipped else TOOLS)]
    for package in packages if arguments.list else bad:
        use = "shipped" if package.shipped else "tool"
        mark = "NOT ALLOWED" if package in bad else "ok"
        print(f"{mark}\t{package.source}\t{package.name}\t{package.licence}\t{use}")
    print(f"{len(packages)} packages, {len(bad)} with a licence that is not allowed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
