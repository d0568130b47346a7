"""Write small files whole or not at all, for their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def write_private(path: Path, text: str, *, like: os.stat_result | None = None) -> None:
    """Write a file at mode 0600 and rename it into place: a reader sees the old one or the new.

    ``like`` is the state of a file whose mode and owners the new one is to have instead.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if like is not None:
            os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
