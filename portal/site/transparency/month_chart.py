"""Draw requests and decisions by month: numbers in, SVG geometry out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _

from portal.formatting import thousands
from portal.site.model_page.charts import AxisScale, Tick, round_numbers
from portal.site.models import PublishedMonth
from portal.site.transparency.reading import words

TOP, BOTTOM, LEFT, MARGIN = 14.0, 180.0, 40.0, 4.0
WIDE, NARROW = 760, 380
MONTHS_WIDE, MONTHS_NARROW, LEVELS = 18, 9, 4
BAR_SHARE = 0.36  # of a month's place, for each of its two bars


@dataclass(frozen=True)
class MonthBar:
    """A bar of a count; a dashed stub where it is withheld."""

    kind: str
    path: str


@dataclass(frozen=True)
class MonthPlot:
    width: int
    levels: list[Tick]
    months: list[Tick]
    bars: list[MonthBar]

    @property
    def right(self) -> float:
        return self.width - MARGIN


@dataclass(frozen=True)
class MonthChart:
    plot: MonthPlot
    narrow: MonthPlot
    rows: list[tuple[PublishedMonth, str, str, str]]

    @property
    def last_sample(self) -> PublishedMonth | None:
        """Return the newest month that is a demo's sample."""
        return next((row[0] for row in reversed(self.rows) if row[0].is_sample), None)

    @property
    def description(self) -> str:
        first, last = self.rows[0], self.rows[-1]
        text = _(
            "Requests and decisions from %(first)s to %(last)s: in the last month %(requests)s "
            "requests and %(decisions)s decisions. The table below has every month."
        )
        return text % {
            "first": first[0],
            "last": last[0],
            "requests": last[1],
            "decisions": last[2],
        }


def month_chart(newest_first: Sequence[PublishedMonth]) -> MonthChart:
    """Draw the newest months that there is room for, in the order of time."""
    months = list(reversed(newest_first[:MONTHS_WIDE]))
    return MonthChart(
        plot=_plot(months, WIDE),
        narrow=_plot(months[-MONTHS_NARROW:], NARROW),
        rows=[
            (
                month,
                words(month.figures["requests"]["total"]),
                words(month.figures["decisions"]["total"]),
                _about(month.figures["undecided_at_end"]),
            )
            for month in months
        ],
    )


def _about(count: int | None) -> str:
    if count is None:
        return _("under ten")
    return _("about %(count)s") % {"count": thousands(count)} if count else _("none")


def _plot(months: Sequence[PublishedMonth], width: int) -> MonthPlot:
    counts = [
        month.figures[table]["total"] or 0
        for month in months
        for table in ("requests", "decisions")
    ]
    levels = round_numbers(0, max(*counts, 10), LEVELS)
    up = AxisScale(levels[0], levels[-1], BOTTOM, TOP)
    place = (width - LEFT - MARGIN) / len(months)
    bars: list[MonthBar] = []
    ticks = []
    for number, month in enumerate(months):
        x = LEFT + number * place
        ticks.append(Tick(round(x + place / 2, 1), date_format(month.month, "M")))
        bars += [
            _bar(table, month.figures[table]["total"], x + place * (0.14 + shift), place, up)
            for shift, table in ((0.0, "requests"), (BAR_SHARE, "decisions"))
        ]
    return MonthPlot(
        width, [Tick(up(level), thousands(round(level))) for level in levels], ticks, bars
    )


def _bar(table: str, count: int | None, x: float, place: float, up: AxisScale) -> MonthBar:
    top = BOTTOM - 12 if count is None else up(count)
    wide = place * BAR_SHARE - 2
    kind = "none" if count is None else table
    return MonthBar(kind, f"M{x:.1f} {BOTTOM:g}V{top:.1f}h{wide:.1f}V{BOTTOM:g}Z")
