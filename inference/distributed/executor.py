"""Run one model over several ranks, as rank 0 sees it: it plans, and all ranks compute.

A step is one broadcast. Its tokens go through the pipeline stages in micro-batches, so that one
stage computes while the next computes the micro-batch before. Every rank of the last stage samples
the same tokens from its slice of the logits, and the first of them sends these to rank 0.
"""

from inference.distributed.messages import ExecuteStep, LoadModel
from inference.distributed.supervisor import Supervisor
from inference.distributed.worker import Worker, load_worker
from inference.engine.chunks import Chunk, chunks_of, split_chunks
from inference.engine.scheduler import Batch
from inference.engine.step import LogitsOutput, LogitsRequest
from inference.errors import RanksFailed

MICRO_BATCH_TOKENS = {"cpu": 16, "cuda": 128}  # fewer aren't worth a micro-batch of their own
MICRO_BATCHES_PER_STAGE = 4


class DistributedExecutor:
    """Rank 0's executor: runs batches on all ranks, itself among them."""

    def __init__(self, supervisor: Supervisor, options: LoadModel) -> None:
        self._supervisor, self._communicator = supervisor, supervisor.communicator
        loaded = supervisor.run_collective(lambda: self._load(options))
        if not isinstance(loaded, Worker):
            supervisor.release()
            raise loaded
        self._worker, self.num_blocks = loaded, loaded.num_blocks

    def execute(self, batch: Batch, requests: list[LogitsRequest]) -> list[LogitsOutput]:
        """Compute a batch on all ranks. Raises RanksFailed, then at every later call."""
        chunks = chunks_of(batch)
        step = ExecuteStep(split_chunks(chunks, self._micro_batch_tokens(chunks)), requests)
        outputs = self._supervisor.run_collective(lambda: self._execute(step))
        if outputs is None:
            raise RuntimeError("rank 0 got no outputs")
        return outputs

    def close(self) -> None:
        """Release the other ranks. A second call does nothing."""
        self._supervisor.release()

    def _load(self, options: LoadModel) -> Worker | Exception:
        """Load on all ranks. An error of loading is returned, not raised.

        Raised, it would count as a failure of the ranks, which are still together and end in good
        order.
        """
        self._communicator.broadcast(options)
        try:
            return load_worker(self._communicator, options)
        except RanksFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the caller raises it
            return error

    def _execute(self, step: ExecuteStep) -> list[LogitsOutput] | None:
        self._communicator.broadcast(step)
        return self._worker.execute(step)

    def _micro_batch_tokens(self, chunks: list[Chunk]) -> int:
        """Return how many tokens go through the stages together."""
        total = sum(len(chunk.tokens) for chunk in chunks)
        stages = self._communicator.layout.pipeline_size
        if stages == 1:
            return total
        worthwhile = total // MICRO_BATCH_TOKENS[self._communicator.device.type]
        count = min(MICRO_BATCHES_PER_STAGE * stages, worthwhile)
        return -(-total // max(count, 1))
