"""A limit of memory for a service, and clients that read slowly."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

CGROUPS = Path("/sys/fs/cgroup")


class CgroupUnavailable(Exception):
    """This user or this system cannot make a cgroup with a limit of memory."""


class Cgroup:
    """A cgroup below this process's own, of version 2 or 1, with a limit of memory."""

    def __init__(self, limit: int) -> None:
        groups = dict(
            line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()
        )
        self.v1 = "memory" in groups
        base = CGROUPS / "memory" if self.v1 else CGROUPS
        self.path = base / groups["memory" if self.v1 else ""].lstrip("/") / f"test-{os.getpid()}"
        try:
            self.path.mkdir()
            self.file("memory.limit_in_bytes" if self.v1 else "memory.max").write_text(str(limit))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            raise CgroupUnavailable(str(error)) from error

    def file(self, name: str) -> Path:
        return self.path / name

    def enter_command(self, program: Path, folder: Path) -> Path:
        """A program that does the same as `program`, in this cgroup."""
        script = folder / "in-cgroup"
        script.write_text(
            f'#!/bin/sh\necho $$ > "{self.file("cgroup.procs")}" && exec "{program}" "$@"\n'
        )
        script.chmod(0o755)
        return script

    def used(self) -> int:
        """Bytes that cannot be taken back without ending something: not the cache of files."""
        stat = dict(line.split() for line in self.file("memory.stat").read_text().splitlines())
        if not self.v1:
            return sum(int(stat.get(name, 0)) for name in ("anon", "shmem", "sock", "kernel"))
        sockets = self.file("memory.kmem.tcp.usage_in_bytes")
        return int(stat["rss"]) + int(stat.get("shmem", 0)) + int(sockets.read_text())

    def killed(self) -> int:
        """Processes that the system ended because the limit was reached."""
        text = self.file("memory.oom_control" if self.v1 else "memory.events").read_text()
        return int(dict(line.split() for line in text.splitlines()).get("oom_kill", 0))

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.rmdir()


def tree_bytes(process: int) -> int:
    """Anonymous and shared memory of a process and its children."""
    total = 0
    with contextlib.suppress(OSError, IndexError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(("RssAnon", "RssShmem")):
                total += int(line.split()[1]) * 1024
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            total += sum(tree_bytes(int(child)) for child in children.read_text().split())
    return total


@contextlib.contextmanager
def peak_of(figure: object) -> Iterator[list[int]]:
    """Calls `figure()` all the time; the list has its greatest value."""
    peak = [0]
    end = threading.Event()

    def sample() -> None:
        while not end.wait(0.02):
            peak[0] = max(peak[0], figure())  # type: ignore[operator]

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        end.set()
        thread.join()


class Readers:
    """Connections that each GET a path, and read as slowly as they like."""

    def __init__(self, url: str, path: str, count: int) -> None:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        self.sockets: list[socket.socket] = []
        for _ in range(count):
            connection = socket.create_connection((host, port), 30)
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            self.sockets.append(connection)

    def first_bytes(self) -> list[bytearray]:
        """Waits until each has got the first bytes of its answer."""
        return [bytearray(connection.recv(1_000)) for connection in self.sockets]

    def trickle(self, seconds: float, bytes_each_second: int) -> list[bytearray]:
        """What each got. A connection that ended got less."""
        got = [bytearray() for _ in self.sockets]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for connection, bytes_ in zip(self.sockets, got, strict=True):
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    bytes_ += connection.recv(bytes_each_second)
            time.sleep(1)
        return got

    def finish(
        self, got: list[bytearray], only_first: int | None = None
    ) -> list[tuple[int, int, int]]:
        """Reads all that is left. Of each answer: the status, the length and CRC of its body.

        `only_first`: of so many; the others end.
        """
        for connection in self.sockets[len(got[:only_first]) :]:
            connection.close()
        got = got[:only_first]
        selector = selectors.DefaultSelector()
        heads, crcs, lengths = list(got), [0] * len(got), [-1] * len(got)
        for place, connection in enumerate(self.sockets[: len(got)]):
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, place)

        def take(place: int, piece: bytes) -> None:
            if lengths[place] < 0:
                heads[place] += piece
                end = heads[place].find(b"\r\n\r\n")
                if end < 0:
                    return
                piece, lengths[place] = bytes(heads[place][end + 4 :]), 0
            crcs[place] = zlib.crc32(piece, crcs[place])
            lengths[place] += len(piece)

        for place in range(len(got)):
            take(place, b"")
        while selector.get_map() and (ready := selector.select(60)):
            for key, _ in ready:
                connection = self.sockets[key.data]
                try:
                    piece = connection.recv(1 << 18)
                except ConnectionError:
                    piece = b""
                if piece:
                    take(key.data, piece)
                else:
                    selector.unregister(connection)
                    connection.close()
        statuses = [int(head[9:12] or b"0") for head in heads]
        return list(zip(statuses, lengths, crcs, strict=True))
