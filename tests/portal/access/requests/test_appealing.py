"""A declined applicant appeals once, in time, to people who did not decide."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.errors import RequestHasMovedOn, RequestNotFound
from portal.access.models import Appeal
from portal.access.policy.conflicts import ConflictKind, conflicts_of
from portal.access.requests.appeals import appeal_request
from portal.access.requests.drafts import start_draft
from portal.access.review.decisions.deciding import decline_request
from portal.audit.models import AuditEvent
from portal.errors import Conflict, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def decider(repo):
    return make_reviewer(repo)


def decline(access_request, reviewer, now):
    decline_request(
        reviewer=reviewer,
        request_id=access_request.pk,
        reason_code="commercial",
        reason_text="It looks commercial.",
        now=now,
    )


@pytest.fixture
def declined(repo, decider, now):
    access_request = make_request(repo, now=now)
    decline(access_request, decider, now)
    access_request.refresh_from_db()
    return access_request


def appeal(access_request, now, text="It is a thesis."):
    return appeal_request(
        applicant=access_request.applicant, request_id=access_request.pk, text=text, now=now
    )


def test_it_goes_before_others_with_a_new_date(repo, decider, declined, now):
    last_day = now + timedelta(days=60)
    access_request = appeal(declined, last_day)
    assert (access_request.state, access_request.closed_at) == ("in_review", None)
    assert access_request.due_at == last_day + timedelta(days=14)
    assert Appeal.objects.get().text == "It is a thesis."
    assert not access_request.reviews.filter(voided_at=None).exists()
    colleague = make_reviewer(repo)
    conflicts = conflicts_of([decider, colleague], access_request, now)
    assert conflicts == {decider.pk: {ConflictKind.DECIDED_BEFORE}, colleague.pk: set()}
    assert OutboxMessage.objects.filter(kind="appeal").count() == 1
    assert AuditEvent.objects.filter(type="request.appealed").count() == 1
    with pytest.raises(RequestHasMovedOn):
        appeal(declined, last_day)


def test_only_once(repo, declined, now):
    later = now + timedelta(hours=1)
    appeal(declined, later)
    decline(declined, make_reviewer(repo), later)
    with pytest.raises(Conflict, match="appealed once"):
        appeal(declined, later)


def test_only_in_time(declined, now):
    with pytest.raises(Conflict, match="time to appeal is over"):
        appeal(declined, now + timedelta(days=60, seconds=1))


def test_only_with_words(declined, now):
    with pytest.raises(FieldErrors):
        appeal(declined, now, text=" ")


def test_only_by_the_applicant(declined, now):
    with pytest.raises(RequestNotFound):
        appeal_request(applicant=make_user(), request_id=declined.pk, text="x", now=now)


def test_not_beside_another_open_request(repo, declined, now):
    start_draft(applicant=declined.applicant, repo_id=repo.pk, now=now)
    with pytest.raises(Conflict, match="Another request"):
        appeal(declined, now)


def test_the_page_offers_and_files_it(client, repo, decider):
    moment = timezone.now()
    access_request = make_request(repo, now=moment)
    decline(access_request, decider, moment)
    client.force_login(access_request.applicant)
    page = client.get(reverse("access:request", args=[access_request.pk]))
    assert "Or appeal, once" in page.text
    assert decider.display_name not in page.text
    url = reverse("access:appeal", args=[access_request.pk])
    assert client.post(url, {"text": ""}).status_code == 422
    sent = client.post(url, {"text": "It is a thesis."}, follow=True)
    assert "You appealed" in sent.text
    assert "Or appeal, once" not in sent.text
