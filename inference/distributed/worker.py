"""Run one rank of a model. ``python -m inference.distributed.worker`` is a rank other than 0.

Such a process is started by rank 0, or by torchrun on several hosts.
"""

import argparse
import contextlib
import logging
import os
import signal
import sys
from datetime import timedelta

import torch
from torch import Tensor
from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]

from inference.distributed.communicator import Communicator
from inference.distributed.launch import join_torchrun, own_device, started_key
from inference.distributed.messages import (
    ExecuteStep,
    Heartbeat,
    LoadModel,
    LoadReport,
    Shutdown,
    UnloadModel,
)
from inference.distributed.sharded_logits import ShardedLogits
from inference.distributed.supervisor import set_exit_reason
from inference.distributed.worker_model import LoadedShard, load_shard
from inference.engine.chunks import Chunk
from inference.engine.step import LogitsOutput, add_captured, read_logits
from inference.errors import InferenceError, RanksFailed, WeightMismatch
from inference.model.hooks import join_shards
from inference.model.layout import Layout
from inference.model.opt import Reduce

log = logging.getLogger(__name__)


class Worker:
    """One rank with its shard of the model and its KV cache."""

    def __init__(self, communicator: Communicator, shard: LoadedShard, num_blocks: int) -> None:
        self._communicator, self._sampled_vocab_size = communicator, shard.sampled_vocab_size
        self._first_id = communicator.layout.share(shard.model.config.vocab_size).start
        self._width, self._dtype = shard.model.config.hidden_size, shard.dtype
        self._runner, self.num_blocks = shard.make_runner(num_blocks), num_blocks

    @torch.inference_mode()
    def execute(self, step: ExecuteStep) -> list[LogitsOutput] | None:
        """Compute this rank's part of a step. Returns the outputs on rank 0, None elsewhere."""
        communicator, logits, pending_sends = self._communicator, [], []
        for chunks in step.micro_batches:
            hidden = self._forward(chunks)
            if communicator.layout.is_last_stage:
                logits.append(self._runner.logits(chunks, hidden))
            else:
                pending_sends.append(communicator.send_next_stage(hidden))
        outputs = None
        if communicator.layout.is_last_stage:
            sharded = ShardedLogits(
                torch.cat(logits), self._first_id, self._sampled_vocab_size, communicator
            )
            outputs = read_logits(sharded, step.requests)
        # only now, so that sending one micro-batch overlaps computing the next
        for wait in pending_sends:
            wait()
        on_rank_0: list[LogitsOutput] | None = communicator.send_to_rank_0(outputs)
        if step.looks_inside:
            captured = join_shards(communicator.gather(self._runner.take_captured()))
            on_rank_0 = on_rank_0 and add_captured(on_rank_0, captured)
        return on_rank_0

    def _forward(self, chunks: list[Chunk]) -> Tensor:
        if self._communicator.layout.is_first_stage:
            hidden = self._runner.embed(chunks)
        else:
            tokens = sum(len(chunk.tokens) for chunk in chunks)
            hidden = self._communicator.receive_previous_stage(tokens, self._width, self._dtype)
        return self._runner.decode(chunks, hidden)


def load_worker(communicator: Communicator, options: LoadModel) -> Worker:
    """Load this rank's shard while all other ranks load theirs.

    All ranks report, so that all learn of a failure and none waits for another in the first step.
    Raises what went wrong anywhere.
    """
    own_error: Exception | None = None
    try:
        layout = communicator.layout
        shard = load_shard(options, str(communicator.device), layout, _reduce_of(communicator))
        report = LoadReport(shard.num_blocks)
    except WeightMismatch as error:
        own_error, report = error, LoadReport(error="its weights don't match", mismatch=error)
    except Exception as error:  # noqa: BLE001 - whatever it is, all ranks must learn of it
        own_error, report = error, LoadReport(error=f"{type(error).__name__}: {error}")
    reports: list[LoadReport] = communicator.all_gather_reports(report)
    _require_loaded(reports, own_error)
    return Worker(communicator, shard, min(report.num_blocks for report in reports))


def _require_loaded(reports: list[LoadReport], own_error: Exception | None) -> None:
    """Raise all ranks' mismatches in one, else this rank's own error, else another's."""
    mismatches = [report.mismatch for report in reports if report.mismatch is not None]
    if mismatches:
        raise WeightMismatch.joined(mismatches)
    if own_error is not None:
        raise own_error
    for rank, report in enumerate(reports):
        if report.error is not None:
            raise InferenceError(f"rank {rank} could not load the model: {report.error}")


def _reduce_of(communicator: Communicator) -> Reduce | None:
    return communicator.all_reduce_sum if communicator.layout.tensor_size > 1 else None


def _load_or_none(communicator: Communicator, options: LoadModel) -> Worker | None:
    try:
        return load_worker(communicator, options)
    except RanksFailed:
        raise
    except Exception:  # noqa: BLE001 - rank 0 has the report, and raises it
        return None


def work(communicator: Communicator) -> None:
    """Do what rank 0 says until it ends. Raises RanksFailed when it or another rank is gone."""
    worker: Worker | None = None
    while True:
        message = communicator.receive_broadcast()
        if isinstance(message, LoadModel):
            worker = _load_or_none(communicator, message)
        elif isinstance(message, ExecuteStep) and worker is not None:
            worker.execute(message)
        elif isinstance(message, Heartbeat):
            communicator.barrier()
        elif isinstance(message, UnloadModel):
            worker = None
        elif isinstance(message, Shutdown):
            return


def work_under_torchrun(tensor: int, pipeline: int, device: str, deadline: timedelta) -> int:
    """Serve the rank 0 of torchrun's group until it ends. Returns the exit status."""
    return work_until_shutdown(*join_torchrun(tensor, pipeline, device, deadline))


def work_until_shutdown(communicator: Communicator, store: Store) -> int:
    """Serve rank 0 until it ends, then return 0.

    After a failure, the reason is left for rank 0 and the process ends with status 1.
    """
    try:
        work(communicator)
    except Exception as error:
        if not isinstance(error, RanksFailed):
            log.exception("rank %d failed", communicator.layout.rank)
        with contextlib.suppress(RuntimeError):  # rank 0 and its store may be gone
            set_exit_reason(store, communicator.layout.rank, error)
        sys.stderr.flush()
        os._exit(1)  # at once: a broken group may wait for dead ranks in an orderly exit
    communicator.close()
    return 0


def main() -> int:
    """Serve the rank 0 that started this process. Returns the exit status."""
    arguments = _arguments()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C: rank 0 decides
    torch.set_num_threads(arguments.threads)
    layout = Layout(arguments.tensor, arguments.pipeline, arguments.rank)
    deadline = timedelta(seconds=arguments.deadline)
    store = TCPStore("127.0.0.1", arguments.port, None, False, timedelta(seconds=120))
    store.set(started_key(layout.rank), "")
    device = own_device(arguments.device, layout.rank)
    communicator = Communicator(layout, device, store, deadline, one_host=True)
    return work_until_shutdown(communicator, store)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m inference.distributed.worker", description=__doc__
    )
    for name in ("tensor", "pipeline", "rank", "port", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--deadline", type=float, required=True)
    parser.add_argument("--device", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
