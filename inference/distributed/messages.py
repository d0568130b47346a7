"""The messages between rank 0 and the other ranks. Plain data."""

from dataclasses import dataclass

from inference.engine.chunks import Chunk
from inference.engine.step import LogitsRequest
from inference.errors import WeightMismatch


@dataclass(frozen=True)
class LoadModel:
    """An order to load a model, with options named as ``Engine`` has them.

    kv_cache_memory_bytes: for each rank. sampled_vocab_size: ids below it may be sampled.
    """

    model: str
    dtype: str
    max_num_seqs: int
    max_model_len: int | None
    kv_cache_memory_bytes: int | None
    sampled_vocab_size: int


@dataclass(frozen=True)
class ExecuteStep:
    """An order to compute one step: micro-batches of chunks, and what is asked of their logits."""

    micro_batches: list[list[Chunk]]
    requests: list[LogitsRequest]

    @property
    def looks_inside(self) -> bool:
        """Tell whether any rank may capture something."""
        return any(chunk.white_box for chunks in self.micro_batches for chunk in chunks)


@dataclass(frozen=True)
class Heartbeat:
    """A sign of life from rank 0, which every rank answers with a barrier."""


@dataclass(frozen=True)
class UnloadModel:
    """An order to give the model up and wait for another."""


@dataclass(frozen=True)
class Shutdown:
    """An order to end; no message follows it."""


@dataclass(frozen=True)
class LoadReport:
    """The result of loading on one rank: room for so many cache blocks, or an error.

    mismatch: the error itself where it is a WeightMismatch, so that all ranks' can be joined.
    """

    num_blocks: int = 0
    error: str | None = None
    mismatch: WeightMismatch | None = None
