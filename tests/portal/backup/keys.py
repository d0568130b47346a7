"""A key of age, made once, and files with it."""

from __future__ import annotations

from pathlib import Path

import pyrage

KEY = pyrage.x25519.Identity.generate()


def write_key(folder: Path, key: pyrage.x25519.Identity = KEY) -> Path:
    path = folder / "backup-key.txt"
    path.write_text(f"# public key: {key.to_public()}\n{key}\n")
    return path
