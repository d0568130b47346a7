"""Check what a request captures and changes before anything runs. Refusals are ValueErrors.

Free of torch: of a tensor only the shape is asked, so that whoever takes a request in can check it
where no torch is.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from math import prod
from typing import Any, TypeVar, get_args

from inference.interp.reductions import Last, Mean, Projection, Reduction, TopK, kept_shape
from inference.interp.spec import (
    ITEM_BYTES,
    READ_ONLY_SITES,
    SITES,
    Action,
    Capture,
    Intervention,
    ModelShape,
    shape_of,
)

T = TypeVar("T")
R = TypeVar("R")
MAX_FLOAT32 = 3.4028234663852886e38  # values are applied in float32
REDUCED_ITEM_BYTES = 4  # float32, and as much for an index


def checked_captures(
    captures: Sequence[Capture], config: ModelShape, length: int, samples: int, max_bytes: int
) -> tuple[Capture, ...]:
    """Check captures in sequences of at most ``length`` computed tokens, and return them.

    Raises ValueError naming the index of the first that can't be done, or the bytes that all
    samples' captures come to where these are over max_bytes.
    """
    checked = naming_each("capture", captures, lambda item: _checked_capture(item, config, length))
    _require_apart(checked, config)
    size_bytes = samples * sum(bytes_of(capture, config, length) for capture in checked)
    if size_bytes > max_bytes:
        raise ValueError(
            f"the captures come to {size_bytes} bytes, over the engine's {max_bytes}: name "
            "layers and positions, a reduction, or a narrower dtype"
        )
    return checked


def checked_interventions(
    interventions: Sequence[Intervention], config: ModelShape, length: int
) -> tuple[Intervention, ...]:
    """Check interventions in sequences of at most ``length`` computed tokens, and return them.

    Raises ValueError naming the index of the first that can't be done.
    """
    return naming_each(
        "intervention", interventions, lambda item: _checked_intervention(item, config, length)
    )


def naming_each(kind: str, items: Iterable[T], change: Callable[[T], R]) -> tuple[R, ...]:
    """Return all items changed. A ValueError names the number of the item that it is about."""
    changed = []
    for number, item in enumerate(items):
        try:
            changed.append(change(item))
        except ValueError as error:
            raise ValueError(f"{kind} {number}: {error}") from error
    return tuple(changed)


def require_lens_layers(
    captures: Sequence[Capture], config: ModelShape, lens_layers: Collection[int]
) -> None:
    """Refuse the logit lens of layers where no rank can turn hidden states into logits.

    Raises ValueError naming the index of the first such capture.
    """
    for number, capture in enumerate(captures):
        layers = capture.layers_of(config) if capture.site == "logit_lens" else ()
        if not set(layers) <= set(lens_layers):
            raise ValueError(
                f"capture {number}: the logit lens needs layers of the last pipeline stage here, "
                f"which are {min(lens_layers)} to {max(lens_layers)}"
            )


def bytes_of(capture: Capture, config: ModelShape, length: int) -> int:
    """Return how many bytes a capture keeps at most, of one sample of so many tokens."""
    positions = length if capture.positions is None else len(capture.positions)
    shape = kept_shape(capture.reduce, positions, shape_of(capture.site, config, length))
    item_bytes = ITEM_BYTES[capture.dtype] if capture.reduce is None else REDUCED_ITEM_BYTES
    index_bytes = REDUCED_ITEM_BYTES if isinstance(capture.reduce, TopK) else 0
    return len(capture.layers_of(config)) * prod(shape) * (item_bytes + index_bytes)


def shape_of_value(value: Any) -> tuple[int, ...] | None:
    """Return the shape of a number, nested lists of numbers, or anything that has one.

    Returns None for a reference whose shape isn't known yet. Raises ValueError for anything else.
    """
    if hasattr(value, "shape"):
        return None if value.shape is None else tuple(int(size) for size in value.shape)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _shape_of_list(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is no number, list or tensor of numbers: {value!s:.40}")
    if not abs(value) <= MAX_FLOAT32:
        raise ValueError("holds NaN or infinity, or what is infinite in float32")
    return ()


def _shape_of_list(values: Sequence[Any]) -> tuple[int, ...]:
    shapes = {shape_of_value(item) for item in values}
    if len(shapes) > 1 or None in shapes:
        raise ValueError("is no list of numbers: its parts are of different shapes")
    return (len(values), *(shapes.pop() or () if shapes else ()))


def _checked_capture(capture: Capture, config: ModelShape, length: int) -> Capture:
    _among("site", capture.site, SITES)
    _among("dtype", capture.dtype, tuple(ITEM_BYTES))
    if capture.site == "logits" and capture.layers is not None:
        raise ValueError("logits have no layers")
    _indices("layers", capture.layers, config.num_hidden_layers)
    _indices("positions", capture.positions, length)
    _check_reduction(capture.reduce, shape_of(capture.site, config, length))
    return capture


def _check_reduction(reduction: Reduction | None, shape: tuple[int, ...]) -> None:
    if reduction is None or isinstance(reduction, Last | Mean):
        return
    if not isinstance(reduction, TopK | Projection):
        raise ValueError(
            f"reduce must be Last(), Mean(), TopK(k) or Projection(matrix, bias), not {reduction!r}"
        )
    if len(shape) > 1:
        raise ValueError(f"reduce: {reduction.kind} needs a site with one vector at a position")
    if isinstance(reduction, TopK):
        if not isinstance(reduction.k, int) or not 1 <= reduction.k <= shape[0]:
            raise ValueError(f"k must be from 1 to the {shape[0]} units, not {reduction.k!r}")
    else:
        _check_projection(reduction, shape[0])


def _check_projection(projection: Projection, units: int) -> None:
    matrix = _named_shape("matrix", projection.matrix)
    if matrix is not None and (len(matrix) != 2 or matrix[1] != units or not matrix[0]):
        raise ValueError(f"matrix of shape {matrix} must be [out, {units}]")
    bias = None if projection.bias is None else _named_shape("bias", projection.bias)
    if matrix is not None and bias is not None and bias != matrix[:1]:
        raise ValueError(f"bias of shape {bias} must be [{matrix[0]}], a number for each row")


def _require_apart(captures: Sequence[Capture], config: ModelShape) -> None:
    """Refuse to capture the same twice: the values would stand among one another."""
    numbers: dict[tuple[str, str | None, int | None], int] = {}
    for number, capture in enumerate(captures):
        for layer in capture.layers_of(config):
            earlier = numbers.setdefault((capture.site, capture.reduce_kind, layer), number)
            if earlier != number:
                place = capture.site if layer is None else f"{capture.site} of layer {layer}"
                raise ValueError(
                    f"capture {number}: {place} is captured by capture {earlier} already, with "
                    "the same reduction: ask once, with all positions"
                )


def _checked_intervention(
    intervention: Intervention, config: ModelShape, length: int
) -> Intervention:
    _among("site", intervention.site, SITES)
    _among("action", intervention.action, get_args(Action))
    if intervention.site in READ_ONLY_SITES:
        other = "heads" if intervention.site == "attention" else "output"
        raise ValueError(f"{intervention.site} can be captured, not changed; {other} can be")
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
    _check_value(intervention, (changed, *inner))
    return intervention


def _check_value(intervention: Intervention, shape: tuple[int, ...]) -> None:
    """Require a value that broadcasts; shape is that of one position's units."""
    own = _named_shape("value", intervention.value)
    if own is None:
        return
    per_position = len(own) > len(shape) and own[0] > 1
    if per_position and intervention.positions is None:
        raise ValueError("a value for each position needs positions")
    target = (len(intervention.positions or ()) if per_position else 1, *shape)
    dims = zip(reversed(own), reversed(target), strict=False)
    if len(own) > len(target) or not all(have in (1, want) for have, want in dims):
        raise ValueError(f"value of shape {own} does not broadcast to {target}")


def _named_shape(name: str, value: Any) -> tuple[int, ...] | None:
    try:
        return shape_of_value(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error


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
