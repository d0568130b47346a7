"""Hook into one forward pass to carry out its requests' captures and interventions.

A step in which no request looks inside has no hooks: its layers find None in their place.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from inference.config import OptConfig
from inference.interp.captured import Snapshot
from inference.interp.reductions import Last, Projection, Reduction, TopK
from inference.interp.spec import (
    SPLIT_SITES,
    Capture,
    Intervention,
    Point,
    Site,
    WhiteBox,
    shape_of,
    within,
)
from inference.model.attention import Attend
from inference.model.layout import Layout
from inference.model.opt import DecoderLayer, OptModel
from inference.model.reducing import on_cpu, reduced

_ACTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "scale": torch.mul,
    "replace": lambda there, value: value.expand_as(there),
}


class RowSnapshot(NamedTuple):
    """A snapshot, and the number of the batch's row that it belongs to.

    reduction: what is still to be done once the units of all tensor ranks are together.
    """

    row: int
    snapshot: Snapshot
    reduction: Reduction | None = None


@dataclass(frozen=True)
class TokenSpan:
    """Consecutive positions of a sequence, which lie from index first on in a packed tensor."""

    first: int
    positions: range

    def indices(self, positions: Iterable[int]) -> list[int]:
        """Return the indices of these of its positions."""
        return [self.first + position - self.positions.start for position in positions]


@dataclass(frozen=True)
class CaptureSpan:
    """A chunk of a sequence whose request looks inside, and where it lies.

    row: the batch's. chunk: number among those computed together. capture_from: captures are taken
    from this position on; those before have been, if the sequence was preempted.
    """

    row: int
    chunk: int
    tokens: TokenSpan
    logits: TokenSpan
    capture_from: int
    white_box: WhiteBox

    def at(self, site: Site) -> TokenSpan:
        """Return the positions whose values pass a site: those with logits, or all tokens."""
        return self.logits if site == "logits" else self.tokens


@dataclass(frozen=True)
class _Edit:
    indices: list[int]
    rows: list[int]  # of the intervention's value, where it has one for each position
    intervention: Intervention


@dataclass(frozen=True)
class _Read:
    span: CaptureSpan
    positions: list[int]
    capture: Capture


class ForwardHooks:
    """Called with the values at each site of the model; returns the values to go on with.

    layout: which share of a split site this rank holds. captured: a list that snapshots are
    appended to. lens: turns hidden states into logits, where this rank can.
    """

    def __init__(
        self,
        spans: Sequence[CaptureSpan],
        config: OptConfig,
        layout: Layout,
        captured: list[RowSnapshot],
        lens: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._captured, self._config, self._layout = captured, config, layout
        self._lens = lens
        self._edits: dict[tuple[Site, int | None], list[_Edit]] = defaultdict(list)
        self._reads: dict[tuple[Site, int | None], list[_Read]] = defaultdict(list)
        for span in spans:
            for intervention in span.white_box.interventions:
                self._plan_edit(span, intervention)
            for capture in span.white_box.captures:
                for layer in capture.layers_of(config):
                    self._plan_read(span, capture, layer)

    def __call__(self, site: Site, layer: int | None, values: Tensor) -> Tensor:
        """Change and capture values [tokens or logit rows, …]; return the changed ones.

        Captures come after all interventions at the site: they hold what the model goes on with.
        """
        edits, reads = self._edits.get((site, layer)), self._reads.get((site, layer))
        if edits:
            values = values.clone()  # the caller's tensor may be in use elsewhere
            for edit in edits:
                values[edit.indices] = self._edited(site, values[edit.indices], edit)
        for read in reads or ():
            indices = read.span.at(site).indices(read.positions)
            self._add_snapshot(read, site, layer, values[indices])
        if site == "output" and self._lens is not None:
            self._read_lens(self._lens, layer, values)
        return values

    def _read_lens(
        self, lens: Callable[[Tensor], Tensor], layer: int | None, hidden: Tensor
    ) -> None:
        for read in self._reads.get(("logit_lens", layer), ()):
            indices = read.span.tokens.indices(read.positions)
            self._add_snapshot(read, "logit_lens", layer, lens(hidden[indices]))

    def watch(
        self, attend: Attend, keys: Callable[[int], Tensor], contexts: Sequence[Tensor]
    ) -> Attend:
        """Return attention that also captures its weights, computed a second time.

        Fused kernels never form the weights, so these are computed apart, for captured positions
        alone. keys: returns a layer's cached keys [slots, heads, head_dim]. contexts: each chunk's
        slots.
        """
        if not any(site == "attention" for site, _ in self._reads):
            return attend

        def watched(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            mixed = attend(layer, query, key, value)
            for read in self._reads.get(("attention", layer), ()):
                queries = query[read.span.tokens.indices(read.positions)]
                visible = contexts[read.span.chunk][: read.positions[-1] + 1]
                context = keys(layer).index_select(0, visible)
                weights = _weights(queries, context, read.positions)
                self._add_snapshot(read, "attention", layer, weights)
            return mixed

        return watched

    def _plan_edit(self, span: CaptureSpan, intervention: Intervention) -> None:
        here = span.at(intervention.site)
        chosen = here.positions if intervention.positions is None else intervention.positions
        edited = [(row, p) for row, p in enumerate(chosen) if p in here.positions]
        if edited:
            rows, positions = (list(column) for column in zip(*edited, strict=True))
            edit = _Edit(here.indices(positions), rows, intervention)
            self._edits[intervention.site, intervention.layer].append(edit)

    def _plan_read(self, span: CaptureSpan, capture: Capture, layer: int | None) -> None:
        here = span.at(capture.site).positions
        positions = [p for p in here if p >= span.capture_from and within(p, capture.positions)]
        if isinstance(capture.reduce, Last):
            positions = positions[-1:]
        if positions:
            self._reads[capture.site, layer].append(_Read(span, positions, capture))

    def _edited(self, site: Site, current: Tensor, edit: _Edit) -> Tensor:
        """Return this rank's values [positions, units, …] after an intervention."""
        in_value, in_current = self._units(site, edit.intervention.units)
        value = torch.as_tensor(edit.intervention.value).to(current)
        value = value.reshape((1,) * (current.dim() - value.dim()) + value.shape)
        value = value if value.shape[0] == 1 else value[edit.rows]
        value = value if value.shape[1] == 1 else value[:, in_value]
        change = _ACTIONS[edit.intervention.action]
        current[:, in_current] = change(current[:, in_current], value)
        return current

    def _units(self, site: Site, units: Sequence[int] | None) -> tuple[Tensor, Tensor]:
        """Return where this rank's share of the units is, in an intervention's value and here."""
        own = range(shape_of(site, self._config, 0)[0])
        own = self._layout.share(len(own)) if site in SPLIT_SITES else own
        if units is None:
            return torch.arange(own.start, own.stop), torch.arange(len(own))
        numbers = torch.tensor(units, dtype=torch.int64)
        is_own = (numbers >= own.start) & (numbers < own.stop)
        return is_own.nonzero()[:, 0], numbers[is_own] - own.start

    def _add_snapshot(self, read: _Read, site: Site, layer: int | None, values: Tensor) -> None:
        capture, dtype = read.capture, getattr(torch, read.capture.dtype)
        whole = Snapshot(site, layer, tuple(read.positions), values, capture.reduce_kind)
        if capture.reduce is None:
            piece = RowSnapshot(read.span.row, on_cpu(whole, dtype))
        elif self._has_whole_units(site) or not isinstance(capture.reduce, TopK | Projection):
            snapshot = on_cpu(reduced(whole, capture.reduce), torch.float32)
            piece = RowSnapshot(read.span.row, snapshot)
        else:
            piece = RowSnapshot(read.span.row, on_cpu(whole, torch.float32), capture.reduce)
        self._captured.append(piece)

    def _has_whole_units(self, site: Site) -> bool:
        return site not in SPLIT_SITES or self._layout.tensor_size == 1


