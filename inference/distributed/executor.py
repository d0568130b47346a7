"""One model over many ranks: rank 0 plans and tells, all compute, the last stage draws.

A step is one message. Its tokens go through the stages in runs, so that a stage computes one
while the next computes the one before; every rank of the last stage draws the same tokens from
its slice of the logits, and the first of them brings them to rank 0.
"""

import torch
from torch import Tensor

from inference.distributed.communicator import Group
from inference.distributed.messages import Beat, Drop, End, Load, Report, Step
from inference.distributed.sharded_logits import SlicedLogits
from inference.distributed.supervisor import Crew
from inference.distributed.worker_model import Share, load_share
from inference.engine.model_runner import Piece, cut_pieces, pieces_of
from inference.engine.scheduler import Batch
from inference.engine.step import Answer, Ask, add_captured, answer
from inference.errors import InferenceError, RanksFailed, WeightMismatch
from inference.model.hooks import joined
from inference.model.opt import Reduce

RUN_TOKENS = {"cpu": 16, "cuda": 128}  # fewer are not worth a run of their own
RUNS_PER_STAGE = 4


class Member:
    """One rank with its share of the model and its cache."""

    def __init__(self, group: Group, share: Share, blocks: int) -> None:
        self._group, self._drawable = group, share.drawable
        self._first_id = group.layout.share(share.model.config.vocab_size).start
        self._width, self._dtype = share.model.config.hidden_size, share.dtype
        self._runner, self.blocks = share.runner(blocks), blocks

    @torch.inference_mode()
    def step(self, step: Step) -> list[Answer] | None:
        """This rank's part of a step; rank 0 gets its answers."""
        group, logits, sendings = self._group, [], []
        for pieces in step.runs:
            hidden = self._through(pieces)
            if group.layout.is_last_stage:
                logits.append(self._runner.logits(pieces, hidden))
            else:
                sendings.append(group.send_on(hidden))
        answers = None
        if group.layout.is_last_stage:
            found = SlicedLogits(torch.cat(logits), self._first_id, self._drawable, group)
            answers = answer(found, step.asks)
        for finish in sendings:
            finish()
        home: list[Answer] | None = group.bring_home(answers)
        if step.looks_inside:
            seen = joined(group.gather_home(self._runner.taken()))
            home = home and add_captured(home, seen)
        return home

    def _through(self, pieces: list[Piece]) -> Tensor:
        if self._group.layout.is_first_stage:
            hidden = self._runner.embed(pieces)
        else:
            tokens = sum(len(piece.tokens) for piece in pieces)
            hidden = self._group.receive(tokens, self._width, self._dtype)
        return self._runner.decode(pieces, hidden)


def enlist(group: Group, load: Load) -> Member:
    """Load this rank's share while all others load theirs. Raises what went wrong anywhere."""
    own: Exception | None = None
    try:
        share = load_share(load, str(group.device), group.layout, _reduce(group))
        report = Report(share.blocks)
    except WeightMismatch as error:
        own, report = error, Report(error="its weights don't match", mismatch=error)
    except Exception as error:  # noqa: BLE001 - whatever it is, all must learn of it
        own, report = error, Report(error=f"{type(error).__name__}: {error}")
    reports: list[Report] = group.gather_reports(report)
    _require_loaded(reports, own)
    return Member(group, share, min(each.blocks for each in reports))


def _require_loaded(reports: list[Report], own: Exception | None) -> None:
    """Raise all ranks' mismatches in one, else this rank's own error, else another's."""
    mismatches = [each.mismatch for each in reports if each.mismatch is not None]
    if mismatches:
        raise WeightMismatch.joined(mismatches)
    if own is not None:
        raise own
    for rank, each in enumerate(reports):
        if each.error is not None:
            raise InferenceError(f"rank {rank} could not load the model: {each.error}")


def _reduce(group: Group) -> Reduce | None:
    return group.sum_partial if group.layout.tensor_size > 1 else None


def _enlist_quietly(group: Group, load: Load) -> Member | None:
    try:
        return enlist(group, load)
    except RanksFailed:
        raise
    except Exception:  # noqa: BLE001 - rank 0 has the report, and tells
        return None


def follow(group: Group) -> None:
    """Do what rank 0 tells until it ends. Raises RanksFailed when it or another is gone."""
    member: Member | None = None
    while True:
        message = group.hear()
        if isinstance(message, Load):
            member = _enlist_quietly(group, message)
        elif isinstance(message, Step) and member is not None:
            member.step(message)
        elif isinstance(message, Beat):
            group.meet()
        elif isinstance(message, Drop):
            member = None
        elif isinstance(message, End):
            return


class Lead:
    """Rank 0's view of the whole: runs batches on all ranks."""

    def __init__(self, crew: Crew, load: Load) -> None:
        self._crew, self._group = crew, crew.group
        found = crew.together(lambda: self._load(load))
        if not isinstance(found, Member):
            crew.dismiss()
            raise found
        self._member, self.blocks = found, found.blocks

    def run(self, batch: Batch, asks: list[Ask]) -> list[Answer]:
        """Compute a batch on all ranks. Raises RanksFailed, and then ever after."""
        pieces = pieces_of(batch)
        step = Step(cut_pieces(pieces, self._run_tokens(pieces)), asks)
        answers = self._crew.together(lambda: self._step(step))
        if answers is None:
            raise RuntimeError("rank 0 got no answers")
        return answers

    def close(self) -> None:
        """Let the other ranks go. Twice is harmless."""
        self._crew.dismiss()

    def _load(self, load: Load) -> Member | Exception:
        """An error of loading is no failure of the ranks, who are still together."""
        self._group.tell(load)
        try:
            return enlist(self._group, load)
        except RanksFailed:
            raise
        except Exception as error:  # noqa: BLE001 - raised by whom it is returned to
            return error

    def _step(self, step: Step) -> list[Answer] | None:
        self._group.tell(step)
        return self._member.step(step)

    def _run_tokens(self, pieces: list[Piece]) -> int:
        """How many tokens go through the stages as one run."""
        total = sum(len(piece.tokens) for piece in pieces)
        stages = self._group.layout.pipeline_size
        if stages == 1:
            return total
        runs = min(RUNS_PER_STAGE * stages, total // RUN_TOKENS[self._group.device.type])
        return -(-total // max(runs, 1))
