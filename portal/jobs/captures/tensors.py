"""Files of tensors that people upload, for interventions and projections."""

from __future__ import annotations

from typing import BinaryIO

from inference.interp.file_layout import CODES
from portal.catalog.formats.safetensors import Tensor, inspect_stream
from portal.catalog.quarantine.finite import not_finite
from portal.jobs.errors import BadParameter

MOST_TENSORS = 1024
MOST_DIMENSIONS = 4
MOST_HEADER_BYTES = 1 << 20
# What the engine applies in float32.
DTYPES = {code: dtype for dtype, code in CODES.items() if dtype.startswith(("float", "bfloat"))}
LONGEST_NAME = 200


def read_tensors(content: BinaryIO, size_bytes: int) -> dict[str, dict[str, object]]:
    """Check a file of tensors, and return the dtype and shape of each by name.

    Raises BadParameter, naming the first thing that is wrong: no safetensors file, a name, a dtype
    or a shape that isn't taken, or a value that is NaN or infinite.
    """
    content.seek(0)
    tensors, problems = inspect_stream(content, size_bytes, limit=MOST_HEADER_BYTES)
    problem = problems[0] if problems else _refused(tensors)
    if not problem:
        content.seek(0)
        wrong = next(not_finite(content, size_bytes, in_float32=True), None)
        problem = f"{wrong} holds NaN or infinity, or a number beyond float32" if wrong else ""
    if problem:
        raise BadParameter(
            f"This file of tensors can’t be taken: {problem}. Send safetensors with finite "
            f"numbers of {', '.join(DTYPES.values())}.",
            field="file",
        )
    return {
        tensor.name: {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape)}
        for tensor in tensors
    }


def _refused(tensors: list[Tensor]) -> str:
    """Return why well-formed tensors aren't taken; "" where they are."""
    if not tensors:
        return "it holds none"
    if len(tensors) > MOST_TENSORS:
        return f"it holds {len(tensors):,}, and {MOST_TENSORS:,} are the most"
    for tensor in tensors:
        if not 1 <= len(tensor.name) <= LONGEST_NAME:
            return f"a name has 1 to {LONGEST_NAME} characters"
        if tensor.dtype not in DTYPES:
            return f"{tensor.name} is of {tensor.dtype}"
        if len(tensor.shape) > MOST_DIMENSIONS or 0 in tensor.shape:
            return f"{tensor.name} has the shape {list(tensor.shape)}"
    return ""
