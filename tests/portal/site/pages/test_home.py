"""The catalogue: what each person may know of, in a constant number of queries."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.catalog.models import File, Licence, ModelRepo
from portal.site.models import PublishedMonth
from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision

pytestmark = pytest.mark.django_db
ESTIMATE = {"percent_within": {"7": 40, "14": 71, "30": None}, "median_days": 9}


def publish(month: date, **figures) -> None:
    totals = {"requests": {"total": 12}, "decisions": {"total": None}}
    PublishedMonth.objects.create(
        month=month, figures=totals | figures, published_at=timezone.now()
    )


def test_an_empty_portal_says_so(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "Nothing has been published yet" in page.content.decode()


def test_it_lists_name_gate_licence_and_size(client, tmp_path):
    repo = make_repo("opt-small", gate="licence", parameters=125_000_000, summary="A small OPT.")
    make_revision(repo, tmp_path / "release")
    page = client.get("/").content.decode()
    for words in ("opt-small", "A small OPT.", "Sign the licence", "125\u00a0M", "Licence 1.0"):
        assert words in page
    assert "no files yet" not in page


def test_a_private_repo_is_for_its_people_alone(client):
    repo = make_repo("unseen-model", private=True)
    assert "unseen-model" not in client.get("/").content.decode()
    client.force_login(make_user())
    assert "unseen-model" not in client.get("/").content.decode()
    client.force_login(make_reviewer(repo))
    assert "unseen-model" in client.get("/").content.decode()


FILTERS = [
    ("q=alpha", {"alpha"}),
    ("q=ALPHA", {"alpha"}),
    ("q=giant", {"beta"}),
    ("gate=review", {"beta"}),
    ("gate=open", {"alpha"}),
    ("family=OPT", {"beta"}),
    ("size=large", {"beta"}),
    ("size=small", {"alpha"}),
    ("size=enormous", {"alpha", "beta"}),
    ("q=nothing-like-it", set()),
    ("page=99", {"alpha", "beta"}),
]


def test_filters_narrow(client):
    make_repo("alpha", gate="open", parameters=10**6)
    make_repo("beta", parameters=175 * 10**9, family="OPT", summary="A giant")
    for query, found in FILTERS:
        page = client.get(f"/?{query}").content.decode()
        listed = {name for name in ("alpha", "beta") if f"</span>{name}</a>" in page}
        assert listed == found, query
        if not found:
            assert "No model matches these filters" in page, query


def test_a_lab_and_a_name_are_found_together(client):
    make_repo("alpha", namespace=make_lab("some-lab"))
    assert "</span>alpha</a>" in client.get("/?q=some-lab/alp").content.decode()


def queries(client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get("/").status_code == 200
    return len(captured)


def test_more_models_ask_no_more_of_the_database(client, tmp_path):
    client.force_login(make_user())
    for number in range(2):
        make_revision(make_repo(), tmp_path / str(number))
    client.get("/")
    few = queries(client)
    for number in range(2, 7):
        make_revision(make_repo(), tmp_path / str(number))
    assert queries(client) == few <= 14


def test_its_figures_are_the_newest_published_ones_and_none_are_live(client):
    for _ in range(3):
        make_request(make_repo(), now=timezone.now() - timedelta(days=1))
    assert client.get("/").context["figures"] is None
    publish(date(2026, 8, 1), times=None)
    publish(date(2026, 9, 1), times={"quarter": "2026-Q3", "all": ESTIMATE, "by_sector": {}})
    publish(date(2026, 10, 1), times=None)
    page = client.get("/")
    figures = page.context["figures"]
    assert (str(figures.month), figures.requests, figures.decisions) == ("2026-10", 12, None)
    assert (figures.quarter, figures.percent_in_two_weeks) == ("2026-Q3", 71)
    words = " ".join(page.content.decode().split())
    assert "Requests in October 2026" in words
    assert "too few people to publish" in words


def test_the_licence_filter_lists_the_licences_of_what_one_may_see(client):
    shown = make_repo("alpha")
    unseen = make_repo("beta", private=True)
    secret = Licence.objects.create(slug="secret", name="Secret terms")
    ModelRepo.objects.filter(pk=unseen.pk).update(licence=secret)
    page = client.get("/").content.decode()
    assert f'value="{shown.licence.slug}"' in page
    assert "Secret terms" not in page
    assert "</span>alpha</a>" in client.get(f"/?licence={shown.licence.slug}").content.decode()


def test_the_scale_fits_the_models_that_are_listed(client):
    make_repo("tiny", parameters=107_000)
    make_repo("huge", parameters=175 * 10**9)
    page = client.get("/")
    assert page.context["scale"].ends == (10**5, 10**12)
    places = {row["repo"].name: row["x"] for row in page.context["rows"]}
    assert 4 < places["tiny"] < 10
    assert places["huge"] > 90


def test_a_card_alone_is_not_the_size_of_a_model(client, tmp_path):
    repo = make_repo("card-only")
    make_revision(repo, tmp_path)
    words = " ".join(client.get("/").content.decode().split())
    assert "no weights here" not in words
    File.objects.exclude(path="README.md").delete()
    words = " ".join(client.get("/").content.decode().split())
    assert "no weights here" in words
