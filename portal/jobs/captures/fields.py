"""The fields of a completion request that look inside the model, or change what stands there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import PlainValidator

from inference.interp.spec import Capture, Intervention
from inference.interp.wire import read_captures, read_interventions
from portal.jobs.errors import BadParameter

MOST_ITEMS = 256  # of each field
MOST_NUMBERS = 262_144  # written out in each field; more come in a file of tensors
MOST_DIMENSIONS = 4  # of a value that is written out


def sentence(error: ValueError) -> str:
    """Write what the engine's own checks say as a sentence for people."""
    return f"{str(error).rstrip('.')}."


def _reader(field: str, read: Callable[[object], Any]) -> Callable[[Any], Any]:
    def checked(items: Any) -> Any:
        _require_few(field, items)
        try:
            return read(items)
        except ValueError as error:
            raise BadParameter(sentence(error), field=field) from error

    return checked


def _require_few(field: str, items: Any) -> None:
    """Refuse more than is read in a moment, before any of it is read."""
    if not isinstance(items, list):
        raise BadParameter(f"{field} must be a list of objects.", field=field)
    if len(items) > MOST_ITEMS:
        raise BadParameter(f"{field} may hold {MOST_ITEMS} items at most.", field=field)
    numbers = 0
    for number, item in enumerate(items):
        numbers += _count(f"{field} {number}", field, item)
    if numbers > MOST_NUMBERS:
        raise BadParameter(
            f"{field} holds {numbers:,} numbers, and {MOST_NUMBERS:,} are the most. Upload larger "
            "tensors to /v1/files with the purpose “tensors”, and name them here.",
            field=field,
        )


def _count(name: str, field: str, item: Any) -> int:
    """Count what stands in the lists of an item, level by level. Raises BadParameter."""
    level: Sequence[Any] = [item]
    count = 0
    for _ in range(2 * MOST_DIMENSIONS):
        level = [child for part in level for child in _children(part)]
        count += len(level)
        if not level:
            return count
    raise BadParameter(
        f"{name} is nested too deeply: a value has {MOST_DIMENSIONS} dimensions at most.",
        field=field,
    )


def _children(part: Any) -> Sequence[Any]:
    if isinstance(part, dict):
        return list(part.values())
    return part if isinstance(part, list) else ()


if TYPE_CHECKING:
    Captures: TypeAlias = tuple[Capture, ...]
    Interventions: TypeAlias = tuple[Intervention, ...]
else:  # pydantic would look at the types, which name torch's
    Captures = Annotated[Any, PlainValidator(_reader("capture", read_captures))]
    Interventions = Annotated[Any, PlainValidator(_reader("interventions", read_interventions))]
