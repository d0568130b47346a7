"""Read the published months, for a page and as rows for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import formatting
from portal.access.reporting.regions import REGIONS
from portal.jobs.words import days_in_words
from portal.site.archives.csv_lines import csv_line
from portal.site.models import PublishedMonth
from portal.site.transparency.tables import DECIDERS, REASONS, SECTORS, USERS, VERDICTS
from portal.site.transparency.times import SPANS
from portal.text.languages import Words

WITHHELD = gettext_lazy("withheld")
COLUMNS = ("month", "table", "row", "column", "value", "withheld")


@dataclass(frozen=True)
class TableRow:
    label: Words
    cells: list[str]


@dataclass(frozen=True)
class ShareBar:
    """A bar of a chart; ``width`` in percent, None for a withheld figure."""

    label: Words
    text: str
    width: int | None


@dataclass(frozen=True)
class HomeFigures:
    """The figures of the home page: those of the newest month, and of the newest quarter."""

    month: PublishedMonth
    quarter: str
    percent_in_two_weeks: int | None

    @property
    def requests(self) -> int | None:
        return self._total("requests")

    @property
    def decisions(self) -> int | None:
        return self._total("decisions")

    def _total(self, table: str) -> int | None:
        total: int | None = self.month.figures[table]["total"]
        return total


def newest_figures() -> HomeFigures | None:
    """Return the figures for the home page; None before a month is published."""
    months = list(PublishedMonth.objects.all()[:3])
    if not months:
        return None
    times = next((month.figures["times"] for month in months if month.figures["times"]), None)
    estimate = (times or {}).get("all") or {}
    percent = estimate.get("percent_within", {}).get("14")
    return HomeFigures(months[0], in_quarter(times["quarter"]) if times else "", percent)


def in_quarter(named: str) -> str:
    """Write a quarter that is named as 2026-Q3."""
    year, _q, number = named.partition("-Q")
    return _("%(year)s-Q%(number)s") % {"year": year, "number": number}


def words(value: float | None) -> str:
    """Write a count; None is one that is withheld."""
    return str(WITHHELD) if value is None else formatting.figures(f"{value:,.0f}")


def requests_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    """Return a row for each sector, with a cell for each region and their sum."""
    table = figures["requests"]
    rows = [
        TableRow(
            label,
            [
                *(words(table["by_sector_and_region"][sector][region]) for region in REGIONS),
                words(table["by_sector"][sector]),
            ],
        )
        for sector, label in SECTORS.items()
    ]
    sums = [words(table["by_region"][region]) for region in REGIONS]
    return [*rows, TableRow(_("All sectors"), [*sums, words(table["total"])])]


def model_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    return [TableRow(name, [words(n)]) for name, n in figures["requests"]["by_model"].items()]


def decision_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    """Return a row for each sector: approved, declined, all."""
    table = figures["decisions"]
    rows = [
        TableRow(label, [words(table["by_sector"][sector][name]) for name in (*VERDICTS, "all")])
        for sector, label in SECTORS.items()
    ]
    sums = [words(table["by_verdict"][verdict]) for verdict in VERDICTS]
    return [*rows, TableRow(_("All sectors"), [*sums, words(table["total"])])]


def reason_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    counts = figures["decisions"]["by_reason"]
    return [TableRow(label, [words(counts[reason])]) for reason, label in REASONS.items()]


def decider_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    counts = figures["decisions"]["by_whom"]
    return [TableRow(label, [words(counts[by])]) for by, label in DECIDERS.items()]


def download_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    return _use_rows(figures["downloads"], {"downloads": words, "bytes": _size})


def hosted_rows(figures: Mapping[str, Any]) -> list[TableRow]:
    measures = {"jobs": words, "tokens": words, "energy_wh": _energy, "co2_g": _carbon}
    return _use_rows(figures["hosted"], measures)


def _use_rows(table: Mapping[str, Any], measures: Mapping[str, Any]) -> list[TableRow]:
    published = table["by_sector"]
    lines = [(label, published[sector]) for sector, label in USERS.items() if sector in published]
    return [
        TableRow(label, [write(counts[name]) for name, write in measures.items()])
        for label, counts in [*lines, (_("All"), table["total"])]
    ]


def _size(size_bytes: float | None) -> str:
    return str(WITHHELD) if size_bytes is None else formatting.size(int(size_bytes))


def _energy(watt_hours: float | None) -> str:
    if watt_hours is None:
        return str(WITHHELD)
    return formatting.scaled(watt_hours, "Wh", ("", "k", "M"))


def _carbon(grams: float | None) -> str:
    return str(WITHHELD) if grams is None else formatting.scaled(grams, "g", ("", "k"))


def token_shares(figures: Mapping[str, Any]) -> list[ShareBar]:
    """Return each sector's share of the hosted tokens; none where the whole is withheld or 0."""
    table = figures["hosted"]
    whole = table["total"]["tokens"]
    bars = []
    for sector, label in SECTORS.items():
        tokens = table["by_sector"][sector]["tokens"]
        if tokens is None or not whole:
            bars.append(ShareBar(label, words(None) if tokens is None else "–", None))
        else:
            percent = round(100 * tokens / whole)
            bars.append(ShareBar(label, f"{percent} %", percent))
    return bars


