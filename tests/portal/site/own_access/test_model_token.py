"""A token made from a model’s page is for that model alone, with the scopes of use there."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import AccessToken
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from tests.factories.access import make_grant
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def holder(repo, client):
    person = make_grant(repo, now=timezone.now()).person
    client.force_login(person)
    return person


def address(repo: ModelRepo) -> str:
    return reverse("site:model_token", args=[repo.namespace.name, repo.name])


def test_the_models_page_and_the_grants_lead_to_it(client, repo, holder):
    assert address(repo) in client.get(f"/{repo.full_name}").text
    grant = holder.grants.get()
    assert address(repo) in client.get(reverse("access:grant", args=[grant.pk])).text


def test_it_is_named_and_ticked_for_the_model(client, repo, holder):
    page = client.get(address(repo))
    assert page.context["form"].initial == {"name": repo.name, "scopes": ["download"]}


def test_it_reaches_that_model_alone(client, repo, holder):
    other = make_repo()
    make_grant(other, holder, now=timezone.now())
    client.post(address(repo), {"name": "cluster", "scopes": ["download"], "days": "90"})
    token = AccessToken.objects.get(user=holder)
    assert token.repo_ids == [repo.pk]
    own = ModelRepo.objects.visible_through(Caller(holder, token))
    assert repo in own


def test_its_secret_is_shown_once_with_the_command_filled_in(client, repo, holder):
    made = client.post(
        address(repo), {"name": "cluster", "scopes": ["download"], "days": "90"}, follow=True
    )
    assert f"hf download {repo.full_name}" in made.text
    again = client.get(reverse("accounts:tokens")).text
    assert "Copy your new token now" not in again
    assert repo.full_name in again


def test_what_is_wrong_is_said_beside_the_field(client, repo, holder):
    page = client.post(address(repo), {"name": "", "days": "90"})
    assert page.status_code == 422
    assert "Say where you will use the token." in page.text
    assert not AccessToken.objects.exists()


def test_a_private_model_is_nobodys_business(client):
    client.force_login(make_user())
    assert client.get(address(make_repo(private=True))).status_code == 404
