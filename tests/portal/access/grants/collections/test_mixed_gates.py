"""Gates of several kinds in one collection: open, by licence, by request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.applicant.submission import submit_request
from portal.access.errors import EndedByTheLab
from portal.access.grants.collections.ending import end_coverage
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.grants.newer_text import sign_newer_version
from portal.access.models import Acceptance, Grant
from portal.access.policy.policy import Action, Reason, may
from tests.factories.access import make_draft, make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.collections import make_family
from tests.factories.grants import make_hold, make_member, make_newer_text, make_renewal

pytestmark = pytest.mark.django_db


def opened(person, repos, now):
    return [repo.name for repo in repos if may(person, Action.DOWNLOAD, repo, now).allowed]


def sign(person, repo, now, signature=None):
    signature = signature or make_signature(person, repo, now=now)
    return sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now)


def test_each_gate_stays_what_it_is(now):
    _, repos = make_family("open", "licence", "review")
    person = make_user()
    assert opened(person, repos, now) == ["opt-1"]
    sign(person, repos[1], now)
    assert opened(person, repos, now) == ["opt-1", "opt-2"]
    assert may(person, Action.DOWNLOAD, repos[2], now).reason == Reason.NO_REQUEST


def test_signing_at_one_opens_all_behind_the_licence_gate_with_one_grant(now):
    collection, repos = make_family("licence", "licence", "review")
    person = make_user()
    grant = sign(person, repos[0], now)
    assert opened(person, repos, now) == ["opt-1", "opt-2"]
    assert sign(person, repos[1], now) == grant
    assert (grant.repo, grant.collection) == (collection.lead, collection)
    assert Acceptance.objects.filter(person=person).count() == 1


def test_one_text_is_signed_once_in_either_order(now):
    _, repos = make_family("licence", "review")
    signer, applicant = make_user(), make_user()
    sign(signer, repos[0], now)
    draft = make_draft(repos[1], signer, now=now)
    submit_request(applicant=signer, request_id=draft.pk, now=now)
    make_request(repos[1], applicant, now=now)
    sign_for_grant(person=applicant, repo_id=repos[0].pk, signature=None, now=now)
    for person in (signer, applicant):
        assert Acceptance.objects.filter(person=person).count() == 1
        assert opened(person, repos, now) == ["opt-1"]


def test_revoking_expiry_and_a_hold_close_all(now):
    _, repos = make_family("review", "review")
    revoked, held, expired = (make_grant(repos[0], now=now) for _ in range(3))
    actor = make_user(superuser=True)
    revoke_grant(actor=actor, grant_id=revoked.pk, reason="Passed on.", now=now)
    make_hold(held.person, now=now)
    assert not opened(revoked.person, repos, now)
    assert not opened(held.person, repos, now)
    assert opened(expired.person, repos, now) == ["opt-1", "opt-2"]
    assert not opened(expired.person, repos, now + timedelta(days=366))


def test_a_hold_on_one_model_stops_that_one_alone(now):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=now)
    make_hold(grant.person, repos[0], now=now)
    assert opened(grant.person, repos, now) == ["opt-2"]


def test_members_work_with_what_the_grant_covers(now):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=now)
    Acceptance.objects.filter(pk=grant.acceptance_id).update(capacity="entity", entity="University")
    grant.refresh_from_db()
    membership = make_member(grant, now=now)
    assert opened(membership.person, repos, now) == ["opt-1", "opt-2"]
    end_coverage(
        actor=make_user(superuser=True),
        grant_id=grant.pk,
        repo_id=repos[0].pk,
        reason="Closed.",
        now=now,
    )
    assert opened(membership.person, repos, now) == ["opt-2"]


def test_a_renewal_and_a_newer_text_carry_the_coverage(now):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=now)
    end_coverage(
        actor=make_user(superuser=True),
        grant_id=grant.pk,
        repo_id=repos[0].pk,
        reason="Closed.",
        now=now,
    )
    late = now + timedelta(days=340)
    make_renewal(grant, late)
    assert opened(grant.person, repos, now + timedelta(days=400)) == ["opt-2"]

    other = make_grant(repos[0], now=now)
    make_newer_text(now=now)
    signature = make_signature(other.person, other.repo, now=now)
    newer = sign_newer_version(person=other.person, grant_id=other.pk, signature=signature, now=now)
    assert newer.collection == other.collection
    assert newer.coverage.count() == 2


def test_what_the_lab_closed_is_not_signed_open_again(now):
    _, repos = make_family("licence", "licence")
    person = make_user()
    grant = sign(person, repos[0], now)
    end_coverage(
        actor=make_user(superuser=True),
        grant_id=grant.pk,
        repo_id=repos[0].pk,
        reason="Closed.",
        now=now,
    )
    with pytest.raises(EndedByTheLab):
        sign(person, repos[0], now)
    assert Grant.objects.filter(person=person).count() == 1
