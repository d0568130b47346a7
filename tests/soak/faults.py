"""Faults that begin and end; what ended by itself is started anew, as by an init system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.hosts.daemons import Daemon
from tests.hosts.site import TwoHosts
from tests.soak.mailserver import MailServer

DISK_BYTES = 64 << 20


@dataclass(frozen=True)
class Fault:
    """Something that fails by ``begin``, and works again after ``end``."""

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]

    def with_other(self, other: Fault) -> Fault:
        def begin() -> None:
            other.begin()
            self.begin()

        def end() -> None:
            other.end()
            self.end()

        return Fault(f"{self.name} + {other.name}", begin, end)


def killed(name: str, daemon: Daemon) -> Fault:
    return Fault(f"{name} killed", daemon.kill, daemon.start)


def frozen(name: str, daemon: Daemon) -> Fault:
    return Fault(f"{name} frozen", daemon.freeze, daemon.thaw)


def disk_full(folder: Path) -> Fault:
    """Make the fault of a disk that a file fills to its last byte."""
    file = folder / "filler"

    def fill() -> None:
        with file.open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1 << 16)):
                    pass
            except OSError:
                return

    return Fault("disk full", fill, lambda: file.unlink())


def all_faults(site: TwoHosts, mail: MailServer) -> list[Fault]:
    """Return each fault alone, and each with the database or Redis at the same time."""
    database = killed("database", site.backends.postgres)
    redis = killed("Redis", site.backends.valkey)
    others = [
        killed("S3", site.backends.s3),
        Fault("mail away", mail.stop, mail.start),
        *([disk_full(site.web.var)] if os.geteuid() == 0 else []),
        killed("worker", site.daemons["worker"]),
    ]
    alone = [
        database,
        frozen("database", site.backends.postgres),
        redis,
        frozen("Redis", site.backends.valkey),
        *others,
        Fault("mail silent", mail.fall_silent, mail.speak_again),
    ]
    pairs = [one.with_other(other) for one, other in product(others, (database, redis))]
    return [*alone, *pairs, redis.with_other(database)]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk on a folder for the block, which only root can."""
    if os.geteuid() != 0:
        yield
        return
    folder.mkdir(parents=True)
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
