"""Models of a collection under several texts: one request, one signature of each, one decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.applicant.next_steps import next_steps_of
from portal.access.applicant.submission import submit_request
from portal.access.errors import LicenceChanged, NotSigned
from portal.access.grants.audit.check import check_grants
from portal.access.grants.ending.revocation import end_by_notice
from portal.access.grants.newer_text import can_sign_newer
from portal.access.grants.offers import accept_offer
from portal.access.models import Acceptance, AccessRequest, Decision, Grant
from portal.access.policy.conditions import Conditions
from portal.access.policy.policy import Action, may
from portal.access.requests.answering import correct_request
from portal.access.requests.drafts import start_draft
from portal.access.requests.narrowing import Narrowing
from portal.access.review.decisions.deciding import approve_request
from portal.access.review.decisions.undo import undo_decision
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.collections import make_family_of_two_licences
from tests.factories.grants import make_gate, make_newer_text

pytestmark = pytest.mark.django_db


def approve(access_request, now, **terms):
    reviewer = make_reviewer(access_request.repo)
    approve_request(
        reviewer=reviewer,
        request_id=access_request.pk,
        now=now,
        **{
            "modes": ["download", "inference"],
            "expires_at": now + timedelta(days=90),
            "is_undoable": False,
            **terms,
        },
    )
    return reviewer


def opened(person, repos, now):
    return [repo.name for repo in repos if may(person, Action.DOWNLOAD, repo, now).allowed]


def test_one_request_signs_each_text_once_and_one_decision_opens_all(now):
    collection, repos = make_family_of_two_licences()
    person = make_user()
    draft = start_draft(applicant=person, repo_id=repos[0].pk, now=now)
    assert (draft.repo, draft.collection) == (collection.lead, collection)
    access_request = make_request(repos[0], person, now=now)
    assert Acceptance.objects.filter(person=person).count() == 2
    assert not opened(person, repos, now)

    approve(access_request, now)
    assert opened(person, repos, now) == ["opt-1", "opt-2", "opt-3"]
    assert AccessRequest.objects.count() == Decision.objects.count() == 1
    lead_first, other = Grant.objects.order_by("pk")
    assert [row.repo.name for row in lead_first.coverage.all()] == ["opt-2", "opt-3"]
    assert [row.repo.name for row in other.coverage.all()] == ["opt-1"]
    # The lead's team answers for both, and each rests on the signature of its own text.
    assert {lead_first.repo, other.repo} == {collection.lead}
    for grant in (lead_first, other):
        licence = grant.coverage.first().repo.licence
        assert grant.acceptance.licence_version.licence == licence
    assert check_grants(now).differences == []


def test_the_letter_of_an_approval_is_one_and_names_models_and_texts(now):
    _, repos = make_family_of_two_licences()
    access_request = make_request(repos[0], now=now)
    approve(access_request, now)
    letter = OutboxMessage.objects.get(kind="approval")
    for words in (*(repo.full_name for repo in repos), "Small Models Licence 1"):
        assert words in " ".join(letter.text.split())


def test_models_under_one_text_need_that_text_alone(now):
    _, repos = make_family_of_two_licences()
    person = make_user()
    access_request = make_request(repos[0], person, now=now, models=[repos[0].full_name])
    assert Acceptance.objects.get(person=person).licence_version.licence == repos[0].licence
    approve(access_request, now)
    assert opened(person, repos, now) == ["opt-1"]
    assert Grant.objects.count() == 1


def test_a_missing_or_foreign_signature_stops_the_whole_submission(now):
    _, repos = make_family_of_two_licences()
    person = make_user()
    draft = make_draft(repos[0], person, now=now)
    lead_alone = [make_signature(person, repos[2], now=now)]
    with pytest.raises(NotSigned, match=r"Small Models Licence 1 first, for .*opt-1"):
        submit_request(applicant=person, request_id=draft.pk, signatures=lead_alone, now=now)
    stale = [*lead_alone, make_signature(person, repos[0], now=now, text_sha256="0" * 64)]
    with pytest.raises(LicenceChanged):
        submit_request(applicant=person, request_id=draft.pk, signatures=stale, now=now)
    wrong = [*lead_alone, make_signature(person, repos[0], now=now, attestations=frozenset())]
    with pytest.raises(FieldErrors) as raised:
        submit_request(applicant=person, request_id=draft.pk, signatures=wrong, now=now)
    assert list(raised.value.errors) == ["signatures.1.attestations.careful"]
    assert not Acceptance.objects.filter(person=person).exists()


def test_what_is_narrowed_is_offered_and_the_rest_opens(now):
    _, repos = make_family_of_two_licences()
    access_request = make_request(repos[0], now=now)
    narrowed = {repo.pk: Narrowing() for repo in repos[1:]}
    narrowed[repos[0].pk] = Narrowing(conditions=Conditions(no_logits=True))
    approve(access_request, now, models=narrowed)
    person = access_request.applicant
    assert opened(person, repos, now) == ["opt-2", "opt-3"]
    offer = Grant.objects.get(acceptance=None)
    (listed,) = next_steps_of([AccessRequest.objects.get()], now)
    assert (listed.text, listed.url) == ("Read and sign", f"/grants/{offer.pk}/offer")
    signature = make_signature(person, repos[0], now=now)
    accept_offer(person=person, grant_id=offer.pk, signature=signature, now=now)
    assert opened(person, repos, now) == ["opt-1", "opt-2", "opt-3"]


def test_a_newer_text_and_a_notice_concern_its_own_grant_alone(now):
    _, repos = make_family_of_two_licences()
    access_request = make_request(repos[0], now=now)
    approve(access_request, now)
    lead_grant, other = Grant.objects.order_by("pk")
    make_newer_text(now=now)  # of the lead's licence
    noticed = end_by_notice(
        actor=make_user(superuser=True),
        repo_id=lead_grant.repo_id,
        licence_version_id=lead_grant.acceptance.licence_version_id,
        ends_at=now + timedelta(days=60),
        reason="A newer text.",
        now=now,
    )
    assert noticed == [lead_grant]
    assert can_sign_newer(lead_grant, now)
    assert not can_sign_newer(other, now)


def test_undoing_the_decision_ends_every_grant_of_it(now):
    _, repos = make_family_of_two_licences()
    make_gate(repos[2], undo_minutes=10)
    access_request = make_request(repos[0], now=now)
    reviewer = approve(access_request, now, is_undoable=True)
    undo_decision(actor=reviewer, request_id=access_request.pk, now=now)
    later = now + timedelta(days=1)
    assert not opened(access_request.applicant, repos, later)
    assert Grant.objects.unended().count() == 0


def test_a_correction_cannot_add_a_model_whose_text_is_unsigned(now):
    _, repos = make_family_of_two_licences()
    person = make_user()
    access_request = make_request(repos[0], person, now=now, models=[repos[2].full_name])
    changes = {"models": [repos[0].full_name, repos[2].full_name]}
    with pytest.raises(FieldErrors) as raised:
        correct_request(applicant=person, request_id=access_request.pk, changes=changes, now=now)
    assert list(raised.value.errors) == ["changes.models"]
    assert "withdrawn" in raised.value.message


def test_a_request_opens_at_once_what_its_signatures_alone_open(now):
    """The text was signed, and still the licence gate waited for another click."""
    _, repos = make_family_of_two_licences(first="licence", second="licence")
    person = make_user()
    access_request = make_request(repos[2], person, now=now)
    # opt-1 stands under a text that nobody asked to sign here.
    assert opened(person, repos, now) == ["opt-2"]
    grant = Grant.objects.get(person=person)
    assert (grant.decision, grant.acceptance) == (None, access_request.submissions.get().acceptance)
    made = AuditEvent.objects.filter(type=EventType.GRANT_MADE, target_id=str(grant.pk))
    assert made.count() == 1
    approve(access_request, now)
    assert opened(person, repos, now) == ["opt-2", "opt-3"]
    assert Acceptance.objects.filter(person=person).count() == 1
