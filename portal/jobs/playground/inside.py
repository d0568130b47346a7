"""Present what a job saw inside the model: where a head looks, and what each layer expects next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Any, Final

from django.http import QueryDict
from safetensors.numpy import load_file

from inference.interp.file_layout import read_name
from inference.interp.reductions import TopK
from inference.interp.spec import Capture, ModelShape, shape_of
from inference.interp.wire import read_captures
from portal.jobs.hosting import HostedModel, hosted_model
from portal.jobs.models import CaptureFile, Job
from portal.jobs.playground.presentation import visible
from portal.storage import BlobMissing
from portal.storage.copying import file_of_blob

MOST_POSITIONS = 64  # of the text, its last ones: more can't be told apart
MOST_COLUMNS = 24  # of the lens
LIKELIEST = 3
ATTENTION_BYTES = 8 << 20  # of one job; the last layers are taken, as many as fit
SHADES = (0.05, 0.25, 0.5, 0.8)  # shares of a row's largest weight at which the shade deepens
MOST_FILE_BYTES = 32 << 20
ATTENTION: Final = "attention"
LENS: Final = "logit_lens"

Tensors = Mapping[str, Any]  # numpy's arrays


def captures_of_playground(shape: ModelShape, most_tokens: int) -> list[Capture]:
    """Return what the pictures of a text of so many tokens are made of; nothing if it is too long.

    Attention takes the square of the length, so of large models the last layers alone are taken.
    """
    heads, keys = shape_of(ATTENTION, shape, most_tokens)
    of_a_layer = most_tokens * heads * keys * 2
    count = min(ATTENTION_BYTES // of_a_layer, shape.num_hidden_layers)
    if not count:
        return []
    last = range(shape.num_hidden_layers - count, shape.num_hidden_layers)
    attention = Capture(ATTENTION, layers=list(last), dtype="float16")
    return [attention, Capture(LENS, reduce=TopK(min(LIKELIEST, shape.vocab_size)))]


def can_be_drawn(job: Job) -> bool:
    """Tell whether a job captured what the pictures are made of, at every position."""
    captures = read_captures((job.white_box or {}).get("capture"))
    drawn = {(capture.site, capture.reduce_kind): capture.positions for capture in captures}
    return drawn == {(ATTENTION, None): None, (LENS, "top_k"): None}


def shown_inside(
    job: Job, captures: CaptureFile | None, written: Sequence[int], asked: QueryDict
) -> dict[str, Any]:
    """Return the context of the pictures of a job's first text; nothing where there are none.

    ``written``: the tokens of that text. ``asked``: the layer, head and token of the address.
    """
    if captures is None or not job.prompts or not can_be_drawn(job):
        return {}
    if captures.blob.size_bytes > MOST_FILE_BYTES:
        return {}
    try:
        with file_of_blob(captures.blob_id) as path:
            tensors = load_file(path)
    except BlobMissing:
        return {}
    prompt = job.prompts[0]
    view = InsideView(tensors, [*prompt, *written], len(prompt), hosted_model(job.revision))
    chosen = view.chosen(
        *(_number(str(asked.get(name, ""))) for name in ("layer", "head", "token"))
    )
    return {
        "inside": view,
        "chosen": chosen,
        "words_attended": view.words(chosen),
        "picture": view.picture(chosen),
        "lens": view.lens,
    }


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else None


def longest_inside(shape: ModelShape) -> int:
    """Return the most tokens of a text whose attention in one layer can be drawn."""
    return isqrt(ATTENTION_BYTES // (2 * shape.num_attention_heads))


@dataclass(frozen=True)
class Chosen:
    """The head whose attention is shown, and the position that looks."""

    layer: int
    head: int
    position: int


@dataclass(frozen=True)
class AttendedWord:
    """A token that the chosen position looks at, or one that comes after it."""

    position: int
    text: str
    weight: str
    shade: int
    is_chosen: bool
    is_later: bool


@dataclass(frozen=True)
class ShadePath:
    """All cells of the picture that have one shade, as the path of an SVG."""

    shade: int
    path: str


@dataclass(frozen=True)
class LensCell:
    """A layer's likeliest next token at a position, with the runners-up."""

    text: str
    others: str
    agrees: bool


@dataclass(frozen=True)
class LensRow:
    layer: int
    cells: list[LensCell]


@dataclass(frozen=True)
class Lens:
    """For each token that was written the tokens that each layer expected, the last layer first."""

    written: list[str]
    rows: list[LensRow]


