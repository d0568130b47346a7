"""Write CSV, here alone: each cell quoted, and none that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

# Besides ASCII's signs their full-width twins, which some spreadsheets read as formulas too.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def csv_line(values: Iterable[Any]) -> str:
    """Return one row, every cell quoted: one that splits at ``;`` or tabs begins no new cell."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow([safe_cell(value) for value in values])
    return line.getvalue()


def safe_cell(value: Any) -> Any:
    """Return a cell's value; an apostrophe makes text of what would be read as a formula."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        value = json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
