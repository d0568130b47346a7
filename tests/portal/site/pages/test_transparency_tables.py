"""No published table says anything of a few people, however its figures fall."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.access.reporting.months import DecisionRow, RequestRow
from portal.access.reporting.regions import REGIONS
from portal.access.reporting.suppression import FEW
from portal.site.transparency.counting import UseOfSector
from portal.site.transparency.tables import (
    DECIDERS,
    REASONS,
    SECTORS,
    decisions_table,
    requests_table,
    rounded_to_tens,
    use_table,
)

SECTOR, REGION, DECIDER = (st.sampled_from(list(names)) for names in (SECTORS, REGIONS, DECIDERS))
# Each has two small cells that are one person each, or nearly.
ROW = {"europe": 35, "africa": 1, "americas": 26, "asia": 30, "oceania": 1}
DECIDED = {"team": 132, "owner": 2, "chair": 1}


def requests(count: int, sector="academia", region="europe", model="lab/a", first=0):
    return [RequestRow(first + number, sector, region, model) for number in range(count)]


def decisions(count: int, verdict="approved", reason="", sector="academia", by="team", first=0):
    return [DecisionRow(first + n, sector, verdict, reason, by) for n in range(count)]


class TestTables:
    def test_a_small_sector_is_withheld_with_the_smallest_other(self):
        rows = requests(30) + requests(12, "government", first=30)
        rows += requests(3, "industry_lab", first=50)
        table = requests_table(rows)
        shown = table["by_sector"]
        assert (shown["academia"], shown["government"], shown["industry_lab"]) == (30, None, None)
        assert (table["total"], shown["civil_society"]) == (45, 0)
        assert set(table["by_sector_and_region"]["civil_society"].values()) == {0}

    def test_a_few_people_who_ask_often_are_few(self):
        assert requests_table(requests(4) * 5)["total"] is None

    def test_all_of_one_place_is_shown_where_it_is_enough(self):
        table = requests_table(requests(11))
        assert table["by_sector_and_region"]["academia"]["europe"] == 11
        assert table["by_model"] == {"lab/a": 11}

    def test_a_reason_that_would_tell_a_verdict_is_withheld_with_it(self):
        rows = decisions(40) + decisions(3, "declined", "commercial", first=40)
        table = decisions_table(rows)
        assert table["by_verdict"] == {"approved": None, "declined": None}
        assert set(table["by_reason"].values()) == {None}, "an empty one would tell of each"
        assert table["total"] == 43

    def test_of_a_group_of_few_no_cell_is_shown_though_it_be_empty(self):
        rows = decisions(40) + decisions(25, "declined", "commercial", first=40)
        rows += decisions(2, "declined", "commercial", "industry_lab", first=90)
        shown = decisions_table(rows)["by_sector"]
        assert shown["industry_lab"] == {"approved": None, "declined": None, "all": None}
        assert shown["government"] == {"approved": 0, "declined": 0, "all": 0}

    def test_sums_of_use_have_no_noise_of_floats(self):
        use = {sector: UseOfSector(20, {"energy_wh": 3.6 * n}) for n, sector in
               ((4, "academia"), (3, "government"), (12, "industry_lab"))}  # fmt: skip
        table = use_table(use, ("energy_wh",))
        shown = [row for row in (table["total"], *table["by_sector"].values()) if row["energy_wh"]]
        written = [repr(row["energy_wh"]) for row in shown]
        assert written == ["68.4", "14.4", "10.8", "43.2"]

    def test_of_few_in_all_nothing_is_shown(self):
        table = requests_table(requests(3))
        assert set(table["by_region"].values()) == {None}
        assert set(table["by_sector"].values()) == {None}

    def test_who_decided_adds_up_to_all_decisions(self):
        rows = decisions(30) + decisions(2, by="owner", first=30)
        table = decisions_table(rows)
        assert table["by_whom"] == {"team": None, "owner": None, "chair": 0}

    def test_of_use_the_people_are_counted(self):
        use = {
            "academia": UseOfSector(40, {"tokens": 100, "jobs": 40}),
            "government": UseOfSector(1, {"tokens": 900, "jobs": 9}),
            "industry_lab": UseOfSector(12, {"tokens": 50, "jobs": 12}),
        }
        table = use_table(use, ("tokens", "jobs"))
        assert table["by_sector"]["government"] == {"tokens": None, "jobs": None}
        assert table["by_sector"]["industry_lab"] == {"tokens": None, "jobs": None}
        assert table["by_sector"]["academia"]["tokens"] == 100
        assert table["total"] == {"tokens": 1050, "jobs": 61}

    def test_jobs_that_wrote_nothing_are_of_people_all_the_same(self):
        use = {"academia": UseOfSector(2, {"tokens": 0, "jobs": 2})}
        table = use_table(use, ("tokens", "jobs"))
        assert table["by_sector"]["academia"] == {"tokens": None, "jobs": None}
        assert table["total"]["jobs"] is None

    @pytest.mark.parametrize(("stock", "told"), [(0, 0), (3, None), (12, 10), (18, 20)])
    def test_a_stock_is_rounded(self, stock, told):
        assert rounded_to_tens(stock) == told


def rests_of(lines: list[tuple[int | None, Iterable[int | None]]]) -> set[int]:
    """Return what each published total leaves beside the published cells of its line."""
    return {total - sum(cell or 0 for cell in cells) for total, cells in lines if total is not None}


class TestRests:
    """A published total, less what is published of its line, is never of one to nine people."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(SECTOR, REGION, st.integers(1, 60)), max_size=12))
    @example([("academia", region, n) for region, n in ROW.items()])
    def test_of_requests(self, groups):
        rows: list[RequestRow] = []
        for sector, region, count in groups:
            rows += requests(count, sector, region, first=len(rows))
        table = requests_table(rows)
        cells = table["by_sector_and_region"]
        lines = [(table["total"], table[name].values()) for name in ("by_sector", "by_region")]
        lines += [(table["total"], table["by_model"].values())] if rows else []
        lines += [(table["by_sector"][sector], cells[sector].values()) for sector in cells]
        lines += [
            (table["by_region"][region], [row[region] for row in cells.values()])
            for region in REGIONS
        ]
        assert not rests_of(lines) & set(range(1, FEW))

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(SECTOR, st.sampled_from([*REASONS, ""]), DECIDER,
                              st.integers(1, 60)), max_size=12))  # fmt: skip
    @example(
        [("academia", "", "team", 132), ("academia", "", "owner", 2), ("academia", "", "chair", 1)]
    )
    def test_of_decisions(self, groups):
        rows: list[DecisionRow] = []
        for sector, reason, by, count in groups:
            verdict = "declined" if reason else "approved"
            rows += decisions(count, verdict, reason, sector, by, first=len(rows))
        table = decisions_table(rows)
        sectors, verdicts = table["by_sector"], table["by_verdict"]
        lines = [(table["total"], table[name].values()) for name in ("by_verdict", "by_whom")]
        lines.append((table["total"], [row["all"] for row in sectors.values()]))
        lines.append((verdicts["declined"], table["by_reason"].values()))
        lines += [(row["all"], [row[verdict] for verdict in verdicts]) for row in sectors.values()]
        lines += [(verdicts[name], [row[name] for row in sectors.values()]) for name in verdicts]
        assert not rests_of(lines) & set(range(1, FEW))

    def test_of_the_people_behind_use(self):
        use = {
            "academia": UseOfSector(40, {"tokens": 100}),
            "government": UseOfSector(1, {"tokens": 900}),
            "industry_lab": UseOfSector(2, {"tokens": 50}),
        }
        by_sector = use_table(use, ("tokens",))["by_sector"]
        assert by_sector["academia"] == {"tokens": None}
