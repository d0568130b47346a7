"""Anybody reads how the gate performs, month by month, and nobody is told apart by it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.access.models import AccessRequest
from portal.access.reporting.survival import Observed
from portal.delivery.models import Download
from portal.site.models import PublishedMonth
from portal.site.transparency.publishing import figures_of, publish_months
from portal.site.transparency.sample_months import add_sample_months
from portal.site.transparency.times import SPANS, times_between, times_of
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_revision
from tests.factories.jobs import make_ended

pytestmark = pytest.mark.django_db
PUBLIC = ("/", "/transparency", "/transparency?month=2026-10")
OCTOBER = date(2026, 10, 1)

IN_OCTOBER = datetime(2026, 10, 5, 9, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 3, tzinfo=UTC)


def shown(client, path: str) -> str:
    """Return what an address says: of a page its middle, since forms differ each time."""
    return client.get(path).content.decode().partition("<main")[2].partition("</main>")[0]


def fetch(revision, person, size: int) -> None:
    Download.objects.create(
        person=person,
        file=revision.all_files().first(),
        revision=revision,
        length_bytes=size,
        bytes_sent=size,
        status_code=200,
        started_at=IN_OCTOBER,
    )


@pytest.fixture
def busy(tmp_path):
    """Twelve requests in October, and one more of another sector."""
    repo = make_repo()
    for _ in range(12):
        make_request(repo, now=IN_OCTOBER)
    AccessRequest.objects.update(sector="academia", country="NL")
    other = make_request(repo, now=IN_OCTOBER)
    AccessRequest.objects.filter(pk=other.pk).update(sector="government", country="KE")
    return repo


class TestPublishing:
    def test_a_month_is_published_once_it_is_over_and_settled(self, busy):
        assert publish_months(datetime(2026, 11, 1, 12, tzinfo=UTC)) == 0
        assert publish_months(AFTER) == 1
        assert publish_months(AFTER) == 0
        month = PublishedMonth.objects.get()
        assert month.month == OCTOBER
        assert month.figures["requests"]["total"] == 13

    def test_what_changes_later_changes_nothing_that_is_published(self, busy):
        publish_months(AFTER)
        before = PublishedMonth.objects.get().figures
        AccessRequest.objects.all().update(sector="government")
        busy.private = True
        busy.save()
        publish_months(AFTER + timedelta(days=3))
        assert PublishedMonth.objects.get().figures == before

    def test_months_without_anything_are_published_too_and_none_is_left_out(self, busy):
        assert publish_months(datetime(2027, 2, 5, tzinfo=UTC)) == 4
        assert [str(month) for month in PublishedMonth.objects.all()] == [
            "2027-01",
            "2026-12",
            "2026-11",
            "2026-10",
        ]

    def test_a_quarter_has_its_times_without_counts(self, busy):
        publish_months(datetime(2027, 1, 5, tzinfo=UTC))
        times = [month.figures["times"] for month in PublishedMonth.objects.all()]
        assert times[1:] == [None, None]
        assert times[0]["quarter"] == "2026-Q4"
        assert times[0]["all"]["percent_within"]["14"] == 0
        assert times[0]["by_sector"] == {"academia": None, "government": None}
        assert "13" not in json.dumps(times[0])

    def test_times_of_few_are_withheld(self):
        make_request(make_repo(), now=IN_OCTOBER)
        assert times_between(IN_OCTOBER, AFTER)["all"] is None

    def test_hosted_use_and_downloads_are_counted(self, tmp_path):
        repo = make_repo()
        revision = make_revision(repo, tmp_path)
        for number in range(12):
            person = make_user()
            make_ended(repo, person, IN_OCTOBER)
            fetch(revision, person, 1000 + number)
        for _ in range(3):
            fetch(revision, None, 50)
        figures = figures_of(OCTOBER)
        assert figures["hosted"]["total"] == {
            "tokens": 180,
            "jobs": 12,
            "energy_wh": 24.0,
            "co2_g": 12.0,
        }
        by_sector = figures["downloads"]["by_sector"]
        assert (by_sector[""]["downloads"], by_sector["open"]["downloads"]) == (None, None)
        assert figures["downloads"]["total"]["downloads"] == 15
        earlier = figures_of(date(2026, 9, 1))
        assert "open" not in earlier["hosted"]["by_sector"]
        assert earlier["hosted"]["total"]["tokens"] == 0
        assert earlier["downloads"]["total"]["downloads"] == 0


def assert_agrees(estimate: dict) -> None:
    """Hold half's days against the shares, which grow with the days."""
    seen = {
        int(days): share for days, share in estimate["percent_within"].items() if share is not None
    }
    assert list(seen.values()) == sorted(seen.values())
    median = estimate["median_days"]
    for days, share in seen.items():
        assert (share >= 50) == (median is not None and median <= days)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 29), st.booleans()), min_size=12, max_size=40))
@example([(7.4, True)] * 6 + [(7.1, True)] * 5 + [(6.0, True)] * 10)
@example([(3.0, True)] * 199 + [(9.0, True)] * 201)
def test_shares_and_half_s_days_agree(rows):
    observed = [Observed(days, is_decided=is_decided) for days, is_decided in rows]
    observed.append(Observed(30.0, is_decided=False))
    assert_agrees(times_of({"academia": observed})["all"])


