"""Carries out captures and interventions inside one forward pass.

A step in which no request looks inside has no probe, and its layers meet None in its place.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.config import OptConfig
from inference.interp.spec import (
    SPLIT_SITES,
    Capture,
    Intervention,
    Site,
    Snapshot,
    WhiteBox,
    shape_of,
    within,
)
from inference.model.attention import Attend
from inference.model.layout import Layout
from inference.model.opt import DecoderLayer, OptModel

Seen = tuple[int, Snapshot]  # the batch's row that a snapshot belongs to

_ACTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "scale": torch.mul,
    "replace": lambda there, value: value.expand_as(there),
}


@dataclass(frozen=True)
class Stretch:
    """Consecutive positions of a sequence, which lie from index first on in a packed tensor."""

    first: int
    positions: range

    def indices(self, positions: Iterable[int]) -> list[int]:
        """Where these of its positions lie."""
        return [self.first + position - self.positions.start for position in positions]


@dataclass(frozen=True)
class Glimpse:
    """A piece of a sequence whose request looks inside, and where it lies.

    row: the batch's. piece: number among those computed together. uncaptured: from this position
    on captures are taken; those before have been.
    """

    row: int
    piece: int
    tokens: Stretch
    logits: Stretch
    uncaptured: int
    white_box: WhiteBox

    def at(self, site: Site) -> Stretch:
        """What of it stands at a site."""
        return self.logits if site == "logits" else self.tokens


@dataclass(frozen=True)
class _Edit:
    indices: list[int]
    rows: list[int]  # of the intervention's value, where it has one for each position
    intervention: Intervention


@dataclass(frozen=True)
class _Read:
    glimpse: Glimpse
    positions: list[int]
    capture: Capture


class Probe:
    """Called with what stands at each point of the model; gives back what shall stand there.

    layout: which share of a split site this rank holds. seen: grows by what is
    captured.
    """

    def __init__(
        self, glimpses: Sequence[Glimpse], config: OptConfig, layout: Layout, seen: list[Seen]
    ) -> None:
        self._seen, self._config, self._layout = seen, config, layout
        self._edits: dict[tuple[Site, int | None], list[_Edit]] = defaultdict(list)
        self._reads: dict[tuple[Site, int | None], list[_Read]] = defaultdict(list)
        for glimpse in glimpses:
            for intervention in glimpse.white_box.interventions:
                self._plan_edit(glimpse, intervention)
            for capture in glimpse.white_box.captures:
                for layer in capture.layers_of(config):
                    self._plan_read(glimpse, capture, layer)

    def __call__(self, site: Site, layer: int | None, there: Tensor) -> Tensor:
        """there: [tokens or logit rows, …]; the result has its shape and dtype."""
        edits, reads = self._edits.get((site, layer)), self._reads.get((site, layer))
        if edits:
            there = there.clone()
            for edit in edits:
                there[edit.indices] = self._edited(site, there[edit.indices], edit)
        for read in reads or ():
            indices = read.glimpse.at(site).indices(read.positions)
            self._note(read, site, layer, there[indices])
        return there

    def watch(
        self, attend: Attend, keys: Callable[[int], Tensor], contexts: Sequence[Tensor]
    ) -> Attend:
        """Attention that also notes its weights where they are captured.

        keys: a layer's in the cache, [slots, heads, head_dim]; contexts: each piece's slots.
        """
        if not any(site == "attention" for site, _ in self._reads):
            return attend

        def watched(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            mixed = attend(layer, query, key, value)
            for read in self._reads.get(("attention", layer), ()):
                asked = query[read.glimpse.tokens.indices(read.positions)]
                past = keys(layer).index_select(0, contexts[read.glimpse.piece])
                self._note(read, "attention", layer, _weights(asked, past, read.positions))
            return mixed

        return watched

    def _plan_edit(self, glimpse: Glimpse, intervention: Intervention) -> None:
        there = glimpse.at(intervention.site)
        asked = there.positions if intervention.positions is None else intervention.positions
        met = [(row, p) for row, p in enumerate(asked) if p in there.positions]
        if met:
            rows, positions = (list(each) for each in zip(*met, strict=True))
            edit = _Edit(there.indices(positions), rows, intervention)
            self._edits[intervention.site, intervention.layer].append(edit)

    def _plan_read(self, glimpse: Glimpse, capture: Capture, layer: int | None) -> None:
        there = glimpse.at(capture.site).positions
        positions = [p for p in there if p >= glimpse.uncaptured and within(p, capture.positions)]
        if positions:
            self._reads[capture.site, layer].append(_Read(glimpse, positions, capture))

    def _edited(self, site: Site, there: Tensor, edit: _Edit) -> Tensor:
        """there: [positions, units, …] of this rank."""
        of_value, held = self._units(site, edit.intervention.units)
        value = torch.as_tensor(edit.intervention.value).to(there)
        value = value.reshape((1,) * (there.dim() - value.dim()) + value.shape)
        value = value if value.shape[0] == 1 else value[edit.rows]
        value = value if value.shape[1] == 1 else value[:, of_value]
        there[:, held] = _ACTIONS[edit.intervention.action](there[:, held], value)
        return there

    def _units(self, site: Site, asked: Sequence[int] | None) -> tuple[Tensor, Tensor]:
        """The units asked for that this rank holds: their places in value, and those here."""
        own = range(shape_of(site, self._config, 0)[0])
        own = self._layout.share(len(own)) if site in SPLIT_SITES else own
        if asked is None:
            return torch.arange(own.start, own.stop), torch.arange(len(own))
        units = torch.tensor(asked, dtype=torch.int64)
        mine = (units >= own.start) & (units < own.stop)
        return mine.nonzero()[:, 0], units[mine] - own.start

    def _note(self, read: _Read, site: Site, layer: int | None, values: Tensor) -> None:
        kept = values.to("cpu", getattr(torch, read.capture.dtype))
        snapshot = Snapshot(site, layer, tuple(read.positions), kept)
        self._seen.append((read.glimpse.row, snapshot))


def _weights(query: Tensor, keys: Tensor, positions: list[int]) -> Tensor:
    """query: [n, heads, head_dim] at positions; keys: [seen, …]. Returns [n, heads, seen] fp32."""
    scores = torch.einsum("nhd,shd->nhs", query.float(), keys.float())
    places = torch.arange(len(keys), device=keys.device)
    future = places > torch.tensor(positions, device=keys.device)[:, None]
    scores = scores / math.sqrt(query.shape[-1])
    return scores.masked_fill(future[:, None], -torch.inf).softmax(dim=-1)


def joined(shares: Sequence[Sequence[Seen]]) -> list[Seen]:
    """What all ranks captured, in rank order, as one rank would have captured it.

    Where units lie on different tensor ranks, they are put side by side; elsewhere all tensor
    ranks saw the same, and the first speaks.
    """
    found: dict[tuple[int, Site, int | None, tuple[int, ...]], list[Tensor]] = defaultdict(list)
    for row, snapshot in (seen for share in shares for seen in share):
        point = (row, snapshot.site, snapshot.layer, snapshot.positions)
        found[point].append(snapshot.values)
    return [
        (row, Snapshot(site, layer, positions, _side_by_side(site, values)))
        for (row, site, layer, positions), values in found.items()
    ]


def _side_by_side(site: Site, values: list[Tensor]) -> Tensor:
    return torch.cat(values, dim=1) if site in SPLIT_SITES else values[0]


@contextmanager
def tapped(model: OptModel, probe: Probe) -> Iterator[None]:
    """Let the layers show probe what stands in them, for as long as this lasts."""
    layers = [part for part in model.modules() if isinstance(part, DecoderLayer)]
    for layer in layers:
        layer.tap = probe
    try:
        yield
    finally:
        for layer in layers:
            layer.tap = None
