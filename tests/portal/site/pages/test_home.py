"""The catalogue: what each person may know of, in a constant number of queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision

pytestmark = pytest.mark.django_db


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


def test_who_waits_is_counted(client):
    repo = make_repo(decision_days=7)
    now = timezone.now()
    make_request(repo, now=now - timedelta(days=10))
    make_request(repo, now=now)
    figures = client.get("/").context["figures"]
    assert (figures.waiting, figures.overdue, figures.old_enough) == (2, 1, 0)
    assert figures.share is None
