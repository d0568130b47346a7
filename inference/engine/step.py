"""One step's arithmetic: rows to logits to drawn tokens and logprobs.

What fails for one row becomes that row's error; the others are drawn all the same.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import torch

from inference.engine.logits import Logits
from inference.engine.logits_state import Adjustment
from inference.engine.outputs import Logprob, TokenLogprobs
from inference.engine.sampler import Draw, Entry, list_logprobs, sample
from inference.engine.scheduler import Batch, Row
from inference.errors import RanksFailed
from inference.interp.spec import Snapshot
from inference.logs import naming
from inference.tokenizer import Tokenizer

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What one row brought: a token, its prompt's next logprobs, captures, or an error."""

    row: Row
    token: int | None = None
    logprobs: TokenLogprobs | None = None
    prompt_logprobs: list[TokenLogprobs] | None = None
    captured: list[Snapshot] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class Ask:
    """What one row wants of its logits. Plain data, so that it may go to other ranks.

    rows: how many of its tokens have logits; the last row's draw. targets: tokens to score, each
    by the logits before it, from the first row's. logprobs: as SamplingParams has them.
    adjustment: what is changed in the logits for the draw, but not for logprobs. request_id: whose
    it is, for the log of the rank that fails on it.
    """

    rows: int
    draw: Draw | None
    logprobs: int | None
    targets: tuple[int, ...]
    prompt_logprobs: int
    adjustment: Adjustment | None = None
    request_id: str = ""

    @classmethod
    def of(cls, row: Row) -> "Ask":
        """The row's, as its sequence stands."""
        sequence = row.sequence
        sampling = sequence.sampling
        draw = Draw.of(sampling, sequence.seed, sequence.index, sequence.length)
        return cls(
            row.logit_count,
            draw if row.draws else None,
            sampling.logprobs,
            row.scored,
            sampling.prompt_logprobs or 0,
            sequence.adjuster.adjustment() if row.draws and sequence.adjuster else None,
            sequence.request_id,
        )


@dataclass
class Answer:
    """What an Ask got; error where the row's logits are no numbers, or reading them failed."""

    token: int | None = None
    logprobs: Entry | None = None
    prompt_logprobs: list[Entry] | None = None
    captured: list[Snapshot] = field(default_factory=list)
    error: str | None = None


class Runs(Protocol):
    """Who runs a batch and reads its logits: one rank here, or many together."""

    def run(self, batch: Batch, asks: list[Ask]) -> list[Answer]:
        """Answers in the batch's order; an ask per row."""
        ...


@torch.inference_mode()
def compute(runner: Runs, batch: Batch, tokenizer: Tokenizer | None) -> list[Outcome]:
    """Run the batch through the model and draw; outcomes come in the batch's order."""
    if not batch:
        return []
    answers = _run(runner, batch)
    return [_outcome(row, got, tokenizer) for row, got in zip(batch, answers, strict=True)]


def _run(runner: Runs, batch: Batch) -> list[Answer]:
    try:
        return runner.run(batch, [Ask.of(row) for row in batch])
    except RanksFailed:
        raise  # there is nobody left to run anything
    except Exception as error:
        if len(batch) == 1:
            name = batch[0].sequence.request_id
            log.exception("a sequence failed: request %s", name, extra=naming(name))
            return [Answer(error=f"the model failed on this sequence ({type(error).__name__})")]
        log.warning("a batch of %d rows failed; running them one by one", len(batch))
        return [got for row in batch for got in _run(runner, [row])]


def answer(logits: Logits, asks: list[Ask]) -> list[Answer]:
    """Read the logits of a batch's rows, which stand one after another."""
    try:
        return _answer(logits, asks)
    except RanksFailed:
        raise
    except Exception as error:
        if len(asks) == 1:
            name = asks[0].request_id
            log.exception("reading its logits failed: request %s", name, extra=naming(name))
            return [Answer(error=f"drawing failed on this sequence ({type(error).__name__})")]
        places = _places(asks)
        pairs = zip(asks, places, strict=True)
        return [got for ask, place in pairs for got in answer(_part(logits, place), [ask])]


