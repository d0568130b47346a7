"""Figures of a job are written as people write them."""

from __future__ import annotations

import pytest

from portal.jobs.playground.presentation import plain


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0.0, "0", id="nothing"),
        pytest.param(6.4712e-05, "0.000065", id="little"),
        pytest.param(0.01254, "0.013", id="some"),
        pytest.param(1234.5, "1200", id="much"),
    ],
)
def test_a_figure_has_no_exponent(number: float, text: str) -> None:
    assert plain(number, 2) == text
