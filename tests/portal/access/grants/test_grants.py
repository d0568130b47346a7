"""Grants: opened by a signature where that is the gate, ended by the lab with notice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.access.errors import EmailNotVerified, EndedByTheLab, GrantNotFound
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import Grant
from portal.access.policy.policy import Action, may
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.errors import Conflict, FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_newer_text, make_offer

pytestmark = pytest.mark.django_db


def sign(person, repo, now):
    signature = make_signature(person, repo, now=now)
    return sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now)


class TestSigning:
    def test_it_opens_both_modes_at_once(self, now):
        repo, person = make_repo(gate="licence"), make_user()
        assert not may(person, Action.DOWNLOAD, repo, now).allowed
        sign(person, repo, now)
        assert may(person, Action.DOWNLOAD, repo, now).allowed
        assert may(person, Action.INFER, repo, now).allowed
        assert AuditEvent.objects.filter(type="grant.made").count() == 1

    def test_only_the_modes_behind_the_licence_gate(self, now):
        repo, person = make_repo(gate="licence", inference_gate="review"), make_user()
        assert sign(person, repo, now).modes == ["download"]

    def test_again_gives_the_same_grant(self, now):
        repo, person = make_repo(gate="licence"), make_user()
        assert sign(person, repo, now) == sign(person, repo, now)
        assert Grant.objects.count() == 1

    def test_it_opens_nothing_that_people_decide(self, now):
        with pytest.raises(Conflict):
            sign(make_user(), make_repo(gate="review"), now)

    def test_it_wants_a_proved_address(self, now):
        with pytest.raises(EmailNotVerified):
            sign(make_user(verified=False), make_repo(gate="licence"), now)


class TestRevoking:
    @pytest.fixture
    def grant(self):
        return make_grant(make_repo())

    @pytest.fixture
    def administrator(self, grant):
        return make_reviewer(grant.repo, role=TeamMember.Role.ADMINISTRATOR)

    def test_access_ends_at_once_with_notice(self, grant, administrator, now):
        revoke_grant(actor=administrator, grant_id=grant.pk, reason="Weights shared.", now=now)
        permission = may(grant.person, Action.DOWNLOAD, grant.repo, now)
        assert (permission.allowed, permission.reason, permission.since) == (False, "revoked", now)
        assert "Weights shared." in OutboxMessage.objects.get(kind="revocation").text
        assert AuditEvent.objects.get(type="grant.revoked").actor == administrator

    def test_again_changes_nothing(self, grant, administrator, now):
        revoke_grant(actor=administrator, grant_id=grant.pk, reason="Shared.", now=now)
        later = now + timedelta(days=1)
        again = revoke_grant(actor=administrator, grant_id=grant.pk, reason="Twice.", now=later)
        assert again.revoked_at == now
        assert OutboxMessage.objects.filter(kind="revocation").count() == 1

    def test_a_reason_is_asked(self, grant, administrator, now):
        with pytest.raises(FieldErrors):
            revoke_grant(actor=administrator, grant_id=grant.pk, reason=" ", now=now)

    def test_a_plain_reviewer_may_not(self, grant, now):
        with pytest.raises(Forbidden):
            revoke_grant(actor=make_reviewer(grant.repo), grant_id=grant.pk, reason="No.", now=now)

    def test_nor_beside_an_older_offer_that_would_have_lasted_longer(self, now):
        repo = make_repo(gate="licence")
        person = make_user()
        make_offer(repo, person, days=1000)
        grant = make_grant(repo, person, now=now)
        administrator = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
        revoke_grant(actor=administrator, grant_id=grant.pk, reason="Shared.", now=now)
        with pytest.raises(EndedByTheLab):
            sign(person, repo, now)

    def test_signing_again_does_not_reopen_what_the_lab_ended(self, client, now):
        repo = make_repo(gate="licence")
        grant = make_grant(repo)
        administrator = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
        revoke_grant(actor=administrator, grant_id=grant.pk, reason="Shared.", now=now)
        with pytest.raises(EndedByTheLab):
            sign(grant.person, repo, now)
        assert may(grant.person, Action.DOWNLOAD, repo, now).reason == "revoked"
        client.force_login(grant.person)
        page = client.get(reverse("access:sign", args=[repo.namespace.name, repo.name]))
        assert page.status_code == 403
        assert "answer that letter" in page.text

    def test_nor_what_ended_by_its_notice_until_the_text_is_newer(self, now):
        repo = make_repo(gate="licence")
        grant = make_grant(repo, now=now)
        ends_at = now + timedelta(days=30)
        end_by_notice(
            actor=make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR),
            repo_id=repo.pk,
            ends_at=ends_at,
            reason="Moving on.",
            grant_ids=[grant.pk],
            now=now,
        )
        assert sign(grant.person, repo, now) == grant
        with pytest.raises(EndedByTheLab):
            sign(grant.person, repo, ends_at)
        make_newer_text(now=ends_at)
        assert sign(grant.person, repo, ends_at).starts_at == ends_at

    def test_an_unknown_grant_is_not_there(self, administrator, now):
        with pytest.raises(GrantNotFound):
            revoke_grant(actor=administrator, grant_id=999_999, reason="No.", now=now)
