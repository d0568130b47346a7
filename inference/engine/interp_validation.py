"""What a request wants inside the model, checked before anything runs; refusals are ValueErrors."""

from collections.abc import Callable, Collection
from dataclasses import replace
from math import prod
from typing import TypeVar, get_args

import torch

from inference.config import OptConfig
from inference.engine.outputs import EngineRequest
from inference.interp.spec import ITEM_BYTES, SITES, Action, Capture, Intervention, shape_of

T = TypeVar("T")


def checked_inside(
    request: EngineRequest, config: OptConfig, max_capture_bytes: int
) -> EngineRequest:
    """The same request, its values as fp32 tensors of its own; max_tokens is decided.

    The error names the index of the first that can't be done, or the bytes that are too many.
    """
    sampling = request.sampling
    # the last token drawn is never computed
    reach = len(request.prompt_token_ids) + max((sampling.max_tokens or 0) - 1, 0)
    captures = _each("capture", request.captures, lambda it: _checked_capture(it, config, reach))
    wanted = sampling.n * sum(_bytes_of(capture, config, reach) for capture in captures)
    if wanted > max_capture_bytes:
        raise ValueError(
            f"the captures come to {wanted} bytes, over the engine's {max_capture_bytes}: name "
            "layers and positions, or a narrower dtype"
        )
    interventions = _each(
        "intervention", request.interventions, lambda it: _checked_intervention(it, config, reach)
    )
    return replace(request, captures=captures, interventions=interventions)


def _each(kind: str, given: Collection[T], check: Callable[[T], T]) -> tuple[T, ...]:
    found = []
    for number, each in enumerate(given):
        try:
            found.append(check(each))
        except ValueError as error:
            raise ValueError(f"{kind} {number}: {error}") from error
    return tuple(found)


def _checked_capture(capture: Capture, config: OptConfig, reach: int) -> Capture:
    _among("site", capture.site, SITES)
    _among("dtype", capture.dtype, tuple(ITEM_BYTES))
    if capture.site == "logits" and capture.layers is not None:
        raise ValueError("logits have no layers")
    _indices("layers", capture.layers, config.num_hidden_layers)
    _indices("positions", capture.positions, reach)
    return capture


def _bytes_of(capture: Capture, config: OptConfig, reach: int) -> int:
    positions = reach if capture.positions is None else len(capture.positions)
    each = prod(shape_of(capture.site, config, reach)) * ITEM_BYTES[capture.dtype]
    return len(capture.layers_of(config)) * positions * each


def _checked_intervention(
    intervention: Intervention, config: OptConfig, reach: int
) -> Intervention:
    _among("site", intervention.site, SITES)
    _among("action", intervention.action, get_args(Action))
    if intervention.site == "attention":
        raise ValueError("attention's weights can be captured, not changed; heads can be")
    if (intervention.site == "logits") != (intervention.layer is None):
        raise ValueError(
            f"{intervention.site} with layer {intervention.layer!r}: only logits have none"
        )
    if intervention.layer is not None:
        _indices("layer", (intervention.layer,), config.num_hidden_layers)
    units, *inner = shape_of(intervention.site, config, reach)
    _indices("positions", intervention.positions, reach)
    _indices("units", intervention.units, units)
    asked = units if intervention.units is None else len(intervention.units)
    return replace(intervention, value=_checked_value(intervention, (asked, *inner)))


def _checked_value(intervention: Intervention, shape: tuple[int, ...]) -> torch.Tensor:
    """shape: of one position's units."""
    try:
        value = torch.as_tensor(intervention.value).to("cpu", torch.float32, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"value is no number, list or tensor of numbers: {error}") from error
    if not bool(value.isfinite().all()):
        raise ValueError("value holds NaN or infinity")
    several = value.dim() > len(shape) and len(value) > 1
    if several and intervention.positions is None:
        raise ValueError("a value for each position needs positions")
    wanted = (len(intervention.positions or ()) if several else 1, *shape)
    dims = zip(reversed(value.shape), reversed(wanted), strict=False)
    if value.dim() > len(wanted) or not all(have in (1, want) for have, want in dims):
        raise ValueError(f"value of shape {tuple(value.shape)} does not broadcast to {wanted}")
    return value


def _among(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")


def _indices(name: str, given: Collection[int] | None, size: int) -> None:
    """None, or different indices below size."""
    if given is None:
        return
    if len(given) > size or len(set(given)) < len(given):
        raise ValueError(f"{name} must be different ones of the {size} there are")
    for index in given:
        if not isinstance(index, int) or not 0 <= index < size:
            raise ValueError(f"{name} must be from 0 to {size - 1}, not {index!r}")
