"""The page of a team's letters: each kind in its group, each with a preview of what it says."""

from __future__ import annotations

from html import unescape

import pytest
from django.urls import reverse

from portal.access.grants.ending.revocation import revoke_grant
from portal.access.letters.kinds import FIXED, GROUPS, KINDS
from portal.accounts.models import Scope
from portal.outbox.models import LetterTemplate, OutboxMessage
from portal.outbox.templates import fill
from tests.factories.access import make_grant, make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator
from tests.factories.reviews import decline
from tests.portal.api.api_calls import by_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def administrator(repo):
    return make_administrator(repo)


@pytest.fixture
def page(client, administrator):
    client.force_login(administrator)
    return client


def url(repo, *kind: str) -> str:
    name = "letter_words" if kind else "letters"
    return reverse(f"access:{name}", args=[repo.namespace.name, repo.name, *kind])


def test_each_kind_stands_in_its_group(page, repo, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        text = page.get(url(repo)).text
    assert all(f">{title}</h2>" in text for title in GROUPS)
    assert all(url(repo, kind) in text for kind in KINDS)
    assert not any(url(repo, kind) + '"' in text for kind in FIXED)


def test_each_is_previewed_with_sample_facts(page, repo):
    for slug, kind in KINDS.items():
        text = unescape(page.get(url(repo, slug)).text)
        shown = fill(kind.words, kind.samples)
        assert shown.subject in text.partition('">Preview</h2>')[2], slug
        assert shown.paragraphs[-1] in text.partition('">Preview</h2>')[2], slug


def test_letters_to_the_team_itself_are_not_there(page, repo):
    assert {page.get(url(repo, kind)).status_code for kind in FIXED} == {404}


def test_a_reviewer_edits_none(client, repo):
    client.force_login(make_reviewer(repo))
    assert client.get(url(repo, "revocation")).status_code in (403, 404)


def test_a_grants_letter_goes_out_in_the_teams_words(page, repo, administrator, now):
    own = {"subject": "It is over", "paragraphs": "{holder}: {repo}, {ended_on}. {reason}"}
    page.post(url(repo, "revocation"), own | {"save": "1"})
    grant = make_grant(repo, now=now)
    revoke_grant(actor=administrator, grant_id=grant.pk, reason="It was shared.", now=now)
    letter = OutboxMessage.objects.get(kind="revocation")
    assert letter.subject.startswith(f"It is over ({repo.full_name})")
    assert f"{grant.person.display_name}: {repo.full_name}, " in letter.text


def test_a_team_writes_its_own_and_they_are_sent(page, repo, administrator, now):
    own = "Dear {applicant}, no: {reason}\n\n{explanation}\n\nAbout {repo}."
    tried = page.post(url(repo, "decline"), {"subject": "No", "paragraphs": own})
    assert "Dear Researcher Name, no" in tried.text
    assert not LetterTemplate.objects.exists()
    page.post(url(repo, "decline"), {"subject": "No", "paragraphs": own, "save": "1"})
    access_request = make_request(repo, now=now)
    decline(access_request, administrator, now)
    text = OutboxMessage.objects.get(kind="decline").text
    assert f"Dear {access_request.applicant.name}, no: The purpose" in " ".join(text.split())


def test_a_hole_or_an_unknown_fact_is_told(page, repo):
    for own in ("No.", "{repo} {reason} {explanation} {secret}"):
        answer = page.post(url(repo, "decline"), {"subject": "No", "paragraphs": own, "save": "1"})
        assert answer.status_code == 422
    assert not LetterTemplate.objects.exists()


def test_back_to_the_default(page, repo):
    own = "{repo} {reason} {explanation}"
    page.post(url(repo, "decline"), {"subject": "No", "paragraphs": own, "save": "1"})
    assert LetterTemplate.objects.exists()
    page.post(url(repo, "decline"), {"reset": "1"})
    assert not LetterTemplate.objects.exists()


def test_the_api_lists_the_same(repo, administrator):
    api = by_token(administrator, Scope.ADMIN)
    listed = api.get(f"models/{repo.full_name}/letters", limit=100).json()["results"]
    assert [letter["kind"] for letter in listed] == list(KINDS)
