"""Count what the fullest rank of each pipeline stage holds of a model. Free of torch.

The tensor rank of a stage that has the most heads has the most neurons and tokens too, so it is
the first. Norms, positions and biases of sums, which tensor ranks copy, are counted as shared.
"""

from dataclasses import dataclass
from functools import lru_cache

from inference.model.layout import Layout
from inference.plan.shapes import Shape, item_bytes


@dataclass(frozen=True)
class Stage:
    """The fullest rank of one stage, with the parameters in its memory and those read per token.

    The first of several stages holds an embedding that it only looks rows up in.
    """

    layers: int
    kv_heads: int
    held_parameters: int
    read_parameters: int

    def weight_bytes(self, dtype: str) -> int:
        """Return the bytes of the weights held."""
        return self.held_parameters * item_bytes(dtype)

    def read_bytes(self, dtype: str) -> int:
        """Return the bytes of the weights read for each token."""
        return self.read_parameters * item_bytes(dtype)


@lru_cache(maxsize=512)
def stages_of(shape: Shape, tensor_size: int, pipeline_size: int) -> tuple[Stage, ...]:
    """Return the fullest rank of each stage, in their order."""
    firsts = range(0, tensor_size * pipeline_size, tensor_size)
    return tuple(_stage(shape, Layout(tensor_size, pipeline_size, rank)) for rank in firsts)


@lru_cache(maxsize=512)
def ranks_of(shape: Shape, tensor_size: int, pipeline_size: int) -> tuple[Stage, ...]:
    """Return what every rank holds, in their order: tensor ranks of the first stage first."""
    ranks = range(tensor_size * pipeline_size)
    return tuple(_stage(shape, Layout(tensor_size, pipeline_size, rank)) for rank in ranks)


def weight_bytes_on_all(shape: Shape, pipeline_size: int, dtype: str) -> int:
    """Return the bytes of all ranks' weights; with several stages the embedding is there twice."""
    copied = shape.table_parameters if pipeline_size > 1 else 0
    return (shape.parameters + copied) * item_bytes(dtype)


def _stage(shape: Shape, layout: Layout) -> Stage:
    layers = len(layout.layers(shape.layers))
    attention = _part(shape.attention_parameters, shape.heads, layout)
    feed = _part(shape.feed_parameters, shape.ffn, layout)
    table = _part(shape.table_parameters, shape.vocab, layout)
    own = layers * (attention + feed)
    if layout.is_first_stage:
        own += -(-shape.other_parameters // layout.tensor_size)
    read = own + table * layout.is_last_stage
    in_memory = own + table * (layout.is_first_stage or layout.is_last_stage)
    return Stage(layers, len(layout.share(shape.kv_heads)), in_memory, read)


def _part(parameters: int, size: int, layout: Layout) -> int:
    """Return this rank's share of parameters that are split by a size, rounded up."""
    return -(-parameters * len(layout.share(size)) // size)
