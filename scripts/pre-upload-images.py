#!/usr/bin/env python3
"""Uploads images and writes their keys: {"file name": "key"}. Load tests submit jobs with
these keys. BACKEND_API_URL is the service (default http://localhost:8080), API_KEY its key."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from api_client import TYPES, Api, ApiError

SAVE_EVERY = 100


def images_in(folder: Path) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    found = sorted(file for file in files if file.suffix.lower() in TYPES)
    if not found:
        raise ApiError(f"there is no image in {folder}, that is, no file with {' '.join(TYPES)}")
    if len(found) < len(files):
        print(f"passed over: {len(files) - len(found)} other files", file=sys.stderr)
    return found


def names_for(files: list[Path], folder: Path, count: int) -> dict[str, Path]:
    """As many names as wanted; if there are fewer files, they are repeated as copies."""
    names = {}
    for index in range(count):
        file = files[index % len(files)]
        name = file.relative_to(folder)
        copy = index // len(files)
        names[str(name if copy == 0 else name.with_stem(f"{name.stem}-{copy + 1}"))] = file
    return names


def save(keys: dict[str, str], output: Path) -> None:
    temporary = output.with_name(output.name + ".tmp")
    temporary.write_text(json.dumps(keys, indent=2, sort_keys=True) + "\n")
    temporary.replace(output)


def stored(api: Api) -> set[str]:
    """The keys of all images that the service has."""
    keys: set[str] = set()
    query = {"prefix": "uploads/"}
    while True:
        page = api.expect(200, "GET", "/images?" + urllib.parse.urlencode(query)).json()
        keys |= {image["key"] for image in page["images"]}
        if "next_token" not in page:
            return keys
        query["next_token"] = page["next_token"]


def uploaded_before(api: Api, output: Path) -> dict[str, str]:
    """The keys in the output file that the service has: the file may be from another service."""
    if not output.exists():
        return {}
    try:
        keys = json.loads(output.read_text())
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise ApiError(
            f"{output} was not written by this script: move it away, or name another file"
        )
    there = stored(api) if keys else set()
    kept = {name: key for name, key in keys.items() if str(key) in there}
    if len(kept) < len(keys):
        missing = len(keys) - len(kept)
        print(f"{missing} of {len(keys)} images in {output} are not at {api.url}", file=sys.stderr)
    return kept


def send(api: Api, name: str, file: Path) -> str:
    return api.upload(Path(name).name, file.read_bytes())


def upload_all(api: Api, names: dict[str, Path], output: Path, parallel: int) -> int:
    """Returns the number of images that failed. Those uploaded before are skipped."""
    keys = uploaded_before(api, output)
    missing = {name: file for name, file in names.items() if name not in keys}
    failed = 0
    with ThreadPoolExecutor(parallel) as pool:
        running = {pool.submit(send, api, name, file): name for name, file in missing.items()}
        for number, done in enumerate(as_completed(running), 1):
            try:
                keys[running[done]] = done.result()
            except (ApiError, OSError) as error:
                failed += 1
                print(f"{running[done]}: {error}", file=sys.stderr)
            if number % SAVE_EVERY == 0:
                save(keys, output)
                print(f"{number} of {len(missing)} images", file=sys.stderr)
    save(keys, output)
    uploaded = len(missing) - failed
    there = len(names) - len(missing)
    print(f"{uploaded} images uploaded, {there} were there, {failed} failed: {output}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="pre-upload-images.sh", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path("images"), help="where the images are (images)"
    )
    parser.add_argument(
        "--count",
        type=int,
        help="how many to upload; files are repeated if there are fewer (default: each file once)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("s3_keys.json"), help="file to write (s3_keys.json)"
    )
    parser.add_argument("--parallel", type=int, default=16, help="uploads at once (16)")
    arguments = parser.parse_args()
    try:
        if not arguments.folder.is_dir():
            raise ApiError(f"there is no folder {arguments.folder}")
        if arguments.parallel < 1 or (arguments.count is not None and arguments.count < 1):
            raise ApiError("--count and --parallel must be 1 or more")
        files = images_in(arguments.folder)
        names = names_for(files, arguments.folder, arguments.count or len(files))
        url = os.environ.get("BACKEND_API_URL") or "http://localhost:8080"
        api = Api(url, os.environ.get("API_KEY", ""))
        api.expect(200, "GET", "/health")
        return 1 if upload_all(api, names, arguments.output, arguments.parallel) else 0
    except ApiError as error:
        print(f"pre-upload-images.sh: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
