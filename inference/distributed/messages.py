"""What rank 0 tells the others, and what they report. Plain data."""

from dataclasses import dataclass

from inference.engine.model_runner import Piece
from inference.engine.step import Ask
from inference.errors import WeightMismatch


@dataclass(frozen=True)
class Load:
    """What every rank is to load. kv_cache_memory_bytes: of each. drawable: ids below it."""

    model: str
    dtype: str
    max_num_seqs: int
    max_model_len: int | None
    kv_cache_memory_bytes: int | None
    drawable: int


@dataclass(frozen=True)
class Step:
    """What every rank is to compute: runs of pieces, and what is asked of their logits."""

    runs: list[list[Piece]]
    asks: list[Ask]

    @property
    def looks_inside(self) -> bool:
        """Whether any rank may capture something."""
        return any(piece.white_box for pieces in self.runs for piece in pieces)


@dataclass(frozen=True)
class Beat:
    """Rank 0 lives; do all others?"""


@dataclass(frozen=True)
class Drop:
    """Give the model up and wait for another."""


@dataclass(frozen=True)
class End:
    """There will be nothing more."""


@dataclass(frozen=True)
class Report:
    """How loading went on one rank. mismatch: the error, where it is one of those."""

    blocks: int = 0
    error: str | None = None
    mismatch: WeightMismatch | None = None
