"""A proposed revocation and a notice are taken back before they end anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.errors import GrantIsOver, GrantNotFound
from portal.access.grants.audit.check import check_grants
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.ending.withdrawal import withdraw_notice, withdraw_proposal
from portal.access.policy.policy import Action, may
from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.catalog.errors import RepoNotFound
from portal.errors import FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_accepted, make_administrator, make_gate
from tests.portal.api.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)


@pytest.fixture
def grant(now):
    return make_accepted(now=now)


@pytest.fixture
def head(grant):
    return make_administrator(grant.repo)


def usable(grant, now):
    return may(grant.person, Action.DOWNLOAD, grant.repo, now).allowed


def count(event):
    return AuditEvent.objects.filter(type=event).count()


class TestProposal:
    @pytest.fixture(autouse=True)
    def _proposed(self, grant, head, now):
        make_gate(grant.repo, two_person_revocation=True)
        revoke_grant(actor=head, grant_id=grant.pk, reason="Weights shared.", now=now)

    def withdraw(self, grant, actor, now):
        return withdraw_proposal(actor=actor, grant_id=grant.pk, now=now)

    def test_who_proposed_it_takes_it_back_and_nobody_else_is_told(self, grant, head, now):
        back = self.withdraw(grant, head, now)
        assert (back.revocation_proposed_by, back.revocation_proposed_at) == (None, None)
        assert back.revocation_reason == ""
        event = AuditEvent.objects.get(type="grant.revocation_withdrawn")
        assert (event.actor, event.data["proposed_by"]) == (head, head.pk)
        assert not OutboxMessage.objects.filter(recipient=grant.person, kind="revocation").exists()

    def test_the_next_word_is_a_first_one_again(self, grant, head, now):
        self.withdraw(grant, head, now)
        colleague = make_administrator(grant.repo)
        again = revoke_grant(actor=colleague, grant_id=grant.pk, reason="Again.", now=now)
        assert again.revoked_at is None
        assert usable(grant, now)

    def test_another_administrator_may(self, grant, now):
        assert self.withdraw(grant, make_administrator(grant.repo), now)
        assert count("grant.revocation_withdrawn") == 1

    def test_who_proposed_it_may_from_outside_the_team_too(self, grant, head, now):
        grant.repo.team.filter(user=head).delete()
        assert self.withdraw(grant, head, now).revocation_proposed_at is None

    def test_a_reviewer_a_holder_and_a_stranger_may_not(self, grant, now):
        for person in (make_reviewer(grant.repo), grant.person, make_user()):
            with pytest.raises(Forbidden):
                self.withdraw(grant, person, now)
        with pytest.raises(GrantNotFound):
            withdraw_proposal(actor=make_user(), grant_id=0, now=now)

    def test_again_changes_nothing(self, grant, head, now):
        for _ in range(2):
            self.withdraw(grant, head, now)
        assert count("grant.revocation_withdrawn") == 1

    def test_what_was_confirmed_is_not_taken_back(self, grant, head, now):
        revoke_grant(actor=make_administrator(grant.repo), grant_id=grant.pk, reason="", now=now)
        with pytest.raises(GrantIsOver, match="confirmed it meanwhile"):
            self.withdraw(grant, head, now)

    def test_on_the_page_and_through_the_api(self, client, grant, head):
        client.force_login(head)
        page = f"/grants/{grant.pk}"
        assert "Withdraw the proposal" in client.get(page).text
        shown = client.post(f"{page}/revoke/withdraw", follow=True)
        assert "Withdraw the proposal" not in shown.text
        response = by_token(head, Scope.ADMIN).post(f"grants/{grant.pk}/revoke/withdraw")
        assert (response.status_code, response.json()["revocation_proposed_at"]) == (200, None)
        assert count("grant.revocation_withdrawn") == 1


class TestNotice:
    def give(self, grant, actor, now, ends_at):
        return end_by_notice(
            actor=actor,
            repo_id=grant.repo_id,
            grant_ids=[grant.pk],
            ends_at=ends_at,
            reason="The text changed.",
            now=now,
        )

    def withdraw(self, grant, actor, now, **named):
        named = named or {"grant_ids": [grant.pk]}
        return withdraw_notice(actor=actor, repo_id=grant.repo_id, now=now, **named)

    def test_it_stands_as_it_was_signed_and_its_holder_is_told(self, grant, head, now):
        ends_at = now + MONTH
        self.give(grant, head, now, ends_at)
        (back,) = self.withdraw(grant, head, now + timedelta(days=1))
        assert (back.ends_by_notice_at, back.notice_reason) == (None, "")
        assert usable(grant, ends_at)
        event = AuditEvent.objects.get(type="grant.notice_withdrawn")
        assert event.actor == head
        assert event.data["was"].startswith(f"{ends_at:%Y-%m-%d}")
        letter = OutboxMessage.objects.get(kind="notice_withdrawn")
        assert letter.recipient == grant.person
        assert "We take that back" in letter.text
        assert check_grants(now + timedelta(days=1)).differences == []

    def test_by_the_version_as_it_was_given(self, grant, head, now):
        second_grant = make_accepted(grant.repo, now=now)
        for noticed in (grant, second_grant):
            self.give(noticed, head, now, now + MONTH)
        version = grant.acceptance.licence_version_id
        assert self.withdraw(grant, head, now, licence_version_id=version) == [grant, second_grant]

    def test_again_changes_nothing(self, grant, head, now):
        self.give(grant, head, now, now + MONTH)
        self.withdraw(grant, head, now)
        assert self.withdraw(grant, head, now) == []
        assert count("grant.notice_withdrawn") == 1

    def test_given_anew_for_the_same_day_it_is_told_anew(self, grant, head, now):
        for day in range(2):
            then = now + timedelta(days=day)
            self.give(grant, head, then, now + 2 * MONTH)
            self.withdraw(grant, head, then + timedelta(hours=1))
        for kind in ("notice", "notice_withdrawn"):
            assert OutboxMessage.objects.filter(kind=kind).count() == 2

    def test_what_it_has_ended_stays_ended(self, grant, head, now):
        ends_at = now + MONTH
        self.give(grant, head, now, ends_at)
        with pytest.raises(GrantIsOver, match="ask anew"):
            self.withdraw(grant, head, ends_at)
        version = grant.acceptance.licence_version_id
        assert self.withdraw(grant, head, ends_at, licence_version_id=version) == []
        assert not usable(grant, ends_at)

    def test_only_who_administers_and_only_what_is_named(self, grant, head, now):
        self.give(grant, head, now, now + MONTH)
        with pytest.raises(Forbidden):
            self.withdraw(grant, make_reviewer(grant.repo), now)
        with pytest.raises(FieldErrors) as refused:
            self.withdraw(grant, head, now, grant_ids=[])
        assert set(refused.value.errors) == {"licence_version_id"}
        hidden = make_repo(private=True)
        with pytest.raises(RepoNotFound):
            withdraw_notice(actor=head, repo_id=hidden.pk, grant_ids=[grant.pk], now=now)

    def test_another_models_grant_is_passed_over(self, grant, head, now):
        self.give(grant, head, now, now + MONTH)
        another_repo = make_repo()
        named = {"grant_ids": [grant.pk], "repo_id": another_repo.pk, "now": now}
        assert withdraw_notice(actor=make_administrator(another_repo), **named) == []

    def test_on_the_page_and_through_the_api(self, client, grant, head):
        now = timezone.now()
        self.give(grant, head, now, now + MONTH)
        client.force_login(head)
        page = f"/grants/{grant.pk}"
        assert "Withdraw the notice" in client.get(page).text
        shown = client.post(f"{page}/notice/withdraw", follow=True)
        assert "Notice withdrawn" in shown.text
        self.give(grant, head, now, now + MONTH)
        api, path = by_token(head, Scope.ADMIN), f"models/{grant.repo.full_name}/notice/withdraw"
        assert api.post(path, grants=[grant.pk]).json() == {"grants": [grant.pk]}
        assert fields_of(api.post(path)) == {"version"}
        assert fields_of(api.post(path, version="99")) == {"version"}