class InsideView:
    """The pictures of one text, made of its captured tensors."""

    def __init__(
        self, tensors: Tensors, tokens: Sequence[int], prompt_length: int, model: HostedModel
    ) -> None:
        self._tensors, self._model = tensors, model
        self._tokens, self._prompt_length = tokens, prompt_length
        self.layers = sorted(
            layer
            for _, (site, layer, _) in map(read_name, _values(tensors))
            if site == ATTENTION and layer is not None
        )

    @property
    def heads(self) -> range:
        return range(self._weights(self.layers[0]).shape[1])

    @property
    def computed(self) -> int:
        """Return how many positions were captured, of which the last are shown."""
        return len(self._captured_positions)

    @property
    def written(self) -> int:
        return len(self._tokens) - self._prompt_length

    @property
    def positions(self) -> list[int]:
        """Return the positions that are shown: the last of those that were computed."""
        return self._captured_positions[-MOST_POSITIONS:]

    def chosen(self, layer: int | None, head: int | None, position: int | None) -> Chosen:
        """Return what was asked for, with the last layer, first head and position for the rest."""
        return Chosen(
            _among(self.layers, layer, self.layers[-1]),
            _among(self.heads, head, 0),
            _among(self.positions, position, self.positions[-1]),
        )

    def words(self, chosen: Chosen) -> list[AttendedWord]:
        """Return the text's tokens, each with how much the chosen position looks at it."""
        weights = self._weights(chosen.layer)[
            self._captured_positions.index(chosen.position), chosen.head
        ]
        largest = float(weights.max())
        return [
            AttendedWord(
                position=position,
                text=self._name(self._tokens[position]),
                weight=f"{100 * float(weights[position]):.1f}\u00a0%",
                shade=shade_of(float(weights[position]), largest),
                is_chosen=position == chosen.position,
                is_later=position > chosen.position,
            )
            for position in self.positions
        ]

    def picture(self, chosen: Chosen) -> list[ShadePath]:
        """Return the head's whole attention: a row for each position that looks."""
        first = self.positions[0]
        weights = self._weights(chosen.layer)[-len(self.positions) :, chosen.head, first:]
        cells: dict[int, list[str]] = {}
        for row, looks in enumerate(weights.tolist()):
            for column, weight in enumerate(looks[: row + 1]):
                shade = shade_of(weight, max(looks))
                cells.setdefault(shade, []).append(f"M{column} {row}h1v1h-1z")
        return [ShadePath(shade, "".join(paths)) for shade, paths in sorted(cells.items()) if shade]

    @property
    def lens(self) -> Lens:
        """Return what each layer expected where the text was written."""
        start = self._prompt_length
        written = self._tokens[start : start + MOST_COLUMNS]
        layers = sorted(self._lens_layers, reverse=True)
        rows = [LensRow(layer, self._cells(layer, start - 1, written)) for layer in layers]
        return Lens([self._name(token) for token in written], rows)

    @property
    def _lens_layers(self) -> list[int]:
        points = (point for _, point in map(read_name, _values(self._tensors)))
        return [layer for site, layer, _ in points if site == LENS and layer is not None]

    def _cells(self, layer: int, first: int, written: Sequence[int]) -> list[LensCell]:
        likeliest = self._tensors[f"0.{LENS}.{layer}.top_k.indices"]
        rows = likeliest[first : first + len(written)].tolist()
        return [
            LensCell(
                text=self._name(best),
                others=", ".join(map(self._name, others)),
                agrees=best == token,
            )
            for token, (best, *others) in zip(written, rows, strict=False)
        ]

    def _weights(self, layer: int) -> Any:
        return self._tensors[f"0.{ATTENTION}.{layer}"]

    @cached_property
    def _captured_positions(self) -> list[int]:
        positions: list[int] = self._tensors[f"0.{ATTENTION}.{self.layers[0]}.positions"].tolist()
        return positions

    def _name(self, token: int) -> str:
        tokenizer = self._model.tokenizer
        return visible(tokenizer.name(token)) if tokenizer else str(token)


def _among(numbers: Sequence[int], number: int | None, default: int) -> int:
    return default if number is None or number not in numbers else number


def shade_of(weight: float, largest: float) -> int:
    """Return 0 to 4: how dark a weight is shown beside the largest of its row."""
    return sum(weight >= bound * largest for bound in SHADES)


def _values(tensors: Tensors) -> list[str]:
    """Name the tensors of values, without their positions and indices."""
    return [name for name in tensors if not name.endswith((".positions", ".indices"))]
