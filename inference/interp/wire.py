"""Read captures and interventions as JSON has them over HTTP, and write them. Free of torch.

A value may be a reference instead: to a tensor of an uploaded file, or to rows of what an earlier
completion captured. Whoever takes the request in finds these by ``resolved``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from inference.interp.reductions import (
    REDUCE_KINDS,
    Last,
    Mean,
    Projection,
    Reduction,
    TopK,
)
from inference.interp.spec import ITEM_BYTES, SITES, Action, Capture, Intervention, WhiteBox
from inference.interp.validation import naming_each

_FIELDS_OF_REDUCTIONS: Mapping[str, tuple[str, ...]] = {
    "last": (),
    "mean": (),
    "top_k": ("k",),
    "projection": ("matrix", "bias"),
}


@dataclass(frozen=True)
class TensorReference:
    """A tensor that lies with the server: of a file, or of an earlier completion.

    positions: which rows of the completion's; None for all. shape: where it is known already.
    """

    tensor: str
    file: str | None = None
    completion: str | None = None
    positions: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None


def read_captures(items: object) -> tuple[Capture, ...]:
    """Read the field ``capture``. Raises ValueError naming the index of the first bad one."""
    return naming_each("capture", _as_list("capture", items), _capture)


def read_interventions(items: object) -> tuple[Intervention, ...]:
    """Read the field ``interventions``. Raises ValueError naming the index of the first bad one."""
    return naming_each("intervention", _as_list("interventions", items), _intervention)


def capture_json(capture: Capture) -> dict[str, Any]:
    """Return a capture as ``read_captures`` reads it."""
    written = {field.name: getattr(capture, field.name) for field in fields(capture)}
    written["layers"] = None if capture.layers is None else list(capture.layers)
    written["positions"] = None if capture.positions is None else list(capture.positions)
    written["reduce"] = capture.reduce and _reduction_json(capture.reduce)
    return {name: value for name, value in written.items() if value is not None}


def intervention_json(intervention: Intervention) -> dict[str, Any]:
    """Return an intervention as ``read_interventions`` reads it."""
    written = {field.name: getattr(intervention, field.name) for field in fields(intervention)}
    written["value"] = value_json(intervention.value)
    for name in ("positions", "units"):
        written[name] = None if written[name] is None else list(written[name])
    return {name: value for name, value in written.items() if value is not None}


def value_json(value: Any) -> Any:
    """Return a number, nested lists or a reference as JSON has it; tensors and arrays as lists."""
    if isinstance(value, TensorReference):
        named = {name: getattr(value, name) for name in ("tensor", "file", "completion")}
        named["positions"] = None if value.positions is None else list(value.positions)
        return {name: part for name, part in named.items() if part is not None}
    return value.tolist() if hasattr(value, "tolist") else value


def references(white_box: WhiteBox) -> list[TensorReference]:
    """Return all references, each once, in the order that they stand in."""
    in_order: dict[TensorReference, None] = {}

    def note(reference: TensorReference) -> TensorReference:
        in_order[reference] = None
        return reference

    resolved(white_box, note)
    return list(in_order)


def resolved(white_box: WhiteBox, resolve: Callable[[TensorReference], Any]) -> WhiteBox:
    """Return captures and interventions with each reference replaced by what resolve returns.

    A ValueError that it raises names the index of the capture or intervention.
    """

    def of(value: Any) -> Any:
        return resolve(value) if isinstance(value, TensorReference) else value

    def of_capture(capture: Capture) -> Capture:
        projection = capture.reduce
        if not isinstance(projection, Projection):
            return capture
        return replace(capture, reduce=Projection(of(projection.matrix), of(projection.bias)))

    return WhiteBox(
        naming_each("capture", white_box.captures, of_capture),
        naming_each(
            "intervention",
            white_box.interventions,
            lambda item: replace(item, value=of(item.value)),
        ),
    )


def _reduction_json(reduction: Reduction) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": reduction.kind}
    for name in _FIELDS_OF_REDUCTIONS[reduction.kind]:
        value = getattr(reduction, name)
        if value is not None:
            written[name] = value_json(value)
    return written


def _capture(item: object) -> Capture:
    named = _as_fields(item, ("site", "layers", "positions", "dtype", "reduce"))
    return Capture(
        _choice("site", named.get("site"), SITES),
        _integers("layers", named.get("layers")),
        _integers("positions", named.get("positions")),
        _choice("dtype", named.get("dtype", "float32"), tuple(ITEM_BYTES)),
        _reduction(named.get("reduce")),
    )


def _reduction(item: object) -> Reduction | None:
    if item is None:
        return None
    if not isinstance(item, Mapping):
        raise ValueError('reduce must be null or an object such as {"kind": "mean"}')
    kind = _choice("reduce.kind", item.get("kind"), REDUCE_KINDS)
    named = _as_fields(item, ("kind", *_FIELDS_OF_REDUCTIONS[kind]))
    if kind == "top_k":
        return TopK(_integer("reduce.k", named.get("k")))
    if kind == "projection":
        matrix, bias = named.get("matrix"), named.get("bias")
        if matrix is None:
            raise ValueError("reduce.matrix is missing: give lists of numbers, or a tensor")
        return Projection(
            _value("reduce.matrix", matrix), None if bias is None else _value("reduce.bias", bias)
        )
    return Last() if kind == "last" else Mean()


def _intervention(item: object) -> Intervention:
    named = _as_fields(item, ("site", "action", "layer", "positions", "units", "value"))
    if named.get("value") is None:
        raise ValueError("value is missing: give a number, lists of numbers, or a tensor")
    layer = named.get("layer")
    return Intervention(
        _choice("site", named.get("site"), SITES),
        _choice("action", named.get("action"), get_args(Action)),
        _value("value", named["value"]),
        None if layer is None else _integer("layer", layer),
        _integers("positions", named.get("positions")),
        _integers("units", named.get("units")),
    )


def _value(name: str, value: object) -> Any:
    """Return a value as it is, or the reference that it stands for; its numbers aren't read."""
    if not isinstance(value, Mapping):
        return value
    named = _as_fields(value, ("tensor", "file", "completion", "positions"), name)
    tensor = _text(f"{name}.tensor", named.get("tensor"))
    if ("file" in named) == ("completion" in named):
        raise ValueError(f"{name} must name either a file or a completion")
    if "file" in named:
        if "positions" in named:
            raise ValueError(f"{name}.positions go with a completion, not with a file")
        return TensorReference(tensor, file=_text(f"{name}.file", named["file"]))
    positions = _integers(f"{name}.positions", named.get("positions"))
    completion = _text(f"{name}.completion", named["completion"])
    return TensorReference(tensor, None, completion, positions)


def _as_list(name: str, items: object) -> Sequence[object]:
    if items is None:
        return ()
    if not isinstance(items, list | tuple):
        raise ValueError(f"{name} must be a list of objects")
    return items


def _as_fields(item: object, known: tuple[str, ...], inside: str = "") -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise ValueError(f"must be an object with the fields {', '.join(known)}")
    for name in item:
        if name not in known:
            place = f" in {inside}" if inside else ""
            raise ValueError(f"unknown field {name!r:.60}{place}; known are {', '.join(known)}")
    return item


def _choice(name: str, value: object, known: tuple[str, ...]) -> Any:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r:.60}")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, not {value!r:.60}")
    return value


def _integer(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, not {value!r:.60}")
    return value


def _integers(name: str, values: object) -> tuple[int, ...] | None:
    if values is None:
        return None
    if not isinstance(values, list | tuple):
        raise ValueError(f"{name} must be a list of whole numbers, or null")
    if not values:
        raise ValueError(f"{name} names none: leave it out for all, or name some")
    return tuple(_integer(name, value) for value in values)
