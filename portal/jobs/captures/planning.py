"""Check captures and interventions against the model, and count the most that may leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from inference.interp.file_layout import CODES, TensorLayout, most_captured
from inference.interp.spec import ModelShape, WhiteBox
from inference.interp.validation import checked_captures, checked_interventions
from inference.interp.wire import capture_json, intervention_json
from inference.model_files.safetensors_header import header_of
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import Revision
from portal.formatting import counted, size
from portal.jobs.captures.egress import ADVICE
from portal.jobs.captures.fields import sentence
from portal.jobs.captures.references import with_shapes
from portal.jobs.captures.shapes import shape_of
from portal.jobs.errors import BadParameter
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.serving.describing import unsupported

MOST_TENSORS = 65_536  # of one file, whose header names each


@dataclass(frozen=True)
class CapturePlan:
    """The captures and changes of a request, checked, and the largest file that they may make."""

    white_box: WhiteBox
    tensors: dict[str, TensorLayout]
    size_bytes: int

    @property
    def stored(self) -> dict[str, Any] | None:
        """Return the JSON that a job's row keeps; None where nothing was asked for."""
        if not (self.white_box.captures or self.white_box.interventions):
            return None
        return {
            "capture": [capture_json(item) for item in self.white_box.captures],
            "interventions": [intervention_json(item) for item in self.white_box.interventions],
        }


NO_CAPTURES = CapturePlan(WhiteBox(), {}, 0)


def plan_captures(
    completion: CompletionRequest,
    prompt_tokens: Sequence[int],
    caller: Caller,
    revision: Revision,
    now: datetime,
) -> CapturePlan:
    """Plan the captures of prompts of so many tokens. Raises BadParameter, naming the field."""
    if not completion.inside_fields:
        return NO_CAPTURES
    shape = shape_of(revision)
    if shape is None:
        raise unsupported(completion.inside_fields[0])
    white_box = with_shapes(completion.white_box, caller, now)
    _require_few_tensors(completion, shape, len(prompt_tokens))
    for tokens in set(prompt_tokens):
        _check(white_box, shape, tokens + max(completion.max_tokens - 1, 0))
    tensors = _largest(completion, white_box, shape, prompt_tokens)
    size_bytes = _file_bytes(tensors)
    if size_bytes > settings.CAPTURE_BYTES:
        text = _(
            "These captures may come to %(wanted)s, and %(most)s are the most for one completion."
        )
        said = text % {"wanted": size(size_bytes), "most": size(settings.CAPTURE_BYTES)}
        raise BadParameter(f"{said} {ADVICE}", field="capture")
    return CapturePlan(white_box, tensors, size_bytes)


def _check(white_box: WhiteBox, shape: ModelShape, length: int) -> None:
    """Check it in sequences of so many computed tokens. Raises BadParameter."""
    try:
        # How many bytes come of all samples is asked afterwards, in words for people.
        checked_captures(white_box.captures, shape, length, 1, settings.CAPTURE_BYTES)
    except ValueError as error:
        raise BadParameter(sentence(error), field="capture") from error
    try:
        checked_interventions(white_box.interventions, shape, length)
    except ValueError as error:
        raise BadParameter(sentence(error), field="interventions") from error


def _require_few_tensors(
    completion: CompletionRequest, shape: ModelShape, prompt_count: int
) -> None:
    """Refuse a file of more tensors than a reader wants, before they are counted out."""
    of_a_sample = sum(
        len(set(capture.layers)) if capture.layers is not None else shape.num_hidden_layers
        for capture in completion.capture
    )
    tensors = of_a_sample * prompt_count * completion.n
    if tensors > MOST_TENSORS:
        raise BadParameter(
            f"These captures come to {counted(tensors, 'tensor')}, and {MOST_TENSORS:,} are the "
            "most for one completion. Name fewer layers, prompts or samples.",
            field="capture",
        )


def _largest(
    completion: CompletionRequest,
    white_box: WhiteBox,
    shape: ModelShape,
    prompt_tokens: Sequence[int],
) -> dict[str, TensorLayout]:
    tensors: dict[str, TensorLayout] = {}
    for number, tokens in enumerate(prompt_tokens):
        choices = range(number * completion.n, (number + 1) * completion.n)
        tensors |= most_captured(white_box.captures, shape, tokens, completion.max_tokens, choices)
    return tensors


def _file_bytes(tensors: dict[str, TensorLayout]) -> int:
    """Return the size of the file that holds them; without any there is none."""
    if not tensors:
        return 0
    header = header_of({name: (CODES[it.dtype], it.shape) for name, it in tensors.items()})
    return len(header) + sum(it.size_bytes for it in tensors.values())
