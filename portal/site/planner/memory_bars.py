"""Draw the memory of each GPU: numbers in, SVG geometry out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference.plan import GpuMemory
from portal.formatting import figures

LEFT, MARGIN, HIGH, GAP = 52.0, 8.0, 14.0, 6.0
WIDE, NARROW = 760, 380
MOST_DRAWN = 32
LEGEND = (
    ("weights", gettext_lazy("weights")),
    ("cache", gettext_lazy("cache, full sequences")),
    ("kept", gettext_lazy("kept back: activations, driver, exchanges")),
    ("free", gettext_lazy("free")),
)


@dataclass(frozen=True)
class BarPart:
    """A piece of a bar; ``kind`` is its class, whose pattern the legend names."""

    kind: str
    x: float
    y: float
    width: float

    @property
    def path(self) -> str:
        return f"M{self.x:.1f} {self.y:g}h{self.width:.1f}v{HIGH:g}H{self.x:.1f}Z"

    @property
    def fill(self) -> str:
        """Return the pattern that the legend defines; style sheets can't name one of a page."""
        return "url(#m-cache)" if self.kind == "cache" else "none"


@dataclass(frozen=True)
class MemoryBar:
    label: str
    text_y: float
    parts: list[BarPart]


@dataclass(frozen=True)
class MemoryPlot:
    width: int
    height: float
    limit: float
    bars: list[MemoryBar]


@dataclass(frozen=True)
class MemoryRow:
    """Neighbouring GPUs that hold the same; bytes of each."""

    label: str
    memory: GpuMemory

    @property
    def missing_bytes(self) -> int:
        return max(-self.memory.free_bytes, 0)

    @property
    def free_bytes(self) -> int:
        return max(self.memory.free_bytes, 0)


@dataclass(frozen=True)
class MemoryChart:
    """The bars in a wide and a narrow plot, with the rows of the table behind them."""

    plot: MemoryPlot
    narrow: MemoryPlot
    rows: list[MemoryRow]
    undrawn: int

    @property
    def description(self) -> str:
        """Describe the bars for readers who don't see them."""
        missing = max(row.missing_bytes for row in self.rows)
        if missing:
            text = _(
                "Memory of each GPU: weights take up to %(fullest)s of %(all)s GB, %(missing)s GB "
                "more than there is. The table below has every figure."
            )
        else:
            text = _(
                "Memory of each GPU: weights take up to %(fullest)s of %(all)s GB. The table below "
                "has every figure."
            )
        return text % {
            "fullest": _gigabytes(max(row.memory.weight_bytes for row in self.rows)),
            "all": _gigabytes(self.rows[0].memory.total_bytes),
            "missing": _gigabytes(missing),
        }


def _gigabytes(size_bytes: int) -> str:
    return figures(f"{size_bytes / 1e9:.1f}")


def memory_chart(memory: tuple[GpuMemory, ...]) -> MemoryChart:
    drawn = memory[:MOST_DRAWN]
    return MemoryChart(
        plot=_plot(drawn, WIDE),
        narrow=_plot(drawn, NARROW),
        rows=_rows(memory),
        undrawn=len(memory) - len(drawn),
    )


def _plot(memory: tuple[GpuMemory, ...], width: int) -> MemoryPlot:
    most = max(gpu.total_bytes + max(-gpu.free_bytes, 0) for gpu in memory)
    scale = (width - LEFT - MARGIN) / most
    bars = [_bar(place, gpu, scale) for place, gpu in enumerate(memory)]
    height = len(bars) * (HIGH + GAP) + GAP
    return MemoryPlot(width, height, round(LEFT + memory[0].total_bytes * scale, 1), bars)


def _bar(place: int, gpu: GpuMemory, scale: float) -> MemoryBar:
    y = GAP + place * (HIGH + GAP)
    sizes = [
        ("weights", gpu.weight_bytes),
        ("cache", gpu.cache_bytes),
        ("kept", gpu.reserved_bytes),
        ("free", max(gpu.free_bytes, 0)),
    ]
    parts, at = [], LEFT
    for kind, size in sizes:
        width = size * scale
        if width > 0:
            parts.append(BarPart(kind, at, y, width))
        at += width
    return MemoryBar(f"GPU {place + 1}", y + HIGH - 3, parts)


def _rows(memory: tuple[GpuMemory, ...]) -> list[MemoryRow]:
    rows, first = [], 1
    for gpu, group in groupby(memory):
        last = first + len(list(group)) - 1
        label = f"GPU {first}"
        if first < last:
            label = _("GPUs %(first)s to %(last)s, each") % {"first": first, "last": last}
        rows.append(MemoryRow(label, gpu))
        first = last + 1
    return rows