def time_rows(times: Mapping[str, Any]) -> list[TableRow]:
    """Return the shares decided within some days, and by when half are, for each sector."""
    lines = [(label, times["by_sector"].get(key, {})) for key, label in SECTORS.items()]
    return [
        TableRow(label, _time_cells(estimate))
        for label, estimate in [*lines, (_("All"), times["all"])]
    ]


def _time_cells(estimate: Mapping[str, Any] | None) -> list[str]:
    if estimate is None:
        return [words(None)] * (len(SPANS) + 1)
    if not estimate:
        return [_("no requests")] + ["–"] * len(SPANS)
    shares = [estimate["percent_within"][str(days)] for days in SPANS]
    median = estimate["median_days"]
    return [
        *(_("not seen yet") if share is None else f"{share} %" for share in shares),
        _("later") if median is None else days_in_words(median),
    ]


def time_bars(times: Mapping[str, Any]) -> list[ShareBar]:
    """Return the shares decided within two weeks as bars."""
    lines = [(label, times["by_sector"].get(key, {})) for key, label in SECTORS.items()]
    bars = []
    for label, estimate in [*lines, (_("All"), times["all"])]:
        share = (estimate or {}).get("percent_within", {}).get("14")
        text = words(None) if estimate is None else "–" if share is None else f"{share} %"
        bars.append(ShareBar(label, text, share))
    return bars


def as_json(months: list[PublishedMonth]) -> dict[str, Any]:
    """Return every published month as data; what is withheld is null."""
    return {
        "months": [
            {
                "month": str(month),
                "published_at": month.published_at.isoformat(timespec="seconds"),
                **month.figures,
            }
            for month in months
        ]
    }


def as_csv(months: list[PublishedMonth]) -> str:
    """Return a row for each figure of each month; a withheld one has an empty value."""
    lines = [csv_line(COLUMNS)]
    for month in months:
        for table, row, column, value in _flat(month.figures):
            cells = [str(month), table, row, column, "" if value is None else value]
            lines.append(csv_line([*cells, int(value is None)]))
    return "".join(lines)


def _flat(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """Yield table, row, column and value of each figure."""
    for table, content in figures.items():
        if not isinstance(content, dict):
            yield table, "", "", content
            continue
        for path, value in _leaves(content):
            name, *keys = path
            row = keys[0] if keys else ""
            yield f"{table}.{name}", row, ".".join(keys[1:]), value


def _leaves(content: Mapping[str, Any], *before: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in content.items():
        path = (*before, key or "not said")
        if isinstance(value, dict) and value:
            yield from _leaves(value, *path)
        else:
            yield path, value
