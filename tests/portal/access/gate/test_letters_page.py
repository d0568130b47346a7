"""The page of a team's letters: each kind in its group, each with a preview of what it says."""

from __future__ import annotations

from html import unescape

import pytest
from django.urls import reverse

from portal.access.grants.ending.revocation import revoke_grant
from portal.access.letters.kinds import FIXED, GROUPS, KINDS
from portal.accounts.models import Scope
from portal.outbox.models import OutboxMessage
from portal.outbox.templates import fill
from tests.factories.access import make_grant
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator
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
        assert shown.subject in text.partition("It would say")[2], slug
        assert shown.paragraphs[-1] in text.partition("It would say")[2], slug


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


def test_the_api_lists_the_same(repo, administrator):
    api = by_token(administrator, Scope.ADMIN)
    listed = api.get(f"models/{repo.full_name}/letters", limit=100).json()["results"]
    assert [each["kind"] for each in listed] == list(KINDS)
