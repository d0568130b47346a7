"""Compute one step: rows of a batch to logits, to sampled tokens and logprobs.

What fails for one row becomes that row's error; the others are sampled all the same.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import torch

from inference.engine.logits import Logits
from inference.engine.logits_adjustment import Adjustment
from inference.engine.sampler import LogprobEntry, RowSampling, list_logprobs, sample
from inference.engine.scheduler import Batch, ScheduledRow
from inference.errors import RanksFailed
from inference.interp.captured import Snapshot
from inference.logs import naming
from inference.model.hooks import RowSnapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogitsRequest:
    """The needs that one row has of its logits. Plain data, so that it may go to other ranks.

    logit_count: how many of its tokens have logits; the last one's are sampled from. sampling: None
    where no token is sampled. logprobs, prompt_logprobs: as SamplingParams has them.
    prompt_targets: prompt tokens to score, each by the logits before it, from the first logits on.
    adjustment: what is changed in the logits for sampling, but not for logprobs. request_id: for
    the log of the rank that fails on it.
    """

    logit_count: int
    sampling: RowSampling | None
    logprobs: int | None
    prompt_targets: tuple[int, ...]
    prompt_logprobs: int
    adjustment: Adjustment | None = None
    request_id: str = ""

    @classmethod
    def of(cls, row: ScheduledRow) -> "LogitsRequest":
        """Make the request of a row whose sequence stands as it does now."""
        sequence, samples = row.sequence, row.samples_next
        params = sequence.sampling
        sampling = RowSampling.of(params, sequence.seed, sequence.index, sequence.length)
        adjuster = sequence.adjuster
        return cls(
            row.logit_count,
            sampling if samples else None,
            params.logprobs,
            row.prompt_targets,
            params.prompt_logprobs or 0,
            adjuster.adjustment() if samples and adjuster else None,
            sequence.request_id,
        )


@dataclass
class LogitsOutput:
    """The results of one row: a token, logprobs, captures, or an error.

    prompt_logprobs: one list of entries for each of the request's prompt_targets.
    """

    token: int | None = None
    logprobs: list[LogprobEntry] | None = None
    prompt_logprobs: list[list[LogprobEntry]] | None = None
    captured: list[Snapshot] = field(default_factory=list)
    error: str | None = None


class Executor(Protocol):
    """An object that runs a batch and reads its logits, on one rank or on many together."""

    def execute(self, batch: Batch, requests: list[LogitsRequest]) -> list[LogitsOutput]:
        """Return an output for each row, in the batch's order; requests has one for each too."""
        ...


@torch.inference_mode()
def execute_batch(executor: Executor, batch: Batch) -> list[LogitsOutput]:
    """Run a batch through the model and sample. Outputs come in the batch's order.

    A batch that fails is run again row by row, so that only the row at fault ends with an error.
    Raises RanksFailed, after which nothing can run any more.
    """
    if not batch:
        return []
    try:
        return executor.execute(batch, [LogitsRequest.of(row) for row in batch])
    except RanksFailed:
        raise
    except Exception as error:
        if len(batch) == 1:
            name = batch[0].sequence.request_id
            log.exception("a sequence failed: request %s", name, extra=naming(name))
            return [
                LogitsOutput(error=f"the model failed on this sequence ({type(error).__name__})")
            ]
        log.warning("a batch of %d rows failed; running them one by one", len(batch))
        return [output for row in batch for output in execute_batch(executor, [row])]


def read_logits(logits: Logits, requests: list[LogitsRequest]) -> list[LogitsOutput]:
    """Sample from the logits of a batch's rows, which stand one after another, and score.

    Where that fails, each row is read alone, so that only the row at fault ends with an error.
    """
    try:
        return _read(logits, requests)
    except RanksFailed:
        raise
    except Exception as error:
        if len(requests) == 1:
            name = requests[0].request_id
            log.exception("reading its logits failed: request %s", name, extra=naming(name))
            return [
                LogitsOutput(error=f"sampling failed on this sequence ({type(error).__name__})")
            ]
        return [
            output
            for request, indices in zip(requests, _logit_indices(requests), strict=True)
            for output in read_logits(_select(logits, indices), [request])
        ]


