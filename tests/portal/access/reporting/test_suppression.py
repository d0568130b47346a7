"""No withheld cell of a published table can be computed, and no rest of a line is of few."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.access.reporting.suppression import FEW, CountedCell, SummedLine, in_few, withheld


def table(rows: list[list[int]]) -> dict:
    """Make the network of a table with totals of rows, columns and all."""
    cells = {}
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            cells[i, j] = CountedCell(("row", i), ("column", j), value, value)
        cells[i, "all"] = CountedCell("columns", ("row", i), sum(row), sum(row))
    for j, column in enumerate(zip(*rows, strict=True)):
        cells["all", j] = CountedCell(("column", j), "rows", sum(column), sum(column))
    whole = sum(map(sum, rows))
    cells["all", "all"] = CountedCell("rows", "columns", whole, whole)
    return cells


def grouped(rows: list[list[int]]) -> dict:
    """Mark the cells of small rows, columns and totals, as published tables do."""
    cells = table(rows)
    margins = [key for key in cells if key != ("all", "all") and "all" in key]
    groups: dict = {key: [("all", "all")] for key in margins}
    for i, j in cells:
        if "all" not in (i, j):
            groups[i, j] = [(i, "all"), ("all", j)]
    return in_few(cells, groups)


def line(*values: int) -> dict:
    """Make the network of counts that add up to a total."""
    cells = {i: CountedCell("from", "to", value, value) for i, value in enumerate(values)}
    return cells | {"all": CountedCell("to", "from", sum(values), sum(values))}


def lines_of(cells: dict) -> list[SummedLine]:
    """List the rows and columns of a table, or the one line of counts, with their totals."""
    if "all" in cells:
        return [SummedLine("all", tuple(key for key in cells if key != "all"))]
    rows = sorted({i for i, _ in cells if i != "all"})
    columns = sorted({j for _, j in cells if j != "all"})
    return [
        *[SummedLine((i, "all"), tuple((i, j) for j in columns)) for i in [*rows, "all"]],
        *[SummedLine(("all", j), tuple((i, j) for i in rows)) for j in [*columns, "all"]],
    ]


def rests(cells: dict, hidden: set) -> list[int]:
    """Return for each published total what is left of it, less what is published of its line."""
    return [
        cells[line.total].value - sum(cells[key].value for key in line.parts if key not in hidden)
        for line in lines_of(cells)
        if line.total not in hidden
    ]


def equations(cells: dict) -> list[dict]:
    """Write for each node that what flows in flows out: a coefficient for each cell."""
    nodes = {cell.tail for cell in cells.values()} | {cell.head for cell in cells.values()}
    return [
        {key: (cell.head == node) - (cell.tail == node) for key, cell in cells.items()}
        for node in nodes
    ]


def computed(cells: dict, hidden: set) -> set:
    """Return the withheld cells that the equations alone give away, by exact elimination."""
    keys = sorted(hidden, key=repr)
    rows = [[Fraction(equation[key]) for key in keys] for equation in equations(cells)]
    pivots: list[int] = []
    for column in range(len(keys)):
        at = next((r for r in range(len(pivots), len(rows)) if rows[r][column]), None)
        if at is None:
            continue
        here = len(pivots)
        rows[here], rows[at] = rows[at], rows[here]
        rows[here] = [value / rows[here][column] for value in rows[here]]
        for r in range(len(rows)):
            if r != here and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[here], strict=True)]
        pivots.append(column)
    return {
        keys[column]
        for r, column in enumerate(pivots)
        if sum(bool(value) for value in rows[r]) == 1
    }


def alike(cells: dict, hidden: set) -> list[dict]:
    """List every table that agrees with the published cells, the withheld ones from 1 on."""
    keys = sorted(hidden, key=repr)
    most = max(cell.value for cell in cells.values()) + 1
    tables = []
    for values in product(range(1, most + 1), repeat=len(keys)):
        guess = {key: cell.value for key, cell in cells.items()} | dict(
            zip(keys, values, strict=True)
        )
        if all(not sum(e[key] * guess[key] for key in guess) for e in equations(cells)):
            tables.append(guess)
    return tables


SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))
COUNTS = st.integers(0, 30)
TABLES = SHAPES.flatmap(
    lambda shape: st.lists(
        st.lists(COUNTS, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


@settings(max_examples=400, deadline=None)
@given(TABLES)
@example([[1, 1], [1, 1]])
@example([[9, 0], [0, 9]])
@example([[3, 20], [30, 40]])
@example([[3, 0, 0, 132]])
@example([[35, 1, 26, 1, 30], [20, 20, 20, 20, 20]])
def test_no_withheld_cell_follows_from_the_others(rows):
    cells = table(rows)
    hidden = withheld(cells, lines_of(cells))
    assert {key for key, cell in cells.items() if 0 < cell.value < FEW} <= hidden
    assert all(cells[key].value for key in hidden), "an empty cell is shown"
    assert computed(cells, hidden) == set()
    assert not {rest for rest in rests(cells, hidden) if 0 < rest < FEW}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=4))
@example([1, 1])
@example([1])
@example([1, 1, 1])
@example([1, 11])
def test_nor_by_trying_every_table_that_agrees(values):
    cells = line(*values)
    hidden = withheld(cells, lines_of(cells))
    if len(hidden) > 3:
        return  # trying all would take too long; the equations are held above
    tables = alike(cells, hidden) if hidden else []
    for key in hidden:
        assert len({guess[key] for guess in tables}) > 1, key


@settings(max_examples=400, deadline=None)
@given(TABLES)
@example([[1, 0], [30, 40]])
@example([[0, 3], [40, 0]])
@example([[0, 1], [0, 0]])
def test_nor_do_empty_cells_of_few_people_follow(rows):
    cells = grouped(rows)
    hidden = withheld(cells, lines_of(cells))
    assert computed(cells, hidden) == set()
    for (i, j), cell in cells.items():
        totals = [cells[i, "all"], cells["all", j]] if "all" not in (i, j) else []
        if any(total.is_small for total in totals) and all(total.value for total in totals):
            assert (i, j) in hidden, cell
    assert not {rest for rest in rests(cells, hidden) if 0 < rest < FEW}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=2, max_size=2))
def test_nor_where_all_are_small(rows):
    cells = table(rows)
    hidden = withheld(cells, lines_of(cells))
    assert computed(cells, hidden) == set()
    total = cells["all", "all"]
    assert not total.is_small or ("all", "all") in hidden


@settings(max_examples=200, deadline=None)
@given(st.lists(COUNTS, min_size=2, max_size=5), st.lists(COUNTS, min_size=1, max_size=4))
def test_nor_across_tables_that_share_a_total(verdicts, shares):
    """The declined of one table are the total of another, as reasons are of declines."""
    declined = sum(shares)
    cells = {
        ("verdict", i): CountedCell("a", "b", value, value) for i, value in enumerate(verdicts)
    }
    cells["declined"] = CountedCell("a", "reasons", declined, declined)
    for i, value in enumerate(shares):
        cells["reason", i] = CountedCell("reasons", "b", value, value)
    whole = sum(verdicts) + declined
    cells["all"] = CountedCell("b", "a", whole, whole)
    reasons = tuple(("reason", i) for i in range(len(shares)))
    parts = (*[("verdict", i) for i in range(len(verdicts))], "declined")
    lines = [SummedLine("all", parts), SummedLine("declined", reasons)]
    assert computed(cells, withheld(cells, lines)) == set()


@pytest.mark.parametrize(
    ("values", "hidden"),
    [
        ((), set()),
        ((0, 10, 20), set()),
        ((10, 16), set()),
        ((4, 10, 20), {0, 1}),
        ((4, 0, 20), {0, 2}),
        ((3, 3, 20), {0, 1, 2}),
        ((5, 5, 20), {0, 1}),
        ((132, 2, 1), {0, 1, 2}),
        ((26, 1, 35, 1, 30), {0, 1, 3}),
        ((1, 1, 20, 30), {0, 1, 2}),
        ((4,), {0, "all"}),
    ],
)
def test_the_least_is_withheld_that_will_do(values, hidden):
    cells = line(*values)
    assert withheld(cells, lines_of(cells)) == hidden


def test_a_large_sum_of_few_people_is_withheld_too():
    cells = {
        "one": CountedCell("from", "to", 900_000, 1),
        "many": CountedCell("from", "to", 1_000_000, 50),
        "all": CountedCell("to", "from", 1_900_000, 51),
    }
    assert withheld(cells, lines_of(cells)) == {"one", "many"}


def test_a_cell_without_a_total_is_refused():
    with pytest.raises(ValueError, match="no total"):
        withheld({"alone": CountedCell("from", "to", 3, 3)}, [])
