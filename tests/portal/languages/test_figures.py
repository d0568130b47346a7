"""Figures and days are written as the reader's language writes them; machines read English ones."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django import forms
from django.template import Context, Template
from django.utils import translation

from portal import formatting
from portal.site.model_page.logbook_words import change_words, in_human_units

DAY = date(2026, 12, 4)


@pytest.fixture
def german():
    with translation.override("de"):
        yield


@pytest.mark.usefixtures("german")
class TestGerman:
    def test_figures(self):
        assert formatting.thousands(1204567) == "1.204.567"
        assert formatting.size(2_110_000) == "2,11\xa0MB"
        assert Template("{% load look %}{{ n|hundredths }}").render(Context({"n": 1204.5})) == (
            "1.204,50"
        )

    def test_days(self):
        assert formatting.whole_date(DAY) == "Freitag, 4. Dezember 2026"
        assert formatting.day_in_words(DAY) == "4. Dezember 2026"
        assert formatting.short_date(DAY) == "4. Dez. 2026"
        assert formatting.short_date(date(2026, 5, 4)) == "4. Mai 2026"
        at = datetime(2026, 11, 18, 9, 12, tzinfo=UTC)
        assert formatting.moment(at, datetime(2026, 12, 1, tzinfo=UTC)) == "18. Nov., 09:12\xa0UTC"

    def test_figures_of_a_logbook(self):
        rate = {"name": "weight_decay", "from": 0.1, "to": 0.05}
        assert change_words(rate) == "weight decay: 0,1 → 0,05"
        size = {"name": "batch_size", "from": 2048, "to": 4096}
        assert change_words(size) == "batch size: 2.048 → 4.096"
        # The sentence is English, so its figures are.
        assert in_human_units("saved 2110000 bytes at 12345 steps") == (
            "saved 2.11\xa0MB at 12,345 steps"
        )

    def test_machines_read_the_same_as_ever(self):
        drawn = Template('<path d="M{{ x }}"/>').render(Context({"x": 1.5}))
        assert drawn == '<path d="M1.5"/>'
        field = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
        assert 'value="2026-12-04"' in field.widget.render("day", DAY)
        assert field.clean("2026-12-04") == DAY


def test_english_is_as_it_was():
    assert formatting.thousands(20000) == "20,000"
    assert formatting.whole_date(DAY) == "Friday 4 December 2026"
    assert formatting.short_date(DAY) == "4 Dec 2026"
    assert formatting.enumerated(["a"]) == "a"
    assert formatting.enumerated(["a", "b", "c"]) == "a, b and c"