def _weights(query: Tensor, keys: Tensor, positions: list[int]) -> Tensor:
    """Return attention weights [n, heads, context] fp32.

    query: [n, heads, head_dim] at positions; keys: [context, heads, head_dim].
    """
    scores = torch.einsum("nhd,shd->nhs", query.float(), keys.float())
    key_positions = torch.arange(len(keys), device=keys.device)
    future = key_positions > torch.tensor(positions, device=keys.device)[:, None]
    scores = scores / math.sqrt(query.shape[-1])
    return scores.masked_fill(future[:, None], -torch.inf).softmax(dim=-1)


def join_shards(shards: Sequence[Sequence[RowSnapshot]]) -> list[RowSnapshot]:
    """Join what all ranks captured, in rank order, to what a single rank would have captured.

    Units that lie on different tensor ranks are concatenated; at other sites all tensor ranks
    have the same values, and the first rank's are taken.
    """
    pieces_by_place: dict[tuple[int, Point, tuple[int, ...]], list[RowSnapshot]] = defaultdict(list)
    for piece in (piece for shard in shards for piece in shard):
        place = (piece.row, piece.snapshot.point, piece.snapshot.positions)
        pieces_by_place[place].append(piece)
    return [_joined(pieces) for pieces in pieces_by_place.values()]


def _joined(pieces: list[RowSnapshot]) -> RowSnapshot:
    row, snapshot, reduction = pieces[0]
    if snapshot.site in SPLIT_SITES:
        values = torch.cat([piece.snapshot.values for piece in pieces], dim=1)
        snapshot = replace(snapshot, values=values)
    return RowSnapshot(row, reduced(snapshot, reduction))


@contextmanager
def hooked(model: OptModel, hooks: ForwardHooks) -> Iterator[None]:
    """Have the model's layers call the hooks within the block."""
    layers = [module for module in model.modules() if isinstance(module, DecoderLayer)]
    for layer in layers:
        layer.hook = hooks
    try:
        yield
    finally:
        for layer in layers:
            layer.hook = None
