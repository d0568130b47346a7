"""Keep what was captured of one sample. Importing it loads neither torch nor numpy.

Values are torch's tensors where the engine made them. Read from a file where there is no torch,
they are numpy's arrays, and all that is here works on them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inference.interp.reductions import ReduceKind
from inference.interp.spec import Intervention, Point, Site

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Snapshot:
    """Values captured at some positions of one sample, in order: [positions, …] on the CPU.

    Reduced by ``last`` or ``mean`` they are one row, the mean over exactly these positions.
    indices: which units the values of ``top_k`` are of, [positions, k] int32.
    """

    site: Site
    layer: int | None
    positions: tuple[int, ...]
    values: "Tensor"
    reduce_kind: ReduceKind | None = None
    indices: "Tensor | None" = None

    @property
    def point(self) -> Point:
        """Site, layer and reduction: what its values are put together by."""
        return self.site, self.layer, self.reduce_kind


@dataclass
class Captured:
    """All that was captured of one sample so far. Of ``last`` and ``mean`` one row is kept."""

    snapshots: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers: dict[Point, list[int]] = {}  # where in the list those of a point lie
        snapshots, self.snapshots = self.snapshots, []
        self.add(snapshots)

    def add(self, snapshots: Sequence[Snapshot]) -> None:
        """Add snapshots of later positions."""
        for snapshot in snapshots:
            numbers = self._numbers.setdefault(snapshot.point, [])
            if numbers and snapshot.reduce_kind in ("last", "mean"):
                [number] = numbers
                self.snapshots[number] = _merged(self.snapshots[number], snapshot)
            else:
                numbers.append(len(self.snapshots))
                self.snapshots.append(snapshot)

    def points(self) -> list[Point]:
        """Return the sites, layers and reductions that something was captured of."""
        return list(self._numbers)

    def positions(
        self, site: Site, layer: int | None = None, reduce_kind: ReduceKind | None = None
    ) -> tuple[int, ...]:
        """Return the positions that ``values`` has a row for; for ``mean``, those averaged."""
        return tuple(p for part in self.parts(site, layer, reduce_kind) for p in part.positions)

    def values(
        self, site: Site, layer: int | None = None, reduce_kind: ReduceKind | None = None
    ) -> "Tensor":
        """Return the values [positions, …] at a site. Raises KeyError if none were captured.

        Attention weights are padded to the keys of the last position, with zeros.
        """
        values = [part.values for part in self.parts(site, layer, reduce_kind)]
        if site == "attention":
            keys = max(part.shape[-1] for part in values)
            values = [padded(part, keys) for part in values]
        joined: Tensor = _concatenated(values)
        return joined

    def indices(self, site: Site, layer: int | None = None) -> "Tensor":
        """Return the units that ``values(site, layer, "top_k")`` are of: [positions, k] int32."""
        parts = [part.indices for part in self.parts(site, layer, "top_k")]
        joined: Tensor = _concatenated([part for part in parts if part is not None])
        return joined

    def patch(
        self,
        site: Site,
        layer: int | None,
        positions: Sequence[int],
        at: Sequence[int] | None = None,
    ) -> Intervention:
        """Make the intervention that puts captured values of positions ``at`` these or others."""
        here = self.positions(site, layer)
        rows = self.values(site, layer)[[here.index(position) for position in positions]]
        return Intervention(site, "replace", rows, layer, positions if at is None else at)

    def parts(
        self, site: Site, layer: int | None = None, reduce_kind: ReduceKind | None = None
    ) -> list[Snapshot]:
        """Return the snapshots that ``values`` puts together. Raises KeyError if there are none."""
        numbers = self._numbers.get((site, layer, reduce_kind))
        if numbers is None:
            reduced = f", reduced by {reduce_kind}" if reduce_kind else ""
            raise KeyError(f"nothing was captured at {site} of layer {layer}{reduced}")
        return [self.snapshots[number] for number in numbers]


def _merged(earlier: Snapshot, later: Snapshot) -> Snapshot:
    """Return one row of two: the later, or the mean over the positions of both."""
    if later.reduce_kind == "last":
        return later
    positions = earlier.positions + later.positions
    before, after = earlier.values, later.values
    if later.site == "attention":
        keys = max(before.shape[-1], after.shape[-1])
        before, after = padded(before, keys), padded(after, keys)
    mean = before + (after - before) * (len(later.positions) / len(positions))
    return replace(later, positions=positions, values=mean)


def padded(values: Any, keys: int) -> Any:
    """Pad attention weights [positions, heads, …] with zeros to so many keys."""
    missing = keys - values.shape[-1]
    if _is_numpy(values):
        import numpy as np

        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])
    import torch  # here, so that declaring captures doesn't load it

    return torch.nn.functional.pad(values, (0, missing))


def _concatenated(parts: Sequence[Any]) -> Any:
    if _is_numpy(parts[0]):
        import numpy as np

        return np.concatenate(parts)
    import torch

    return torch.cat(list(parts))


def _is_numpy(values: Any) -> bool:
    return type(values).__module__ == "numpy"
