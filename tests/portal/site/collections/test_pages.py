"""The pages of a collection: what a visitor sees, and what its lab does there."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest, Grant
from portal.access.policy.policy import Action, may
from portal.catalog.models import Collection
from tests.factories.access import ANSWERS, make_grant
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.collections import make_family

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher(client):
    person = make_user()
    client.force_login(person)
    return person


def page_of(client, collection):
    response = client.get(collection.path)
    assert response.status_code == 200
    return response.text


def test_a_visitor_sees_each_gate_and_one_thing_to_do(client):
    collection, repos = make_family("open", "licence", "review")
    text = page_of(client, collection)
    assert "OPT family" in text
    assert all(repo.name in text for repo in repos)
    assert "Sign in" in text
    client.force_login(make_user())
    text = page_of(client, collection)
    assert reverse("access:start", args=[repos[2].namespace.name, repos[2].name]) in text


def test_a_holder_sees_what_is_open_to_them(client):
    collection, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=timezone.now())
    client.force_login(grant.person)
    text = page_of(client, collection)
    assert text.count(reverse("access:grant", args=[grant.pk])) >= 2
    assert "Request access" not in text
    model = client.get(f"/{repos[0].full_name}").text
    assert f"through OPT family, {grant.reference}" in model
    assert "OPT family" in client.get(reverse("site:access")).text
    assert repos[1].full_name in client.get(reverse("access:grant", args=[grant.pk])).text


def test_the_labs_own_people_are_offered_no_request_for_what_is_open_to_them(client, publisher):
    collection, repos = make_family("review", "licence", publisher=publisher)
    text = page_of(client, collection)
    assert "It’s open to you" in client.get(f"/{repos[0].full_name}").text
    assert "Open to you" in text
    assert "Not open to you yet" not in text
    assert client.get(collection.path).context["page"].act is None


def test_more_models_ask_no_more_queries(client):
    counts = []
    for size in (1, 6):
        collection, repos = make_family(*["review"] * size)
        client.force_login(make_grant(repos[0], now=timezone.now()).person)
        page_of(client, collection)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page_of(client, collection)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_an_unknown_or_private_collection_is_not_found(client):
    collection, _ = make_family("review", private=True)
    assert client.get(collection.path).status_code == 404
    assert client.get("/collections/nobody/nothing").status_code == 404


def test_a_request_is_typed_signed_once_and_decided_on_pages(client):
    """The whole way by pages: choose, sign, submit; the reviewer gives two of three."""
    collection, repos = make_family("review", "review", "review")
    person, names = make_user(), (repos[0].namespace.name, repos[0].name)
    client.force_login(person)
    assert "OPT family" in client.get(reverse("access:start", args=names)).text
    client.post(reverse("access:start", args=names))
    request = AccessRequest.objects.get(applicant=person)

    def step(slug, **answers):
        return client.post(reverse("access:form", args=[request.pk, slug]), answers)

    step("you", name=person.name)
    step("organization", **{key: ANSWERS[key] for key in ("organization", "country", "sector")})
    step("research", purpose=ANSWERS["purpose"], outputs=ANSWERS["outputs"])
    shown = client.get(reverse("access:form", args=[request.pk, "access"])).text
    assert shown.count("checked") >= 3
    refused = step("access", compute="None.", modes=["download"])
    assert refused.status_code == 422
    assert 'href="#models' in refused.text
    chosen = [repos[0].full_name, repos[2].full_name]
    step("access", compute="None.", modes=["download"], models=chosen)
    text = client.get(reverse("access:form", args=[request.pk, "licence"])).text
    sha256 = text.partition('name="text_sha256" value="')[2].partition('"')[0]
    signed = {"attest_noncommercial": "on", "attest_no_military": "on", "typed_name": person.name}
    step("licence", text_sha256=sha256, capacity="person", **signed)
    step("check")
    request.refresh_from_db()
    assert request.state == "in_review"

    reviewer = make_reviewer(collection.lead)
    client.force_login(reviewer)
    queue = client.get(reverse("access:queue")).text
    assert "OPT family: 2 models" in queue
    case = client.get(reverse("access:case", args=[request.pk])).text
    assert ", ".join(chosen) in case
    terms = {"modes": ["download"], "until": "2027-12-31"}
    none = client.post(reverse("access:approve", args=[request.pk]), terms)
    assert none.status_code == 422
    given = client.post(
        reverse("access:approve", args=[request.pk]), {**terms, "models": [repos[0].pk]}
    )
    assert given.status_code == 302
    now = timezone.now()
    grant = Grant.objects.get(person=person)
    assert list(grant.coverage.values_list("repo", flat=True)) == [repos[0].pk]
    assert not may(person, Action.DOWNLOAD, repos[2], now).allowed


def test_the_lab_makes_orders_and_fills_a_collection(client, publisher):
    collection, _ = make_family("review", publisher=publisher)
    lab = collection.namespace
    for name in ("alpha", "beta", "gamma"):
        make_repo(name, namespace=lab)
    form = {
        "title": "Greek",
        "slug": "greek",
        "models": ["alpha", "beta"],
        "lead": "beta",
        "on_add": "ask",
    }
    made = client.post(reverse("site:lab_collection_new", args=[lab.name]), form)
    settings = reverse("site:lab_collection", args=[lab.name, "greek"])
    assert made["Location"] == settings
    greek = Collection.objects.get(slug="greek")
    add = reverse("site:lab_collection_add", args=[lab.name, "greek"])
    assert "Nobody’s access changes." in client.get(add, {"model": "gamma"}).text
    client.post(add, {"model": "gamma"})
    client.post(reverse("site:lab_collection_move", args=[lab.name, "greek"]), {"model": "gamma"})
    members = greek.members.filter(left_at=None)
    assert [member.repo.name for member in members] == ["alpha", "gamma", "beta"]
    client.post(reverse("site:lab_collection_remove", args=[lab.name, "greek"]), {"model": "alpha"})
    assert members.all().count() == 2
    client.post(settings, {"title": "Greek letters", "lead": "gamma", "on_add": "extend"})
    greek.refresh_from_db()
    assert (greek.title, greek.lead.name, greek.on_add) == ("Greek letters", "gamma", "extend")
    listed = client.get(reverse("site:lab_collections", args=[lab.name])).text
    assert "Greek letters" in listed
    assert "OPT family" in listed


def test_what_extending_does_is_said_before_it_is_done(client, publisher):
    collection, repos = make_family("review", publisher=publisher, on_add="extend")
    make_grant(repos[0], now=timezone.now())
    make_repo("opt-new", namespace=collection.namespace)
    add = reverse("site:lab_collection_add", args=[collection.namespace.name, collection.slug])
    assert "1 standing grant" in client.get(add, {"model": "opt-new"}).text
    assert "1 standing grant open" in client.post(add, {"model": "opt-new"}, follow=True).text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": ""}, "title"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "opt"}, "slug"),
        ({"lead": ""}, "lead"),
        ({"models": ["nobody"]}, "models"),
    ],
)
def test_a_wrong_collection_names_its_field(client, publisher, changed, field):
    collection, _ = make_family("review", publisher=publisher)
    make_repo("alpha", namespace=collection.namespace)
    form = {"title": "Greek", "slug": "greek", "lead": "alpha", "on_add": "ask"}
    address = reverse("site:lab_collection_new", args=[collection.namespace.name])
    response = client.post(address, {**form, **changed})
    assert response.status_code == 422
    assert f'href="#{field}' in response.text


def test_who_administers_alone_is_offered_no_form_that_refuses_them(client):
    collection, repos = make_family("review", "open")
    client.force_login(make_reviewer(repos[0], role="administrator"))
    listed = client.get(f"/labs/{collection.namespace.name}/collections").text
    assert collection.path in listed
    assert "New collection" not in listed
    settings = f"/labs/{collection.namespace.name}/collections/{collection.slug}/settings"
    assert client.get(settings).status_code == 403