class TestTheDemosSample:
    def test_it_is_marked_wherever_it_is_read_and_comes_once(self, client, busy):
        for _ in range(2):
            add_sample_months(["lab/opt-66b", "lab/opt-175b"], IN_OCTOBER, AFTER)
            publish_months(AFTER)
        months = list(PublishedMonth.objects.all())
        assert [month.is_sample for month in months] == [False] + [True] * 12
        assert str(months[-1]) == "2025-10"
        page = client.get("/transparency?month=2026-06")
        words = " ".join(page.content.decode().split())
        assert "Sample, made for this demo" in words
        assert "up to September 2026 a sample" in words
        data = client.get("/api/v1/transparency/").json()["months"]
        assert [month.get("sample") for month in data] == [None] + [True] * 12

    def test_its_figures_can_be(self):
        add_sample_months(["lab/opt-66b", "lab/opt-175b"], IN_OCTOBER, AFTER)
        months = list(PublishedMonth.objects.all())[::-1]
        waiting = 0
        for month in months:
            figures = month.figures
            waiting += figures["requests"]["total"] - figures["decisions"]["total"]
            assert 0 <= figures["undecided_at_end"] <= waiting + 5
        times = [month.figures["times"] for month in months if month.figures["times"]]
        assert len(times) == 4
        for quarter in times:
            of_all, estimates = quarter["all"], [*filter(None, quarter["by_sector"].values())]
            assert len(estimates) > 2
            for estimate in [of_all, *estimates]:
                assert_agrees(estimate)
            for span in map(str, SPANS):
                shares = [estimate["percent_within"][span] for estimate in estimates]
                if None in shares:
                    continue  # whose last wait ended earlier says nothing of that day
                assert min(shares) <= of_all["percent_within"][span] <= max(shares)

    def test_it_has_the_shape_of_a_month_that_was_counted(self, busy):
        add_sample_months(["lab/opt-66b"], IN_OCTOBER, AFTER)
        publish_months(AFTER)
        counted, sample = PublishedMonth.objects.all()[:2]
        assert sample.figures.keys() - {"sample"} == counted.figures.keys()
        for name in ("requests", "decisions", "downloads", "hosted"):
            assert sample.figures[name].keys() == counted.figures[name].keys()
            one, other = (month.figures[name]["by_sector"] for month in (sample, counted))
            assert one.keys() == other.keys()


class TestThePage:
    def test_before_the_first_month_it_says_so(self, client):
        page = client.get("/transparency")
        assert page.status_code == 200
        assert "No month is published yet" in page.content.decode()

    def test_it_shows_the_newest_month_and_any_other(self, client, busy):
        publish_months(datetime(2027, 1, 5, tzinfo=UTC))
        newest = client.get("/transparency")
        assert str(newest.context["month"]) == "2026-12"
        page = client.get("/transparency?month=2026-10")
        words = " ".join(page.content.decode().split())
        assert "<h2> October 2026 </h2>" in words
        assert busy.full_name in words
        assert "withheld" in words

    @pytest.mark.parametrize("month", ["2026-13", "2019-01", "soon", "2026-10'--"])
    def test_a_month_that_is_not_there_is_not_found(self, client, busy, month):
        assert client.get(f"/transparency?month={month}").status_code == 404
        publish_months(AFTER)
        assert client.get(f"/transparency?month={month}").status_code == 404

    def test_page_csv_json_and_api_say_the_same_and_home_too(self, client, busy):
        publish_months(AFTER)
        data = client.get("/transparency.json").json()
        assert data["months"][0]["requests"]["total"] == 13
        assert client.get("/api/v1/transparency/").json() == data
        rows = list(csv.DictReader(io.StringIO(client.get("/transparency.csv").content.decode())))
        [total] = [row for row in rows if row["table"] == "requests.total"]
        assert (total["month"], total["value"], total["withheld"]) == ("2026-10", "13", "0")
        hidden = [row for row in rows if row["withheld"] == "1"]
        assert hidden
        assert {row["value"] for row in hidden} == {""}
        assert client.get("/").context["figures"].requests == 13
        assert ">13</td>" in client.get("/transparency").content.decode().replace(" ", "").replace(
            "\n", ""
        )

    def test_nothing_public_is_counted_live(self, client, busy):
        publish_months(AFTER)
        before = [shown(client, path) for path in PUBLIC]
        make_request(busy, now=AFTER)
        assert [shown(client, path) for path in PUBLIC] == before

    def test_the_home_page_and_the_foot_lead_there(self, client, busy):
        publish_months(AFTER)
        assert client.get("/").content.decode().count('href="/transparency"') == 2

    def test_it_asks_little_of_the_database_however_many_months(self, client, busy):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert client.get("/transparency").status_code == 200
            return len(captured)

        publish_months(AFTER)
        few = queries()
        publish_months(datetime(2029, 1, 5, tzinfo=UTC))
        assert queries() == few <= 2
