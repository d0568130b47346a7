"""Reading the JSON files of a model's folder, within bounds and with errors that say what to do."""

import json
from pathlib import Path
from typing import Any, NoReturn

from inference.model_files.lookalikes import lookalike

MAX_BYTES = 64 * 2**20  # several times the largest index or vocabulary of any published model


def read_object(path: Path, error: type[Exception]) -> dict[str, Any]:
    """Return the object that a JSON file holds; what is wrong with the file is raised as error."""
    stored = _read(path, error)
    try:
        found = json.loads(stored.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        raise error(f"{path} is not JSON: {cause}") from cause
    if not isinstance(found, dict):
        raise error(f"{path} must hold a JSON object, not {_kind(found)}")
    return found


def _read(path: Path, error: type[Exception]) -> bytes:
    try:
        with path.open("rb") as file:
            stored = file.read(MAX_BYTES + 1)
    except OSError as cause:
        raise error(f"cannot read {path}: {cause.strerror}") from cause
    if len(stored) > MAX_BYTES:
        raise error(f"{path} is over {MAX_BYTES // 2**20} MiB, too large for a file of its kind")
    what = lookalike(stored)
    if what is not None:
        raise error(f"{path} is {what}, not JSON: fetch it again")
    return stored


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")


def _kind(found: object) -> str:
    return {list: "a list", str: "a string", type(None): "null"}.get(type(found), repr(found)[:40])
