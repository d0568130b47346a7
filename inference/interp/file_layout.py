"""Names, shapes and dtypes of the tensors in files of captures. Free of torch.

Tensors are named CHOICE.SITE.LAYER, or CHOICE.logits, with .KIND where they are reduced:
0.output.3, 0.logits, 1.neurons.0.top_k. Beside each lies NAME.positions, and with ``top_k``
NAME.indices.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import get_args

from inference.interp.reductions import REDUCE_KINDS, ReduceKind, TopK, kept_shape
from inference.interp.spec import Capture, ModelShape, Point, Site, shape_of
from inference.model_files.safetensors_header import ITEM_BYTES_BY_CODE, read_entries

POSITIONS, INDICES = ".positions", ".indices"
POSITIONS_DTYPE, INDICES_DTYPE = "int64", "int32"
CODES = {  # of safetensors, by the names of torch and numpy
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
    "int32": "I32",
}  # fmt: skip
_NAME = re.compile(
    rf"(?P<choice>\d+)\.(?P<site>{'|'.join(get_args(Site))})"
    rf"(\.(?P<layer>\d+))?(\.(?P<kind>{'|'.join(REDUCE_KINDS)}))?"
)


@dataclass(frozen=True)
class TensorLayout:
    """The dtype and shape of one tensor; dtype is named as in torch and numpy."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of its numbers."""
        return prod(self.shape) * ITEM_BYTES_BY_CODE[CODES[self.dtype]]


def tensor_name(choice: int, point: Point) -> str:
    """Return the name of the values of a site, layer and reduction of a choice."""
    return ".".join(str(part) for part in (choice, *point) if part is not None)


def in_order(points: Iterable[Point]) -> list[Point]:
    """Return points as a file has them, so that no file is larger than the largest counted.

    The header has offsets, which are longer or shorter by the order of the tensors.
    """
    return sorted(points, key=lambda point: tensor_name(0, point))


def read_name(name: str) -> tuple[int, Point]:
    """Return the choice, and the site, layer and reduction. Raises ValueError for other names."""
    match = _NAME.fullmatch(name)
    if match is None or (match["site"] == "logits") != (match["layer"] is None):
        raise ValueError(f"{name!r:.80} is no name of captured values, such as 0.output.3")
    site: Site = match["site"]  # type: ignore[assignment]
    kind: ReduceKind | None = match["kind"]  # type: ignore[assignment]
    return int(match["choice"]), (
        site,
        None if match["layer"] is None else int(match["layer"]),
        kind,
    )


def read_layout(path: Path) -> dict[str, TensorLayout]:
    """Return the dtype and shape of each tensor of a safetensors file, by name.

    Raises ValueError where it is no such file, or holds other dtypes than numbers here have.
    """
    names = {code: dtype for dtype, code in CODES.items()}
    with path.open("rb") as file:
        entries = read_entries(file, path.stat().st_size)
    return {name: TensorLayout(names[it.code], it.shape) for name, it in entries.items()}


def most_captured(
    captures: Sequence[Capture],
    config: ModelShape,
    prompt_tokens: int,
    max_tokens: int,
    choices: Sequence[int] = (0,),
) -> dict[str, TensorLayout]:
    """Return all tensors that checked captures of one prompt make, each as large as it can get.

    choices: the numbers of its samples. A sample that stops early has fewer positions.
    """
    length = prompt_tokens + max(max_tokens - 1, 0)  # the last one drawn is never computed
    by_point = {
        (capture.site, layer, capture.reduce_kind): capture
        for capture in captures
        for layer in capture.layers_of(config)
    }
    return {
        tensor_name(choice, point) + suffix: layout
        for choice in choices
        for point in in_order(by_point)
        for suffix, layout in _most(by_point[point], config, length)
    }


def _most(capture: Capture, config: ModelShape, length: int) -> Iterator[tuple[str, TensorLayout]]:
    positions = range(length) if capture.positions is None else capture.positions
    keys = max(positions, default=-1) + 1
    shape = kept_shape(capture.reduce, len(positions), shape_of(capture.site, config, keys))
    yield "", TensorLayout(capture.dtype if capture.reduce is None else "float32", shape)
    listed = 1 if capture.reduce_kind == "last" else len(positions)
    yield POSITIONS, TensorLayout(POSITIONS_DTYPE, (min(listed, len(positions)),))
    if isinstance(capture.reduce, TopK):
        yield INDICES, TensorLayout(INDICES_DTYPE, shape)
