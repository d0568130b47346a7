"""Read the JSON files of a model's folder, within bounds and with errors that say what to do."""

import json
from pathlib import Path
from typing import Any, NoReturn

from inference.model_files.lookalikes import lookalike

MAX_BYTES = 64 * 2**20  # several times the largest index or vocabulary of any published model


def read_object(path: Path, error: type[Exception]) -> dict[str, Any]:
    """Return the object that a JSON file holds. Raises ``error`` for a file that holds none."""
    stored = _read(path, error)
    try:
        value = json.loads(stored.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        raise error(f"{path} is not JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise error(f"{path} must hold a JSON object, not {_kind(value)}")
    return value


def _read(path: Path, error: type[Exception]) -> bytes:
    try:
        with path.open("rb") as file:
            stored = file.read(MAX_BYTES + 1)
    except OSError as cause:
        raise error(f"cannot read {path}: {cause.strerror}") from cause
    if len(stored) > MAX_BYTES:
        raise error(f"{path} is over {MAX_BYTES // 2**20} MiB, too large for a file of its kind")
    stand_in = lookalike(stored)
    if stand_in is not None:
        raise error(f"{path} is {stand_in}, not JSON: fetch it again")
    return stored


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", type(None): "null"}.get(type(value), repr(value)[:40])
