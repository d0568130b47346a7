"""Figures as people read them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from portal.site.templatetags import look

NOW = datetime(2026, 11, 23, 14, 32, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, ""),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_100, "1.1 kB"),
        (14_200, "14.2 kB"),
        (663_000, "663 kB"),
        (999_949, "1.00 MB"),
        (2_110_000, "2.11 MB"),
        (9_996_000, "10.0 MB"),
        (251_000_000, "251 MB"),
        (5_300_000_000, "5.30 GB"),
        (60_000_000_000, "60.0 GB"),
        (350_400_000_000, "350 GB"),
        (1_000_000_000_000, "1.00 TB"),
        (2_000_000_000_000_000_000, "2000 PB"),
    ],
)
def test_sizes_keep_three_figures_and_never_break(size_bytes: int | None, text: str) -> None:
    assert look.filesize_si(size_bytes) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, ""),
        (512, "512"),
        (83_456, "83 k"),
        (125_239_296, "125 M"),
        (999_960_000, "1 B"),
        (1_315_758_080, "1.3 B"),
        (6_658_473_984, "6.7 B"),
        (12_853_473_280, "13 B"),
        (175_000_000_000, "175 B"),
    ],
)
def test_parameters_are_named_as_models_are(number: int | None, text: str) -> None:
    assert look.parameters(number) == text.replace(" ", "\u00a0")


def test_a_sha256_keeps_both_ends_and_a_commit_its_head() -> None:
    assert look.short_hash("b3356305" + "0" * 50 + "6870f5") == "b3356305…6870f5"
    assert look.short_hash("03e404fd168941cfed98f46654680130dd85968b") == "03e404fd16"
    assert look.short_hash(None) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (timedelta(days=5, hours=23), "5 d"),
        (timedelta(minutes=90), "1 h"),
        (timedelta(seconds=5), "0 min"),
        (datetime(2026, 12, 4, 9, 12, tzinfo=UTC), "in 11 d"),
        (datetime(2026, 11, 22, 23, 59, tzinfo=UTC), "1 d late"),
        (datetime(2026, 11, 23, 17, 40, tzinfo=UTC), "in 3 h"),
        (datetime(2026, 11, 23, 14, 2, tzinfo=UTC), "30 min late"),
        (date(2026, 11, 23), "today"),
        (date(2026, 11, 20), "3 d late"),
    ],
)
def test_due_times_count_calendar_days(value: object, text: str) -> None:
    assert look.duration_short(value, NOW) == text.replace("in ", "in+").replace(
        " late", "+late"
    ).replace(" ", "\u00a0").replace("+", " ")


def test_whole_dates_name_the_day() -> None:
    assert look.whole_date(date(2026, 12, 4)) == "Friday 4 December 2026"
    assert look.short_date(datetime(2027, 11, 23, 23, 0, tzinfo=UTC)) == "23 Nov 2027"
    assert look.in_days(date(2026, 12, 4), NOW) == "in 11 days"
    assert look.in_days(date(2026, 11, 24), NOW) == "tomorrow"
    assert look.in_days(date(2026, 11, 20), NOW) == "3 days ago"


def test_marks_escape_their_words_and_refuse_unknown_tones() -> None:
    html = look.badge("yes", "<b>", icon="tick")
    assert html.startswith('<span class="badge yes"><svg')
    assert html.endswith("&lt;b&gt;</span>")
    with pytest.raises(look.template.TemplateSyntaxError):
        look.badge("loud", "No", icon="tick")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Decimal(0), "0.00", id="nothing"),
        pytest.param(Decimal("0.000005"), "under 0.01", id="little"),
        pytest.param(0.01, "0.01", id="least"),
        pytest.param(Decimal("1204.5"), "1,204.50", id="much"),
    ],
)
def test_a_little_money_or_time_is_not_shown_as_none(value: float | Decimal, text: str) -> None:
    assert look.hundredths(value) == text
