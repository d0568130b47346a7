"""How a model is split over ranks, and what splits. Free of torch.

Tensor ranks share each layer: attention by heads, the feed-forward by its inner width, embedding
and head by vocabulary. Pipeline ranks (stages) hold layers one after another.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from inference.config import OptConfig
from inference.errors import LayoutError

_BY_OUTPUT = ("q_proj", "k_proj", "v_proj", "fc1", "embed_tokens", "lm_head")
_BY_INPUT = ("out_proj", "fc2")


@dataclass(frozen=True)
class Layout:
    """One rank's place: rank = stage * tensor_size + tensor_rank."""

    tensor_size: int = 1
    pipeline_size: int = 1
    rank: int = 0

    @property
    def ranks(self) -> int:
        """How many ranks there are."""
        return self.tensor_size * self.pipeline_size

    @property
    def tensor_rank(self) -> int:
        """Which share of each weight is this rank's."""
        return self.rank % self.tensor_size

    @property
    def stage(self) -> int:
        """Which run of layers is this rank's."""
        return self.rank // self.tensor_size

    @property
    def is_first_stage(self) -> bool:
        """Whether this rank turns tokens into hidden states."""
        return self.stage == 0

    @property
    def is_last_stage(self) -> bool:
        """Whether this rank turns hidden states into logits."""
        return self.stage == self.pipeline_size - 1

    def share(self, size: int) -> int:
        """This rank's part of a size that is split."""
        return size // self.tensor_size

    def layers(self, total: int) -> range:
        """Numbers of this rank's layers."""
        each = total // self.pipeline_size
        return range(self.stage * each, (self.stage + 1) * each)


WHOLE = Layout()


def split_dim(name: str) -> int | None:
    """The dimension along which tensor ranks share a checkpoint's weight; None: each has all."""
    *_, module, kind = name.split(".")
    if module in _BY_OUTPUT:
        return 0
    return 1 if module in _BY_INPUT and kind == "weight" else None


def split_faults(
    shared: Mapping[str, int], layers: int, tensor_size: int, pipeline_size: int
) -> list[str]:
    """One sentence for each size that does not divide, with what would.

    shared: by name, what tensor ranks share.
    """
    faults = [
        f"{size} ({name}) is not a multiple of {tensor_size} tensor ranks"
        for name, size in shared.items()
        if size % tensor_size
    ]
    if faults:
        faults[-1] += f"; {_divisors(math.gcd(*shared.values()))} would do"
    if layers % pipeline_size:
        faults.append(
            f"{layers} layers are not a multiple of {pipeline_size} pipeline ranks; "
            f"{_divisors(layers)} would do"
        )
    return faults


def require_splits(config: OptConfig, tensor_size: int, pipeline_size: int) -> None:
    """Raise LayoutError naming all that does not divide."""
    for name, size in {"tensor": tensor_size, "pipeline": pipeline_size}.items():
        if size < 1:
            raise LayoutError(f"{name}_parallel_size must be 1 or more, not {size}")
    shared = {
        "attention heads": config.num_attention_heads,
        "ffn_dim": config.ffn_dim,
        "vocab_size": config.vocab_size,
    }
    faults = split_faults(shared, config.num_hidden_layers, tensor_size, pipeline_size)
    if faults:
        raise LayoutError("; ".join(faults))


def _divisors(size: int) -> str:
    found = [str(each) for each in range(1, size + 1) if size % each == 0]
    return ", ".join(found)
