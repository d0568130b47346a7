"""Let one trainer at a time use a folder, and name the one that does."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inference.errors import TrainError
from inference.file_lock import lock_file
from inference.training.logbook import now

LOCK_NAME = ".trainer.lock"  # hidden: publishing leaves it out


@contextmanager
def hold_folder(directory: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Lock the folder for this trainer, making it if need be.

    A folder that was made here and is empty at the end is removed. Raises TrainError naming the
    process that holds it already.
    """
    made = _make(directory)
    path = directory / LOCK_NAME
    handle = _take(path, say)
    try:
        yield
    finally:
        # removed while it is still locked, so that nobody locks a file that is about to go
        with suppress(OSError):  # the folder may have been taken away meanwhile
            path.unlink(missing_ok=True)
        os.close(handle)
        with suppress(OSError):  # the first that holds something ends it
            for folder in made:
                folder.rmdir()


def _make(directory: Path) -> list[Path]:
    """Make the folder and those above it; return those that weren't there, innermost first."""
    absent = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(path for path in (directory, *directory.parents) if path.exists())
        raise TrainError(f"{file} is no folder: give another --out") from error
    return absent


def _take(path: Path, say: Callable[[str], None]) -> int:
    """Open and lock a file at path, and sign it.

    A trainer that ends removes the file, maybe between opening and locking here; then the lock is
    on a file that is gone, and must be taken again.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(handle, path.parent, say)
            if _is_at(handle, path):
                _sign(handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, directory: Path, say: Callable[[str], None]) -> None:
    try:
        locked = lock_file(handle)
    except BlockingIOError:
        raise TrainError(
            f"{directory} is in use by {_holder(handle)}: wait until it ends, stop it, "
            "or give another --out"
        ) from None
    if not locked:
        say(f"{directory} keeps no locks: see to it that no second trainer uses it")


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(holder).encode(), 0)


def _holder(handle: int) -> str:
    """Name the process that signed the file. Between locking and signing there is none."""
    try:
        signed = json.loads(os.pread(handle, 4096, 0))
        return f"process {signed['pid']} on {signed['host']} since {signed['since']}"
    except (ValueError, KeyError, TypeError):
        return "another trainer"
