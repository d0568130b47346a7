"""Check what a request captures and changes before anything runs. Refusals are ValueErrors."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from math import prod
from typing import TypeVar, get_args

import torch

from inference.config import OptConfig
from inference.interp.spec import ITEM_BYTES, SITES, Action, Capture, Intervention, shape_of

T = TypeVar("T")


def checked_captures(
    captures: Sequence[Capture], config: OptConfig, length: int, samples: int, max_bytes: int
) -> tuple[Capture, ...]:
    """Check captures in sequences of at most ``length`` computed tokens, and return them.

    Raises ValueError naming the index of the first that can't be done, or the bytes that all
    samples' captures come to where these are over max_bytes.
    """
    checked = _each("capture", captures, lambda capture: _checked_capture(capture, config, length))
    size_bytes = samples * sum(_bytes_of(capture, config, length) for capture in checked)
    if size_bytes > max_bytes:
        raise ValueError(
            f"the captures come to {size_bytes} bytes, over the engine's {max_bytes}: name "
            "layers and positions, or a narrower dtype"
        )
    return checked


def checked_interventions(
    interventions: Sequence[Intervention], config: OptConfig, length: int
) -> tuple[Intervention, ...]:
    """Check interventions, and return them with their values as fp32 tensors of their own.

    Copying keeps a caller from changing a tensor while the engine uses it. Raises ValueError naming
    the index of the first that can't be done.
    """
    return _each(
        "intervention", interventions, lambda item: _checked_intervention(item, config, length)
    )


def _each(kind: str, items: Collection[T], check: Callable[[T], T]) -> tuple[T, ...]:
    checked = []
    for number, item in enumerate(items):
        try:
            checked.append(check(item))
        except ValueError as error:
            raise ValueError(f"{kind} {number}: {error}") from error
    return tuple(checked)


def _checked_capture(capture: Capture, config: OptConfig, length: int) -> Capture:
    _among("site", capture.site, SITES)
    _among("dtype", capture.dtype, tuple(ITEM_BYTES))
    if capture.site == "logits" and capture.layers is not None:
        raise ValueError("logits have no layers")
    _indices("layers", capture.layers, config.num_hidden_layers)
    _indices("positions", capture.positions, length)
    return capture


def _bytes_of(capture: Capture, config: OptConfig, length: int) -> int:
    positions = length if capture.positions is None else len(capture.positions)
    position_bytes = prod(shape_of(capture.site, config, length)) * ITEM_BYTES[capture.dtype]
    return len(capture.layers_of(config)) * positions * position_bytes


def _checked_intervention(
    intervention: Intervention, config: OptConfig, length: int
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
    units, *inner = shape_of(intervention.site, config, length)
    _indices("positions", intervention.positions, length)
    _indices("units", intervention.units, units)
    changed = units if intervention.units is None else len(intervention.units)
    return replace(intervention, value=_checked_value(intervention, (changed, *inner)))


def _checked_value(intervention: Intervention, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the value as a tensor that broadcasts; shape is that of one position's units."""
    try:
        value = torch.as_tensor(intervention.value).to("cpu", torch.float32, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"value is no number, list or tensor of numbers: {error}") from error
    if not bool(value.isfinite().all()):
        raise ValueError("value holds NaN or infinity")
    per_position = value.dim() > len(shape) and len(value) > 1
    if per_position and intervention.positions is None:
        raise ValueError("a value for each position needs positions")
    target = (len(intervention.positions or ()) if per_position else 1, *shape)
    dims = zip(reversed(value.shape), reversed(target), strict=False)
    if value.dim() > len(target) or not all(have in (1, want) for have, want in dims):
        raise ValueError(f"value of shape {tuple(value.shape)} does not broadcast to {target}")
    return value


def _among(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")


def _indices(name: str, indices: Collection[int] | None, size: int) -> None:
    """Require None (which stands for all), or different indices below size."""
    if indices is None:
        return
    if len(indices) > size or len(set(indices)) < len(indices):
        raise ValueError(f"{name} must be different ones of the {size} there are")
    for index in indices:
        if not isinstance(index, int) or not 0 <= index < size:
            raise ValueError(f"{name} must be from 0 to {size - 1}, not {index!r}")
