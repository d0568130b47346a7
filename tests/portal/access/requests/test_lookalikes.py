"""Requests that look like another's are linked both ways, for reviewers; never refused."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.access.models import RequestLink
from portal.access.requests.answering import correct_request
from tests.factories.access import make_draft, make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address, make_member, make_organization
from tests.factories.catalog import make_repo
from tests.factories.references import make_reference

pytestmark = pytest.mark.django_db
LONG = "We ask whether a model of this size knows when it is wrong, " * 2


def links(access_request) -> dict[int, str]:
    linked = RequestLink.objects.filter(request=access_request)
    return dict(linked.values_list("other", "why"))


def test_the_same_text_in_another_dress(repo, now):
    first = make_request(repo, now=now, purpose=LONG)
    second = make_request(repo, now=now, purpose=f"  {LONG.upper()}\n")
    assert links(second) == {first.pk: "The same text about the research"}
    assert links(first).keys() == {second.pk}


def test_a_short_text_is_alike_by_chance(repo, now):
    make_request(repo, now=now, purpose="To learn.")
    assert links(make_request(repo, now=now, purpose="To learn.")) == {}


def test_the_same_name(repo, now):
    first = make_request(repo, now=now, name="Given  NAME")
    second = make_request(repo, now=now, name="Ｇiven Name")
    assert links(second) == {first.pk: "The same name"}


def test_one_reference_for_two(repo, now):
    people = [make_user(), make_user()]
    for person in people:
        make_reference(person, now=now, email="Referee@faculty.example")
    one, two = (make_request(repo, person, now=now) for person in people)
    assert links(one) == {two.pk: "One e-mail address, or one reference"}


def test_an_address_that_both_claim(repo, now):
    people = [make_user(), make_user()]
    give_address(people[0], "shared@faculty.example")
    give_address(people[1], "Shared@faculty.example", verified=False)
    one, two = (make_request(repo, person, now=now) for person in people)
    assert links(two).keys() == {one.pk}


def test_neither_ones_own_nor_another_models_nor_a_draft(repo, now):
    person = make_user()
    make_request(make_repo(), now=now, purpose=LONG)
    make_draft(repo, make_user(), purpose=LONG)
    access_request = make_request(repo, person, now=now, purpose=LONG)
    assert links(access_request) == {}


def test_a_correction_is_looked_at_too_and_links_once(repo, now):
    first = make_request(repo, now=now, name="First Name", purpose=LONG)
    second = make_request(repo, now=now, name="Second Name")
    for text in (LONG, f"{LONG} And then."):
        correct_request(
            applicant=second.applicant, request_id=second.pk, changes={"purpose": text}, now=now
        )
    assert links(second).keys() == {first.pk}


class TestEvidence:
    def test_it_is_clear_where_all_of_it_is(self, repo, now):
        university = make_organization("uni.edu", name="Example University")
        person, _ = make_member("uni.edu", now=now)
        access_request = make_request(repo, person, now=now)
        assert access_request.organization == university
        assert access_request.evidence_is_clear

    def test_a_lookalike_clouds_both(self, repo, now):
        make_organization("uni.edu")
        people = [make_member("uni.edu", now=now)[0] for _ in range(2)]
        requests = [make_request(repo, person, now=now, purpose=LONG) for person in people]
        for access_request in requests:
            access_request.refresh_from_db()
            assert not access_request.evidence_is_clear

    def test_without_proof_it_is_not(self, repo, now):
        access_request = make_request(repo, now=now)
        assert (access_request.organization, access_request.evidence_is_clear) == (None, False)
        assert access_request.organization_name == "Example University"


def test_the_applicant_is_not_told(client, repo, now):
    first = make_request(repo, now=now, purpose=LONG)
    second = make_request(repo, now=now, purpose=LONG)
    client.force_login(second.applicant)
    text = client.get(reverse("access:request", args=[second.pk])).text
    assert "same text" not in text
    assert first.applicant.display_name not in text
