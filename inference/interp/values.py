"""Give a request tensors of its own for the values that it was made with.

Copying keeps a caller from changing a tensor while the engine uses it.
"""

from dataclasses import replace
from typing import Any

import torch

from inference.interp.reductions import Projection
from inference.interp.spec import Capture, Intervention, WhiteBox
from inference.interp.validation import naming_each


def with_own_tensors(white_box: WhiteBox) -> WhiteBox:
    """Return what was checked with fp32 tensors. Raises ValueError for what isn't finite."""
    return WhiteBox(
        naming_each("capture", white_box.captures, _own_capture),
        naming_each("intervention", white_box.interventions, _own_intervention),
    )


def _own_capture(capture: Capture) -> Capture:
    projection = capture.reduce
    if not isinstance(projection, Projection):
        return capture
    matrix = _own_tensor("matrix", projection.matrix)
    bias = None if projection.bias is None else _own_tensor("bias", projection.bias)
    return replace(capture, reduce=Projection(matrix, bias))


def _own_intervention(intervention: Intervention) -> Intervention:
    return replace(intervention, value=_own_tensor("value", intervention.value))


def _own_tensor(name: str, value: Any) -> torch.Tensor:
    try:
        # through float64: JSON may bring a whole number that no int64 holds
        wide = value if hasattr(value, "dtype") else torch.as_tensor(value, dtype=torch.float64)
        tensor = torch.as_tensor(wide).to("cpu", torch.float32, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} is no number, list or tensor of numbers: {error}") from error
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinity")
    return tensor
