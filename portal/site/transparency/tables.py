"""Make a month's tables, with small cells and those that would give them away left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.models import Decision
from portal.access.reporting.months import CHAIR, OWNER, TEAM, DecisionRow, RequestRow
from portal.access.reporting.regions import REGIONS
from portal.access.reporting.suppression import CountedCell, SummedLine, in_few, withheld
from portal.accounts.models import Sector
from portal.site.transparency.counting import ANONYMOUS, UseOfSector
from portal.text.languages import Words

Published = dict[str, Any]
UNSAID = ""
TOTALS_WORTH = 100  # so that a total is withheld only where nothing else would do
PLACES = 3  # of a published figure, so that no sum has a float's noise
SECTORS: dict[str, Words] = {
    **{str(key): label for key, label in Sector.choices},
    UNSAID: _("Not said"),
}
VERDICTS = ("approved", "declined")
REASONS: dict[str, Words] = {str(key): label for key, label in Decision.Reason.choices}
DECIDERS: dict[str, Words] = {
    TEAM: _("The team"),
    OWNER: _("An owner, over the team"),
    CHAIR: _("A chair: votes differed"),
}
USERS: dict[str, Words] = {**SECTORS, ANONYMOUS: _("Open models, nobody signed in")}


class _Network:
    """Cells of rows, each counted by the people in it; totals are added before their parts."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows
        self.cells: dict[Hashable, CountedCell] = {}
        self.groups: dict[Hashable, tuple[Hashable, ...]] = {}
        # of each total, and of each way to divide it
        self.parts: dict[tuple[Hashable, frozenset[str]], list[Hashable]] = defaultdict(list)

    def add(
        self,
        key: Hashable,
        arc: tuple[Hashable, Hashable],
        *totals: Hashable,
        **fields: str,
    ) -> None:
        """Count the rows whose fields are so; the cell is part of these totals."""
        inside = [
            row.person
            for row in self.rows
            if all(getattr(row, name) == value for name, value in fields.items())
        ]
        worth = TOTALS_WORTH if key == "all" else 1
        self.cells[key] = CountedCell(*arc, len(inside), len(set(inside)), worth)
        self.groups[key] = totals
        for total in totals:
            self.parts[total, frozenset(fields)].append(key)

    def published(self) -> Callable[[Hashable], int | None]:
        """Return how a cell is published: its count, or None where it is withheld."""
        lines = [SummedLine(total, tuple(parts)) for (total, _), parts in self.parts.items()]
        hidden = withheld(in_few(self.cells, self.groups), lines)
        return lambda key: None if key in hidden else self.cells[key].value


def requests_table(rows: Sequence[RequestRow]) -> Published:
    """Publish requests by sector and region, and by model; all add up to one total."""
    network = _Network(rows)
    models = sorted({row.model for row in rows})
    network.add("all", ("models" if models else "sectors", "regions"))
    for model in models:
        network.add(("model", model), ("sectors", "models"), "all", model=model)
    for sector in SECTORS:
        network.add((sector, "all"), ("regions", ("sector", sector)), "all", sector=sector)
    for region in REGIONS:
        network.add(("all", region), (("region", region), "sectors"), "all", region=region)
        for sector in SECTORS:
            arc, totals = (
                (("sector", sector), ("region", region)),
                ((sector, "all"), ("all", region)),
            )
            network.add((sector, region), arc, *totals, sector=sector, region=region)
    value = network.published()
    return {
        "total": value("all"),
        "by_sector": {sector: value((sector, "all")) for sector in SECTORS},
        "by_region": {region: value(("all", region)) for region in REGIONS},
        "by_sector_and_region": {
            sector: {region: value((sector, region)) for region in REGIONS} for sector in SECTORS
        },
        "by_model": {model: value(("model", model)) for model in models},
    }


def decisions_table(rows: Sequence[DecisionRow]) -> Published:
    """Publish decisions by sector and verdict, declines by reason, and all by who decided."""
    value = _decisions(rows).published()
    return {
        "total": value("all"),
        "by_verdict": {verdict: value(("all", verdict)) for verdict in VERDICTS},
        "by_sector": {
            sector: {verdict: value((sector, verdict)) for verdict in (*VERDICTS, "all")}
            for sector in SECTORS
        },
        "by_reason": {reason: value(("reason", reason)) for reason in REASONS},
        "by_whom": {decider: value(("by", decider)) for decider in DECIDERS},
    }


def _decisions(rows: Sequence[DecisionRow]) -> _Network:
    network = _Network(rows)
    network.add("all", ("deciders", "verdicts"))
    for decider in DECIDERS:
        network.add(("by", decider), ("sectors", "deciders"), "all", by=decider)
    for sector in SECTORS:
        network.add((sector, "all"), ("verdicts", ("sector", sector)), "all", sector=sector)
    for verdict in VERDICTS:
        after = "reasons" if verdict == "declined" else "sectors"
        network.add(("all", verdict), (("verdict", verdict), after), "all", verdict=verdict)
        for sector in SECTORS:
            arc = ("sector", sector), ("verdict", verdict)
            totals = (sector, "all"), ("all", verdict)
            network.add((sector, verdict), arc, *totals, sector=sector, verdict=verdict)
    for reason in REASONS:
        declined: dict[str, str] = {"verdict": "declined", "reason": reason}
        network.add(("reason", reason), ("reasons", "sectors"), ("all", "declined"), **declined)
    return network


def use_table(
    use: Mapping[str, UseOfSector], names: Iterable[str], sectors: Iterable[str] = tuple(SECTORS)
) -> Published:
    """Publish use by sector and in all, every figure of a sector or none; ``names``: of figures.

    The first figure decides which others are withheld beside a sector of few people.
    """
    sectors = list(sectors)
    figures = list(names)
    sums = {name: sum(used.counts[name] for used in use.values()) for name in figures}
    nobody = UseOfSector(0, dict.fromkeys(figures, 0))
    cells: dict[Hashable, CountedCell] = {
        # at least one a person: a job that wrote nothing is a job all the same
        sector: CountedCell(
            "from", "to", max(int(used.counts[figures[0]]), used.people), used.people
        )
        for sector in sectors
        for used in [use.get(sector, nobody)]
    }
    whole = sum(cell.value for cell in cells.values())
    people = sum(used.people for used in use.values())
    cells["all"] = CountedCell("to", "from", whole, people, TOTALS_WORTH)
    lines = [SummedLine("all", tuple(sectors))]
    hidden = withheld(in_few(cells, {sector: ["all"] for sector in sectors}), lines)

    def shown(key: str, counts: Mapping[str, float]) -> dict[str, float | None]:
        return {
            name: None if key in hidden else round(counts.get(name, 0), PLACES) for name in figures
        }

    return {
        "total": shown("all", sums),
        "by_sector": {sector: shown(sector, use.get(sector, nobody).counts) for sector in sectors},
    }


def rounded_to_tens(count: int) -> int | None:
    """Return a stock to the nearest ten, so that one more can't be told; None for a few."""
    if count == 0:
        return 0
    return round(count, -1) or None
