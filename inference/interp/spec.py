"""Declare what a request captures and changes inside the model. Free of torch.

Sites, and the values there at each position (inputs and outputs are the residual stream's):

    input             [hidden_size]      a layer's input; layer 0's is the embedding
    attention         [heads, keys]      weights after softmax, over positions 0 .. keys - 1
    heads             [heads, head_dim]  each head's weighted values, before the output projection
    attention_output  [hidden_size]      attention's summand, after the output projection
    neurons           [ffn_dim]          after the activation
    mlp_output        [hidden_size]      the feed-forward's summand
    output            [hidden_size]      a layer's output
    logit_lens        [vocab_size]       the logits, were a layer's output the last one's
    logits            [vocab_size]       no layer; of the token that follows the position

Positions count from 0 over prompt and output. The last token sampled is never computed, so it has
no values.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from inference.interp.reductions import Last, ReduceKind, Reduction

if TYPE_CHECKING:
    from torch import Tensor

Site = Literal[
    "input",
    "attention",
    "heads",
    "attention_output",
    "neurons",
    "mlp_output",
    "output",
    "logit_lens",
    "logits",
]
Action = Literal["add", "scale", "replace"]
CaptureDtype = Literal["float32", "bfloat16", "float16"]
Point = tuple[Site, int | None, ReduceKind | None]  # site, layer, reduction

SITES = get_args(Site)
# Their units lie on different ranks.
SPLIT_SITES = ("attention", "heads", "neurons", "logit_lens", "logits")
READ_ONLY_SITES = ("attention", "logit_lens")  # nothing that follows is computed from them
ITEM_BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}


class ModelShape(Protocol):
    """The sizes of a model, named as in its config.json."""

    @property
    def num_hidden_layers(self) -> int: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def num_attention_heads(self) -> int: ...
    @property
    def head_dim(self) -> int: ...
    @property
    def ffn_dim(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...


@dataclass(frozen=True)
class Capture:
    """A copy of the values at a site, taken after the request's own interventions there.

    layers: None for all. positions: any collection of ints, a range too; None for all. dtype: of
    whole values; reduced ones are float32. reduce: what to keep of them; None for all.
    """

    site: Site
    layers: Collection[int] | None = None
    positions: Collection[int] | None = None
    dtype: CaptureDtype = "float32"
    reduce: Reduction | None = None

    @property
    def reduce_kind(self) -> ReduceKind | None:
        """Name of the reduction; None for whole values."""
        return None if self.reduce is None else self.reduce.kind

    def layers_of(self, config: ModelShape) -> tuple[int | None, ...]:
        """Return the numbers of the layers; for the logits, which have none, a single None."""
        if self.site == "logits":
            return (None,)
        all_layers = range(config.num_hidden_layers)
        return tuple(all_layers if self.layers is None else sorted(set(self.layers)))


@dataclass(frozen=True)
class Intervention:
    """A change of the values at a site, made before anything reads them.

    action: add value, scale by it, or replace by it. layer: None for logits alone. positions: None
    for all, else in the order of value's rows. units: which heads, neurons, token ids or, at the
    other sites, coordinates; None for all. value: a number, or what broadcasts to
    [positions, units], at heads to [positions, units, head_dim]; a list or a tensor.
    """

    site: Site
    action: Action
    value: "float | Sequence[object] | Tensor"
    layer: int | None = None
    positions: Sequence[int] | None = None
    units: Sequence[int] | None = None


def ablate_heads(
    layer: int, heads: Sequence[int], positions: Sequence[int] | None = None
) -> Intervention:
    """Make the intervention that sets heads to zero, so that they add nothing."""
    return Intervention("heads", "scale", 0.0, layer, positions, heads)


def ablate_neurons(
    layer: int, neurons: Sequence[int], positions: Sequence[int] | None = None
) -> Intervention:
    """Make the intervention that sets neurons to zero."""
    return Intervention("neurons", "scale", 0.0, layer, positions, neurons)


@dataclass(frozen=True)
class WhiteBox:
    """All captures and interventions of one request; interventions are made in their order."""

    captures: tuple[Capture, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    def during(self, positions: range, capture_from: int) -> "WhiteBox | None":
        """Return the part that concerns these positions; None if none does.

        Captures are taken from position capture_from on, so that nothing is captured twice.
        """
        uncaptured = range(max(positions.start, capture_from), positions.stop)
        captures = tuple(
            capture for capture in self.captures if _overlap(uncaptured, capture.positions)
        )
        interventions = tuple(
            change for change in self.interventions if _overlap(positions, change.positions)
        )
        return WhiteBox(captures, interventions) if captures or interventions else None

    def first_logits(self, start: int, end: int) -> int:
        """Return the first of positions start .. end - 1 whose logits are captured, else end."""
        captures = [capture for capture in self.captures if capture.site == "logits"]
        return min((_first_needed(capture, range(start, end)) for capture in captures), default=end)


def shape_of(site: Site, config: ModelShape, keys: int) -> tuple[int, ...]:
    """Return the shape of one position at a site, units first. keys: how many it attends to."""
    heads, wide = config.num_attention_heads, (config.hidden_size,)
    shapes: dict[str, tuple[int, ...]] = {
        "attention": (heads, keys),
        "heads": (heads, config.head_dim),
        "neurons": (config.ffn_dim,),
        "logit_lens": (config.vocab_size,),
        "logits": (config.vocab_size,),
    }
    return shapes.get(site, wide)


def _first_needed(capture: Capture, span: range) -> int:
    """Return the first of consecutive positions that a capture is made of, or the span's end."""
    # of the last alone nothing else is needed, and a prompt's logits are many
    order = reversed(span) if isinstance(capture.reduce, Last) else iter(span)
    return next((p for p in order if within(p, capture.positions)), span.stop)


def _overlap(span: range, positions: Collection[int] | None) -> bool:
    return any(within(position, positions) for position in span)


def within(position: int, positions: Collection[int] | None) -> bool:
    """Tell whether a position is among those; None stands for all."""
    return positions is None or position in positions
