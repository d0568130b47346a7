"""Write small files whole or not at all, and folders that only their owner can read."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from portal.private_files import write_private

MAX_LOG_BYTES = 8 * 1024 * 1024


def write_json(path: Path, content: Any) -> None:
    write_private(path, json.dumps(content, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Return the file's content; None where the file is missing or isn't JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def private_folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def secret_key(var: Path) -> str:
    """Return the folder's secret key, made at the first call and kept beside the data."""
    path = var / "secret-key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(64) + "\n")
    return path.read_text().strip()


def open_log(path: Path) -> int:
    """Open a log to append to; one that has grown too long is renamed first."""
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def tail(path: Path, lines: int = 15, since: int = 0) -> str:
    """Return the last lines of what a log holds after byte `since`."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, min(since, size), size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
