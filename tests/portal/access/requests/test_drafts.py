"""A draft is kept as it was typed, one for each person and model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from portal.access.errors import (
    AlreadyGranted,
    RequestNotFound,
)
from portal.access.models import AccessRequest
from portal.access.requests.drafts import discard_draft, save_draft, start_draft
from portal.access.requests.routing import withdraw_request
from portal.errors import Conflict
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


def test_there_is_one_per_person_and_repo(repo, applicant, now):
    first = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    assert start_draft(applicant=applicant, repo_id=repo.pk, now=now) == first
    assert start_draft(applicant=make_user(), repo_id=repo.pk, now=now) != first


def test_what_was_typed_is_kept_right_or_wrong(repo, applicant, now):
    draft = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    save_draft(applicant=applicant, request_id=draft.pk, answers={"purpose": "x"}, now=now)
    save_draft(applicant=applicant, request_id=draft.pk, answers={"country": "??"}, now=now)
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "x"
    assert draft.draft["country"] == "??"


def test_it_starts_from_the_answers_of_the_request_before(repo, applicant, now):
    withdraw_request(applicant=applicant, request_id=make_request(repo, applicant).pk, now=now)
    again = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    assert again.draft["organization"] == "Example University"


def test_who_has_access_needs_none(repo, applicant, now):
    make_grant(repo, applicant)
    with pytest.raises(AlreadyGranted):
        start_draft(applicant=applicant, repo_id=repo.pk, now=now)


def test_an_open_model_takes_none(applicant, now):
    open_repo = make_repo(gate="open")
    with pytest.raises(Conflict, match="needs no request"):
        start_draft(applicant=applicant, repo_id=open_repo.pk, now=now)


def test_another_persons_draft_is_not_there(repo, applicant, now):
    draft = make_draft(repo, applicant)
    with pytest.raises(RequestNotFound):
        save_draft(applicant=make_user(), request_id=draft.pk, answers={}, now=now)


def test_it_can_be_thrown_away(repo, applicant, now):
    discard_draft(applicant=applicant, request_id=make_draft(repo, applicant).pk, now=now)
    assert not AccessRequest.objects.exists()


def test_a_submitted_request_is_neither_changed_nor_thrown_away(repo, applicant, now):
    access_request = make_request(repo, applicant)
    with pytest.raises(Conflict):
        save_draft(applicant=applicant, request_id=access_request.pk, answers={}, now=now)
    with pytest.raises(Conflict):
        discard_draft(applicant=applicant, request_id=access_request.pk, now=now)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_make_one_draft(now):
    repo, applicant = make_repo(), make_user()

    def start(_: int) -> int:
        try:
            return start_draft(applicant=applicant, repo_id=repo.pk, now=now).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
