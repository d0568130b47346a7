"""Links that no longer open say so, without a code of the gate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.grants.ending.revocation import revoke_grant
from portal.accounts.services import revoke_token
from portal.accounts.tokens.authentication import Caller
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, TeamMember
from portal.delivery.models import Download
from portal.delivery.services import mint_link
from portal.observability import metrics
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_accepted
from tests.portal.world import SHARD


def mint(world, *, caller=None, path=SHARD, age=timedelta()):
    caller = caller or Caller(world.researcher, world.token)
    return mint_link(caller=caller, file=world.file(path), now=timezone.now() - age)


@pytest.fixture
def refused(client, world):
    def refused(link, *words):
        for method in (client.get, client.head):
            response = method(link)
            assert response.status_code == 403
            assert "X-Error-Code" not in response
            assert response["Content-Type"] == "application/json"
            assert all(word in response["X-Error-Message"] for word in words)
        assert not Download.objects.exists()

    return refused


def test_altered(world, refused):
    link = mint(world)
    refused(link.replace("/-/d/", "/-/d/x"), "altered")


def test_expired(world, refused, settings):
    link = mint(world, age=settings.LINK_TTL + timedelta(seconds=1))
    refused(link, "expired", "Ask for the file again")


def test_another_files(world, refused):
    own, other = mint(world, path="config.json"), mint(world)
    refused(f"{own.rpartition('/')[0]}/{SHARD}", "altered")
    content, _, _ = other.split("/")[-2].partition(":")
    _, _, signature = own.split("/")[-2].partition(":")
    refused(other.replace(other.split("/")[-2], f"{content}:{signature}"), "altered")


def test_its_token_was_revoked(world, refused):
    link = mint(world)
    revoke_token(owner=world.researcher, token_id=world.token.pk, now=timezone.now())
    refused(link, "token", "revoked")


def test_its_token_expired(world, refused):
    link = mint(world)
    type(world.token).objects.update(expires_at=timezone.now())
    refused(link, "token", "expired")


def test_the_grant_was_ended(world, refused):
    link = mint(world)
    revoke_grant(
        actor=make_reviewer(world.repo, role=TeamMember.Role.ADMINISTRATOR),
        grant_id=world.grant.pk,
        reason="Shared the weights.",
        now=timezone.now(),
    )
    refused(link, "ended by the lab")


def test_the_grant_it_was_made_under_ended_though_another_stands(world, client, refused):
    make_accepted(world.repo, world.researcher, now=timezone.now())
    link = mint(world)
    under = AuditEvent.objects.get(type="link.minted").data["grant"]
    assert client.head(link).status_code == 200
    revoke_grant(
        actor=make_reviewer(world.repo, role=TeamMember.Role.ADMINISTRATOR),
        grant_id=under,
        reason="Replaced.",
        now=timezone.now(),
    )
    refused(link, "grant that this link was made under has ended")
    assert client.head(mint(world)).status_code == 200


def test_a_link_of_the_open_gate_is_nobodys_and_ends_with_the_gate(world, client, refused):
    ModelRepo.objects.filter(pk=world.repo.pk).update(download_gate="open")
    link = mint(world, caller=Caller())
    assert not AuditEvent.objects.filter(type="link.minted").exists()
    assert client.head(link).status_code == 200
    ModelRepo.objects.filter(pk=world.repo.pk).update(download_gate="review")
    refused(link, "Sign in")


def test_a_former_key_still_opens_until_it_is_dropped(world, client, refused, settings):
    link = mint(world)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert client.head(link).status_code == 200
    assert client.head(mint(world)).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    refused(link, "altered")


def test_each_reason_is_counted(world, client, settings):
    def counted(reason):
        return metrics.refusals.labels("hub", f"link_{reason}")._value.get()

    reasons = {"expired": 2, "invalid": 1, "of_another_file": 1, "withdrawn": 1}
    before = {reason: counted(reason) for reason in reasons}
    good, old = mint(world), mint(world, age=settings.LINK_TTL + timedelta(seconds=1))
    of_another = mint(world, path="config.json").rpartition("/")[0]
    for bad in (old, old, good.replace("/-/d/", "/-/d/x"), f"{of_another}/{SHARD}"):
        assert client.get(bad).status_code == 403
    revoke_token(owner=world.researcher, token_id=world.token.pk, now=timezone.now())
    assert client.get(good).status_code == 403
    assert {reason: counted(reason) - before[reason] for reason in reasons} == reasons


def test_the_account_was_closed(world, refused):
    by_token, by_page = mint(world), mint(world, caller=Caller(world.researcher))
    type(world.researcher).objects.filter(pk=world.researcher.pk).update(is_active=False)
    refused(by_token)
    refused(by_page)


def test_expiry_is_not_asked_in_the_middle(world, client, settings, monkeypatch):
    monkeypatch.setattr("portal.delivery.streaming.chunks.CHUNK_BYTES", 1000)
    settings.LINK_TTL = timedelta(seconds=2)
    link = mint(world)
    response = client.get(link)
    content = iter(response.streaming_content)
    first = next(content)
    revoke_token(owner=world.researcher, token_id=world.token.pk, now=timezone.now())
    assert first + b"".join(content) == world.bytes_of()
