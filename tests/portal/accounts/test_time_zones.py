"""Times are shown in the reader's zone: the one they chose, else their browser's, else UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import RequestFactory
from django.urls import reverse

from portal.accounts.views.time_zones import BROWSER_COOKIE, CHOSEN_COOKIE, zone_of
from portal.formatting import clock, moment
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo

TOKYO = ZoneInfo("Asia/Tokyo")
EVENING = datetime(2026, 11, 18, 20, 12, tzinfo=UTC)


@pytest.fixture
def reader(client, db):
    person = make_user()
    client.force_login(person)
    return client


def choose(client, name):
    return client.post(reverse("accounts:time_zone"), {"time_zone": name})


class TestWords:
    def test_a_known_zone_needs_no_name(self):
        assert clock(EVENING, TOKYO) == "05:12"
        assert moment(EVENING, EVENING.replace(year=2027), TOKYO) == "19 Nov 2026, 05:12"

    def test_utc_is_named_where_it_is_the_readers_too(self):
        assert clock(EVENING, ZoneInfo("UTC")) == "20:12\xa0UTC"

    def test_the_sites_zone_is_named(self):
        assert moment(EVENING, EVENING.replace(day=20), None) == "18 Nov, 20:12\xa0UTC"

    def test_today_is_the_readers(self):
        later = datetime(2026, 11, 19, 3, 0, tzinfo=UTC)
        assert moment(EVENING, later, TOKYO) == "today, 05:12"
        assert moment(EVENING, later).startswith("18 Nov")


class TestWhose:
    def zone(self, **cookies):
        request = RequestFactory().get("/")
        request.COOKIES.update(cookies)
        return zone_of(request)

    def test_the_browsers_is_taken(self):
        assert self.zone(**{BROWSER_COOKIE: "Asia/Tokyo"}) == TOKYO

    def test_the_chosen_one_goes_before_it(self):
        cookies = {BROWSER_COOKIE: "America/Lima", CHOSEN_COOKIE: "Asia/Tokyo"}
        assert self.zone(**cookies) == TOKYO

    @pytest.mark.parametrize("made_up", ["", "Mars/Base", "../../etc/passwd", "\0", "/etc/hosts"])
    def test_a_made_up_one_is_none(self, made_up):
        assert self.zone(**{BROWSER_COOKIE: made_up, CHOSEN_COOKIE: made_up}) is None


class TestChoosing:
    def test_a_choice_is_kept_and_can_be_taken_back(self, reader):
        choose(reader, "Asia/Tokyo")
        assert reader.cookies[CHOSEN_COOKIE].value == "Asia/Tokyo"
        page = reader.get(reverse("accounts:profile")).text
        assert '<option value="Asia/Tokyo" selected>' in page
        choose(reader, "")
        assert not reader.cookies[CHOSEN_COOKIE].value

    def test_a_zone_that_is_not_there_is_refused(self, reader):
        page = reader.get(choose(reader, "Mars/Base").url).text
        assert "There is no such time zone here" in page
        assert CHOSEN_COOKIE not in reader.cookies


def test_a_page_shows_times_in_the_readers_zone(client, db):
    case = make_request(make_repo(), now=EVENING)
    client.force_login(case.applicant)
    page = reverse("access:request", args=[case.pk])
    assert "20:12\xa0UTC</time>" in client.get(page).text
    client.cookies[BROWSER_COOKIE] = "Asia/Tokyo"
    assert ", 05:12</time>" in client.get(page).text
