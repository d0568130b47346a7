"""The logbook on a model's page: totals, events on the curve, filters, units and one time zone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.catalog.logbook.services import add_entries, read_logbook
from portal.catalog.logbook.totals import totals
from portal.demo.family import SIZES, seed_family
from portal.demo.models import LAB, demo_licence
from portal.demo.sample_logbook import CRASHES, MARK, sample_logbook
from portal.site.model_page.logbook_words import in_human_units
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db
RELEASED = datetime(2026, 8, 1, 9, tzinfo=UTC)


def keep(repo, tmp_path, text: str) -> None:
    path = tmp_path / "logbook.jsonl"
    path.write_text(text, "utf-8")
    entries, problems = read_logbook(path)
    assert problems == []
    add_entries(repo, entries, now=timezone.now())


@pytest.fixture
def sampled(tmp_path):
    repo = make_repo()
    keep(repo, tmp_path, sample_logbook(RELEASED))
    return repo


def words_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_the_sample_is_marked_and_ends_before_the_release(client, sampled):
    entries = list(sampled.logbook.all())
    assert {entry.author for entry in entries} == {MARK}
    assert max(entry.ended_at or entry.occurred_at for entry in entries) < RELEASED
    words = words_of(client.get(f"/{sampled.full_name}"))
    assert f"Every entry is by: <strong><bdi>{MARK}" in words


def test_totals_are_counted_from_the_entries(sampled):
    sums = totals(list(sampled.logbook.all()))
    crashes = [crash for crash in CRASHES if crash.cause != "provider"]
    assert sum(sums.crashes.values()) == len(crashes)
    assert sums.restarts_automatic == sum(crash.automatic for crash in CRASHES)
    assert sums.restarts == len(CRASHES)
    stood_still = sum(crash.hours for crash in CRASHES)
    assert sums.downtime / timedelta(hours=1) == pytest.approx(stood_still, abs=0.3)
    assert sums.summed["hosts_replaced"] == sum(crash.hosts for crash in CRASHES)
    assert sums.summed["gpu_hours_lost"] == pytest.approx(992 * stood_still, abs=10)
    assert sums.useful_percent == pytest.approx(100 * (1 - stood_still / 24 / 56), abs=1)


def test_marks_lead_to_entries_and_entries_to_their_marks(client, sampled):
    page = client.get(f"/{sampled.full_name}").content.decode()
    marks = re.findall(r'<a href="\?entries=(\d+)#entry-(\d+)" tabindex="-1">', page)
    assert len(marks) == 2 * len(set(marks))  # once in each plot
    for number, entry in set(marks):
        there = client.get(f"/{sampled.full_name}?entries={number}").content.decode()
        assert f'id="entry-{entry}"' in there
        assert f"mark={entry}#curve" in there
    marked = client.get(f"/{sampled.full_name}?mark={marks[0][1]}").content.decode()
    assert len(re.findall(r'class="mark \w+ chosen"', marked)) == 2


def test_filters_narrow_and_what_is_unknown_filters_nothing(client, sampled):
    def listed(query: str) -> set[str]:
        page = client.get(f"/{sampled.full_name}?{query}").context["logbook"]
        return {happening.entry.kind for happening in page.happenings}

    assert listed("kind=crash") == {"crash"}
    assert listed("run=12.03&kind=restart") == {"restart"}
    assert listed("kind=explosion&run=99") == listed("")
    assert client.get(f"/{sampled.full_name}?mark=x&entries=y").status_code == 200


def test_times_are_utc_and_the_labs_own_stands_beside(client, tmp_path):
    repo = make_repo()
    row = {"kind": "note", "run": "1", "zone": "PT", "occurred_at": "2021-11-28T03:20:00"}
    keep(repo, tmp_path, json.dumps(row))
    words = words_of(client.get(f"/{repo.full_name}"))
    assert 'datetime="2021-11-28T11:20+00:00"' in words
    assert "28 Nov, 03:20 PT" in words
    assert "All times are UTC" in words


def test_times_are_utc_whatever_the_readers_zone(client, sampled):
    def times() -> list[str]:
        page = client.get(f"/{sampled.full_name}").content.decode()
        entries = page[page.index('id="entry-') :]
        return re.findall(r"<time[^>]*>([^<]+)</time>", entries)

    before = times()
    client.cookies["browser_zone"] = "Asia/Tokyo"
    assert times() == before
    assert all(text.endswith("UTC") for text in before)


def test_entries_of_several_sources_stand_in_the_order_of_time(client, tmp_path):
    repo = make_repo()
    for day in (3, 1, 2):
        row = {"kind": "note", "run": "1", "occurred_at": f"2026-01-0{day}T00:00:00Z"}
        keep(repo, tmp_path, json.dumps(row))
    shown = client.get(f"/{repo.full_name}").context["logbook"].happenings
    assert [happening.entry.occurred_at.day for happening in shown] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("7999811 bytes and 1013760 tokens", "8.00\u00a0MB and 1,013,760 tokens"),
        ("0.000010 kWh, 0.123456 tokens", "0.000010 kWh, 0.123456 tokens"),
        ("in 20265 we ran, port 65535", "in 20265 we ran, port 65535"),
        ("sha256 514939269555841efcf 12 steps", "sha256 514939269555841efcf 12 steps"),
    ],
)
def test_long_numbers_are_written_for_people_and_nothing_else_is_touched(text, shown):
    assert in_human_units(text) == shown


def test_energy_carbon_and_cost_have_their_method(client, sampled):
    words = words_of(client.get(f"/{sampled.full_name}"))
    hours = 992 * 56 * 24
    assert f"{hours:,} device-hours × 400 W × 1.1" in words
    assert f"Cost: {hours:,} h × 3.43 USD, the lab’s price" in words
    footprint = client.get(f"/{sampled.full_name}").context["logbook"].footprint
    assert footprint.kwh == pytest.approx(hours * 0.4 * 1.1)
    assert footprint.cost.amount == pytest.approx(hours * 3.43)


def test_figures_that_are_no_numbers_break_nothing(client, tmp_path):
    repo = make_repo()
    wrong = {"loss": "low", "kwh": True, "kg_co2e": [], "gpu_hours_lost": "many"}
    row = {"run": "1", "occurred_at": "2026-01-01T00:00:00Z", "step": 1, "figures": wrong}
    lines = [json.dumps({**row, "kind": kind}) for kind in ("update", "crash", "note")]
    keep(repo, tmp_path, "\n".join(lines))
    assert client.get(f"/{repo.full_name}").status_code == 200


def test_a_longer_logbook_asks_no_more_of_the_database(client, tmp_path, sampled):
    few = make_repo()
    row = {"kind": "note", "run": "1", "occurred_at": "2026-01-01T00:00:00Z"}
    keep(few, tmp_path, json.dumps(row))

    def queries(repo) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/{repo.full_name}").status_code == 200
        return len(captured)

    queries(few)
    assert queries(sampled) <= queries(few) + 1  # the tariff, where there is an estimate


def test_the_demo_has_the_sample_with_its_largest_size(client):
    operator, now = make_user(superuser=True), timezone.now()
    lab, licence = make_lab(LAB).name, demo_licence(operator, now).licence
    seed_family(lab=lab, operator=operator, reviewer=make_user(), licence=licence, now=now)
    words = words_of(client.get(f"/{lab}/{SIZES[-1].name}"))
    assert MARK in words
    assert "Weights not hosted here" in words
