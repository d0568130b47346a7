"""A person looks at a case whose proof and claim name different organizations."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.access.evidence.assessment import assessment_of
from portal.access.models import AccessRequest
from portal.access.review.notes import vouch_for_applicant
from portal.access.screening.claimed_affiliations import names_agree
from portal.accounts.models import Affiliation
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import affiliate, make_organization
from tests.factories.catalog import make_reviewer

pytestmark = pytest.mark.django_db
FLAG = "Proved to work elsewhere than stated"


def case_of(repo, said, *proved, now):
    person = make_user()
    for name in proved:
        affiliate(person, make_organization(name=name))
    return make_request(repo, person, organization=said, now=now)


@pytest.mark.parametrize(
    ("said", "proved"),
    [
        ("Example University", "Example University"),
        ("the example  UNIVERSITY.", "Example University"),
        ("Universite d’Exemple", "Université d'Exemple"),
        ("Department of Physics, Example University", "Example University"),
        ("Example University - Delft", "Example University (Netherlands)"),
        ("Physics, University of California, Berkeley", "University of California, Berkeley"),
        ("جامعة المثال", "جامعة المثال"),
    ],
)
def test_names_of_one_organization_agree(said, proved):
    assert names_agree(said, proved)


@pytest.mark.parametrize(
    ("said", "proved"),
    [
        ("Ñandú University", "Example University"),
        ("Example University Hospital", "Example University"),
        ("University of California, Davis", "University of California, Berkeley"),
        ("Physics, University of California", "University of California, Berkeley"),
        ("University", "Example University"),
        ("", "Example University"),
        ("...", "…"),
    ],
)
def test_names_of_two_do_not(said, proved):
    assert not names_agree(said, proved)


def test_it_is_flagged_and_not_among_the_clear(repo, client, now):
    contradicted = case_of(repo, "Ñandú University", "Example University", now=now)
    clear = case_of(repo, "Example University", "Example University", now=now)
    reviewer = make_reviewer(repo)
    (flag,) = assessment_of(contradicted, now, reviewer).flags
    assert flag.title == FLAG
    assert flag.detail == "Proved: Example University. Stated: “Ñandú University”."
    assert assessment_of(clear, now, reviewer).is_clear
    client.force_login(reviewer)
    listed = {
        name: client.get(f"{reverse('access:queue')}?flag={name}").content.decode()
        for name in ("clear", "unclear")
    }
    assert f"/queue/{clear.pk}" in listed["clear"]
    assert f"/queue/{contradicted.pk}" not in listed["clear"]
    assert f"/queue/{contradicted.pk}" in listed["unclear"]


def test_the_proved_name_is_printed_first(repo, client, now):
    case = case_of(repo, "Ñandú University", "Example University", now=now)
    client.force_login(make_reviewer(repo))
    for page in ("/queue", f"/queue/{case.pk}", f"/queue/bulk?id={case.pk}"):
        text = client.get(page).content.decode()
        assert "<bdi>Example University</bdi> <span" in text
        assert "(says <bdi>Ñandú University</bdi>)" in text


def test_one_of_several_proofs_is_enough(repo, now):
    case = case_of(repo, "Second Institute", "Example University", "Second Institute", now=now)
    assert case.evidence_is_clear
    assert case.organization.name == "Second Institute"


def test_the_register_knows_an_organization_by_its_id(repo, now):
    person = make_user()
    affiliate(person, make_organization(name="Example University", ror_id="0abcdef12"))
    case = make_request(repo, person, organization="0abcdef12", now=now)
    assert case.evidence_is_clear


def test_nothing_proved_contradicts_nothing(repo, now):
    case = case_of(repo, "Ñandú University", now=now)
    assert assessment_of(case, now).flags == ()
    assert not case.evidence_is_clear


def test_a_proof_of_what_they_said_settles_it(repo, now):
    case = case_of(repo, "Ñandú University", "Example University", now=now)
    reviewer = make_reviewer(repo)
    vouch_for_applicant(reviewer=reviewer, request_id=case.pk, evidence="We met there.", now=now)
    vouched = Affiliation.objects.get(method="reviewer")
    assert vouched.organization.name == "Ñandú University"
    case = AccessRequest.objects.get(pk=case.pk)
    assert case.evidence_is_clear
    assert assessment_of(case, now, reviewer).flags == ()
