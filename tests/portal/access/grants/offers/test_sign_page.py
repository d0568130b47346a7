"""The licence gate: a signature opens the model at once."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.access.models import Grant
from portal.catalog.services.licences import require_version_in_force
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo(gate="licence")


def sign_url(repo) -> str:
    return reverse("access:sign", args=[repo.namespace.name, repo.name])


def signing(person, repo, now, **changed) -> dict[str, str]:
    version = require_version_in_force(repo, now=now)
    ticks = {f"attest_{line['code']}": "on" for line in version.attestations}
    name = {"typed_name": person.display_name, "capacity": "person"}
    return {"text_sha256": version.sha256, **name, **ticks, **changed}


def test_signing_opens_the_model(client, repo, now):
    alice = make_user("alice")
    client.force_login(alice)
    start = client.get(reverse("access:start", args=[repo.namespace.name, repo.name]))
    assert start.url == sign_url(repo)
    assert "Whoever" not in client.get(sign_url(repo)).text
    response = client.post(sign_url(repo), signing(alice, repo, now))
    assert response.url == f"/{repo.full_name}"
    assert Grant.objects.to(alice, repo).get().modes == ["download", "inference"]
    assert "You have access already" in client.get(sign_url(repo)).text


def test_an_organization_is_named(client, repo, now):
    alice = make_user("alice")
    client.force_login(alice)
    response = client.post(sign_url(repo), signing(alice, repo, now, capacity="entity"))
    assert response.status_code == 422
    assert "Name the organization, and your office in it." in response.text
    assert not Grant.objects.exists()


def test_a_text_that_changed_meanwhile_is_put_before_the_signer_again(client, repo, now):
    alice = make_user("alice")
    client.force_login(alice)
    response = client.post(sign_url(repo), signing(alice, repo, now, text_sha256="0" * 64))
    assert response.status_code == 422
    assert "This text is newer" in response.text
    assert require_version_in_force(repo, now=now).sha256 in response.text
    assert not Grant.objects.exists()


def test_an_unproved_address_cannot_sign(client, repo, now):
    newcomer = make_user("newcomer", verified=False)
    client.force_login(newcomer)
    response = client.post(sign_url(repo), signing(newcomer, repo, now))
    assert response.status_code == 422
    assert "Confirm your e-mail address first" in response.text


def test_an_open_model_has_nothing_to_sign(client):
    client.force_login(make_user("alice"))
    assert client.get(sign_url(make_repo(gate="open"))).status_code == 409
    assert client.get(sign_url(make_repo(private=True, gate="licence"))).status_code == 404
