"""Split a model over ranks. Free of torch.

Tensor ranks share each layer: attention by heads, the feed-forward by its inner width, embedding
and head by vocabulary. Pipeline ranks (stages) hold layers one after another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from inference.config import OptConfig
from inference.errors import LayoutError

_BY_HEADS = ("q_proj", "k_proj", "v_proj", "out_proj")
_BY_OUTPUT = ("q_proj", "k_proj", "v_proj", "fc1", "embed_tokens", "lm_head")
_BY_INPUT = ("out_proj", "fc2")


@dataclass(frozen=True)
class Layout:
    """One rank's place among all: rank = stage * tensor_size + tensor_rank."""

    tensor_size: int = 1
    pipeline_size: int = 1
    rank: int = 0

    @property
    def ranks(self) -> int:
        """Number of ranks."""
        return self.tensor_size * self.pipeline_size

    @property
    def tensor_rank(self) -> int:
        """Number of this rank's share of each weight."""
        return self.rank % self.tensor_size

    @property
    def stage(self) -> int:
        """Number of this rank's pipeline stage."""
        return self.rank // self.tensor_size

    @property
    def is_first_stage(self) -> bool:
        """Tell whether this rank turns tokens into hidden states."""
        return self.stage == 0

    @property
    def is_last_stage(self) -> bool:
        """Tell whether this rank turns hidden states into logits."""
        return self.stage == self.pipeline_size - 1

    def share(self, size: int, unit: int = 1) -> range:
        """Return the range of a size's indices that is this rank's share, in whole units.

        unit: number of indices that stay together, as those of one head. Shares differ by one unit
        at most, and the first ranks have the larger ones.
        """
        rank, (base, extra) = self.tensor_rank, divmod(size // unit, self.tensor_size)
        start = rank * base + min(rank, extra)
        return range(start * unit, (start + base + (rank < extra)) * unit)

    def layers(self, total: int) -> range:
        """Return the numbers of this rank's layers; stages differ by one layer at most.

        The second stage is the first to get one more, then the third and so on: inner stages hold
        no embedding, and the last holds it without positions, which the first has too.
        """
        stage, (base, extra) = self.stage, divmod(total, self.pipeline_size)
        start = stage * base + min(max(stage - 1, 0), extra)
        return range(start, start + base + (1 <= stage <= extra))


WHOLE = Layout()


def split_dim(name: str) -> int | None:
    """Return the dimension along which tensor ranks share a weight; None if each has all of it."""
    *_, module, kind = name.split(".")
    if module in _BY_OUTPUT:
        return 0
    return 1 if module in _BY_INPUT and kind == "weight" else None


def split_unit(name: str, head_dim: int) -> int:
    """Return how many indices of a shared dimension stay together: a head's, or one."""
    return head_dim if name.split(".")[-2] in _BY_HEADS else 1


def split_faults(
    shared: Mapping[str, int], layers: int, tensor_size: int, pipeline_size: int
) -> list[str]:
    """Return a sentence for each size that leaves a rank without a part, with what would do.

    shared: the sizes that tensor ranks share, by name.
    """
    sizes = [(name, size, "tensor", tensor_size) for name, size in shared.items()]
    sizes.append(("layers", layers, "pipeline", pipeline_size))
    return [
        f"{size} {name} are fewer than {ranks} {kind} ranks; 1 to {size} would do"
        for name, size, kind, ranks in sizes
        if size < ranks
    ]


def shared_sizes(heads: int, ffn: int, vocab: int) -> dict[str, int]:
    """Return the sizes that tensor ranks share by name, for ``split_faults``."""
    return {
        "attention heads": heads,
        "inner neurons (ffn_dim)": ffn,
        "tokens (vocab_size)": vocab,
    }


def ranks_within(
    config: OptConfig, tensor_size: int, pipeline_size: int, devices: int | None
) -> tuple[int, int]:
    """Lower the numbers of ranks to what the model has parts for, and to so many devices.

    devices: None where ranks may share one, as on a CPU.
    """
    sizes = shared_sizes(config.num_attention_heads, config.ffn_dim, config.vocab_size)
    most_ranks = tensor_size * pipeline_size if devices is None else max(devices, 1)
    tensor = min(tensor_size, *sizes.values(), most_ranks)
    return tensor, min(pipeline_size, config.num_hidden_layers, most_ranks // tensor)


def require_splits(config: OptConfig, tensor_size: int, pipeline_size: int) -> None:
    """Raise LayoutError naming every size that is too small for so many ranks."""
    for name, size in {"tensor": tensor_size, "pipeline": pipeline_size}.items():
        if size < 1:
            raise LayoutError(f"{name}_parallel_size must be 1 or more, not {size}")
    shared = shared_sizes(config.num_attention_heads, config.ffn_dim, config.vocab_size)
    faults = split_faults(shared, config.num_hidden_layers, tensor_size, pipeline_size)
    if faults:
        raise LayoutError("; ".join(faults))
