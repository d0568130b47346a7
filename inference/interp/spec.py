"""What a request may look into and change inside the model. Declarations, free of torch.

Sites, and what stands there at each position (inputs and outputs are the residual stream's):

    input             [hidden_size]      what a layer gets; layer 0's is the embedding
    attention         [heads, keys]      weights after softmax, over positions 0 .. keys - 1
    heads             [heads, head_dim]  what each head mixed, before the output projection
    attention_output  [hidden_size]      attention's summand, after the output projection
    neurons           [ffn_dim]          after the activation
    mlp_output        [hidden_size]      the feed-forward's summand
    output            [hidden_size]      what a layer passes on
    logits            [vocab_size]       no layer; of the token that follows the position

Positions count from 0 over prompt and output. The last token drawn is never computed, so nothing
stands there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from inference.config import OptConfig

if TYPE_CHECKING:
    from torch import Tensor

Site = Literal[
    "input", "attention", "heads", "attention_output", "neurons", "mlp_output", "output", "logits"
]
Action = Literal["add", "scale", "replace"]
CaptureDtype = Literal["float32", "bfloat16", "float16"]

SITES = get_args(Site)
SPLIT_SITES = ("attention", "heads", "neurons", "logits")  # their units lie on different ranks
ITEM_BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Capture:
    """Copy out what stands at a site, after the request's own interventions there.

    layers: None for all. positions: any collection of ints, a range too; None for all.
    """

    site: Site
    layers: Collection[int] | None = None
    positions: Collection[int] | None = None
    dtype: CaptureDtype = "float32"

    def layers_of(self, config: OptConfig) -> tuple[int | None, ...]:
        """The layers by number; the one None of the logits."""
        if self.site == "logits":
            return (None,)
        every = range(config.num_hidden_layers)
        return tuple(every if self.layers is None else sorted(set(self.layers)))


@dataclass(frozen=True)
class Intervention:
    """Change what stands at a site, before anything reads it.

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
    """Let heads mix nothing in."""
    return Intervention("heads", "scale", 0.0, layer, positions, heads)


def ablate_neurons(
    layer: int, neurons: Sequence[int], positions: Sequence[int] | None = None
) -> Intervention:
    """Let neurons stay silent."""
    return Intervention("neurons", "scale", 0.0, layer, positions, neurons)


@dataclass(frozen=True)
class WhiteBox:
    """All that one request looks into and changes; interventions work in their order."""

    captures: tuple[Capture, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    def during(self, positions: range, uncaptured: int) -> "WhiteBox | None":
        """What of it concerns these positions, from uncaptured on for captures; None: nothing."""
        fresh = range(max(positions.start, uncaptured), positions.stop)
        captures = tuple(each for each in self.captures if _meet(fresh, each.positions))
        interventions = tuple(
            each for each in self.interventions if _meet(positions, each.positions)
        )
        return WhiteBox(captures, interventions) if captures or interventions else None

    def first_logits(self, start: int, end: int) -> int:
        """The first of positions start .. end - 1 whose logits are captured; end for none."""
        sought = [capture.positions for capture in self.captures if capture.site == "logits"]
        return min(
            (p for positions in sought for p in range(start, end) if within(p, positions)),
            default=end,
        )


@dataclass(frozen=True)
class Snapshot:
    """Captured at some positions of one sample, in order. values: [positions, …] on the CPU."""

    site: Site
    layer: int | None
    positions: tuple[int, ...]
    values: "Tensor"


@dataclass
class Captured:
    """What a sample's captures brought so far."""

    snapshots: list[Snapshot] = field(default_factory=list)

    def add(self, snapshots: Sequence[Snapshot]) -> None:
        """Take in more, later in the sample."""
        self.snapshots.extend(snapshots)

    def positions(self, site: Site, layer: int | None = None) -> tuple[int, ...]:
        """Which positions' values ``values`` gives."""
        return tuple(p for each in self._of(site, layer) for p in each.positions)

    def values(self, site: Site, layer: int | None = None) -> "Tensor":
        """[positions, …] as the site has it. Raises KeyError for what was not captured.

        Attention's keys go to the last position seen; those after a position weigh nothing.
        """
        import torch

        found = [each.values for each in self._of(site, layer)]
        if site == "attention":
            keys = max(values.shape[-1] for values in found)
            found = [
                torch.nn.functional.pad(values, (0, keys - values.shape[-1])) for values in found
            ]
        return torch.cat(found)

    def patch(
        self,
        site: Site,
        layer: int | None,
        positions: Sequence[int],
        at: Sequence[int] | None = None,
    ) -> Intervention:
        """Put what was captured at positions in place of what stands ``at`` (None: the same)."""
        here = self.positions(site, layer)
        rows = self.values(site, layer)[[here.index(position) for position in positions]]
        return Intervention(site, "replace", rows, layer, positions if at is None else at)

    def _of(self, site: Site, layer: int | None) -> list[Snapshot]:
        found = [each for each in self.snapshots if (each.site, each.layer) == (site, layer)]
        if not found:
            raise KeyError(f"nothing was captured at {site} of layer {layer}")
        return found


def shape_of(site: Site, config: OptConfig, keys: int) -> tuple[int, ...]:
    """Of what stands at a site at one position that sees so many keys; its units come first."""
    heads, wide = config.num_attention_heads, (config.hidden_size,)
    shapes: dict[str, tuple[int, ...]] = {
        "attention": (heads, keys),
        "heads": (heads, config.head_dim),
        "neurons": (config.ffn_dim,),
        "logits": (config.vocab_size,),
    }
    return shapes.get(site, wide)


def _meet(stretch: range, positions: Collection[int] | None) -> bool:
    return any(within(position, positions) for position in stretch)


def within(position: int, positions: Collection[int] | None) -> bool:
    """Whether a position is among those; all are among None."""
    return positions is None or position in positions