def add_captured(
    outputs: list[LogitsOutput], captured: Iterable[RowSnapshot]
) -> list[LogitsOutput]:
    """Add snapshots to the outputs of the rows that they belong to, and return the outputs."""
    for piece in captured:
        outputs[piece.row].captured.append(piece.snapshot)
    return outputs


@dataclass
class _ReadableRow:
    """A row whose logits are finite; indices: where its logits are among the batch's."""

    request: LogitsRequest
    output: LogitsOutput
    indices: range


def _read(logits: Logits, requests: list[LogitsRequest]) -> list[LogitsOutput]:
    finite = logits.finite().tolist()
    outputs, readable = [], []
    for request, indices in zip(requests, _logit_indices(requests), strict=True):
        output = LogitsOutput()
        outputs.append(output)
        if all(finite[indices.start : indices.stop]):
            readable.append(_ReadableRow(request, output, indices))
        else:
            output.error = "the model's logits are not finite for this sequence"
    _sample(logits, readable)
    _add_logprobs(logits, readable)
    return outputs


def _sample(logits: Logits, rows: list[_ReadableRow]) -> None:
    """Sample from the logits as they are, and from changed copies of those to be adjusted."""
    plain, adjusted, adjustments = [], [], []
    for row in rows:
        if row.request.sampling is None:
            continue
        if row.request.adjustment is None:
            plain.append(row)
        else:
            adjusted.append(row)
            adjustments.append(row.request.adjustment)
    if plain:
        _set_tokens(_select(logits, [row.indices[-1] for row in plain]), plain)
    if adjusted:
        last = torch.tensor([row.indices[-1] for row in adjusted], dtype=torch.int64)
        _set_tokens(logits.adjusted(last, adjustments), adjusted)


def _set_tokens(logits: Logits, rows: list[_ReadableRow]) -> None:
    tokens = sample(logits, [row.request.sampling for row in rows if row.request.sampling])
    for row, token in zip(rows, tokens, strict=True):
        row.output.token = token


def _add_logprobs(logits: Logits, rows: list[_ReadableRow]) -> None:
    """List the logprobs of all rows that want them, in one call."""
    scores = [score for row in rows for score in _scores(row)]
    if not scores:
        return
    indices, tokens, tops = (list(column) for column in zip(*scores, strict=True))
    entries = iter(list_logprobs(_select(logits, indices), tokens, tops))
    for row in rows:
        request, output = row.request, row.output
        if request.prompt_targets:
            output.prompt_logprobs = [next(entries) for _ in request.prompt_targets]
        if request.logprobs is not None and output.token is not None:
            output.logprobs = next(entries)


def _scores(row: _ReadableRow) -> Iterator[tuple[int, int, int]]:
    """Yield which logits score which token, and how many alternatives to list."""
    request = row.request
    for index, token in zip(row.indices, request.prompt_targets, strict=False):
        yield index, token, request.prompt_logprobs
    if request.logprobs is not None and row.output.token is not None:
        yield row.indices[-1], row.output.token, request.logprobs


def _logit_indices(requests: list[LogitsRequest]) -> list[range]:
    """Return where each request's logits are among the batch's."""
    ends = [0]
    for request in requests:
        ends.append(ends[-1] + request.logit_count)
    return [range(first, end) for first, end in pairwise(ends)]


def _select(logits: Logits, indices: list[int] | range) -> Logits:
    wanted = list(indices)
    if wanted == list(range(logits.rows)):
        return logits  # selecting would copy them all
    return logits.select(torch.tensor(wanted, dtype=torch.int64))