def add_captured(answers: list[Answer], seen: Iterable[tuple[int, Snapshot]]) -> list[Answer]:
    """The same answers with what was captured meanwhile, by row."""
    for row, snapshot in seen:
        answers[row].captured.append(snapshot)
    return answers


def _answer(logits: Logits, asks: list[Ask]) -> list[Answer]:
    answers, places = [Answer() for _ in asks], _places(asks)
    finite = logits.finite().tolist()
    sound = []
    for got, ask, place in zip(answers, asks, places, strict=True):
        if all(finite[place.start : place.stop]):
            sound.append((got, ask, place))
        else:
            got.error = "the model's logits are not finite for this sequence"
    _draw(logits, sound)
    _score(logits, sound)
    return answers


Sound = list[tuple[Answer, Ask, range]]


def _draw(logits: Logits, sound: Sound) -> None:
    """Draw from the rows as they are, and from changed copies of those to be adjusted."""
    plain: list[tuple[Answer, Draw, int]] = []
    changed: list[tuple[Answer, Draw, int]] = []
    adjustments = []
    for got, ask, place in sound:
        if ask.draw is not None and ask.adjustment is None:
            plain.append((got, ask.draw, place[-1]))
        elif ask.draw is not None and ask.adjustment is not None:
            changed.append((got, ask.draw, place[-1]))
            adjustments.append(ask.adjustment)
    if plain:
        _choose(_part(logits, [row for _, _, row in plain]), plain)
    if changed:
        rows = torch.tensor([row for _, _, row in changed], dtype=torch.int64)
        _choose(logits.adjusted(rows, adjustments), changed)


def _choose(logits: Logits, drawing: list[tuple[Answer, Draw, int]]) -> None:
    tokens = sample(logits, [draw for _, draw, _ in drawing])
    for (got, _, _), token in zip(drawing, tokens, strict=True):
        got.token = token


def _score(logits: Logits, sound: Sound) -> None:
    """Logprobs of all that want them, in one go."""
    wanted = [(row, token, top) for each in sound for row, token, top in _scores(*each)]
    if not wanted:
        return
    rows, tokens, tops = (list(each) for each in zip(*wanted, strict=True))
    entries = iter(list_logprobs(_part(logits, rows), tokens, tops))
    for got, ask, _ in sound:
        if ask.targets:
            got.prompt_logprobs = [next(entries) for _ in ask.targets]
        if ask.logprobs is not None and got.token is not None:
            got.logprobs = next(entries)


def _scores(got: Answer, ask: Ask, place: range) -> Iterator[tuple[int, int, int]]:
    """Which token to score by which row of logits, and how many others to list."""
    for row, token in zip(place, ask.targets, strict=False):
        yield row, token, ask.prompt_logprobs
    if ask.logprobs is not None and got.token is not None:
        yield place[-1], got.token, ask.logprobs


def _places(asks: list[Ask]) -> list[range]:
    """Each ask's rows among the logits."""
    ends = [0]
    for ask in asks:
        ends.append(ends[-1] + ask.rows)
    return [range(first, end) for first, end in pairwise(ends)]


def _part(logits: Logits, rows: list[int] | range) -> Logits:
    wanted = list(rows)
    if wanted == list(range(logits.rows)):
        return logits  # selecting would copy them all
    return logits.select(torch.tensor(wanted, dtype=torch.int64))


def _outcome(row: Row, got: Answer, tokenizer: Tokenizer | None) -> Outcome:
    found = Outcome(row, token=got.token, captured=got.captured, error=got.error)
    try:
        named = tokenizer if row.sequence.detokenize else None
        found.logprobs = None if got.logprobs is None else _named(got.logprobs, named)
        if got.prompt_logprobs is not None:
            found.prompt_logprobs = [_named(entry, named) for entry in got.prompt_logprobs]
    except Exception as error:
        name = row.sequence.request_id
        log.exception("naming tokens failed: request %s", name, extra=naming(name))
        found.error = f"the sample failed ({type(error).__name__})"
    return found


def _named(entry: Entry, tokenizer: Tokenizer | None) -> TokenLogprobs:
    return {
        token: Logprob(logprob, rank, tokenizer.name(token) if tokenizer else None)
        for token, logprob, rank in entry
    }
