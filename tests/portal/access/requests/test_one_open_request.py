"""One open request per person and model, whichever ways lead to a second at the same moment."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.access.requests.appeals import appeal_request
from portal.access.requests.drafts import start_draft
from portal.access.review.decisions.deciding import decline_request
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.racing import ROUNDS, WON, race, racers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


def declined(repo) -> AccessRequest:
    access_request = make_request(repo, now=timezone.now())
    decline_request(
        reviewer=make_reviewer(repo),
        request_id=access_request.pk,
        reason_code="commercial",
        reason_text="It looks commercial.",
        now=timezone.now(),
    )
    return access_request


def appealing(access_request):
    return lambda: appeal_request(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        text="No.",
        now=timezone.now(),
    )


def starting(access_request):
    return lambda: start_draft(
        applicant=access_request.applicant, repo_id=access_request.repo_id, now=timezone.now()
    )


def test_an_appeal_and_a_new_draft_never_both_stand():
    repo = make_repo()
    for _ in range(ROUNDS):
        access_request = declined(repo)
        outcomes = race(racers(appealing(access_request), starting(access_request)))
        refused = set(outcomes) - {WON}
        assert all(outcome.startswith("409 ") for outcome in refused), outcomes
        assert AccessRequest.objects.of(access_request.applicant).open().count() == 1


def test_of_many_appeals_one_is_filed():
    repo = make_repo()
    access_request = declined(repo)
    outcomes = race(racers(appealing(access_request)))
    assert outcomes[WON] == 1, outcomes
    assert all(outcome.startswith("409 ") for outcome in set(outcomes) - {WON}), outcomes
