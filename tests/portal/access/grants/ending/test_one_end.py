"""Whatever ends a grant ends the same things, and page and refusal say alike why it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.applicant.submission import submit_request
from portal.access.errors import NotRenewable
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.renewals import decide_renewal, renew_grant, why_not_renewable
from portal.access.models import Renewal
from portal.access.policy.policy import Action, Reason, may
from portal.access.reminders.tick import tick
from portal.access.review.decisions.undo import reopen_request, undo_decision
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_request, make_signature
from tests.factories.accounts import make_token, make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_member,
    make_newer_text,
    make_offer,
)
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)
DAY = timedelta(days=1)


def give_notice(grant, now, ends_at=None):
    administrator = make_administrator(grant.repo)
    end_by_notice(
        actor=administrator,
        repo_id=grant.repo_id,
        ends_at=ends_at or now + MONTH,
        reason="The text changed.",
        grant_ids=[grant.pk],
        now=now,
    )
    return administrator


def events(kind):
    return AuditEvent.objects.filter(type=kind).count()


def revoke(grant, now):
    administrator = make_administrator(grant.repo)
    revoke_grant(actor=administrator, grant_id=grant.pk, reason="Shared.", now=now)


def close(grant, now):
    close_grant(
        holder=grant.person,
        grant_id=grant.pk,
        statement="All is deleted.",
        deleted_copies=True,
        now=now,
    )


def reopen(grant, now):
    administrator = make_administrator(grant.repo)
    case = grant.decision.request
    reopen_request(actor=administrator, request_id=case.pk, reason="New facts.", now=now)


def undo(grant, now):
    case = grant.decision.request
    undo_decision(actor=grant.decision.decided_by, request_id=case.pk, now=now)


ENDERS = [revoke, close, reopen]


def approved_for_an_organization(now):
    repo, applicant = make_repo(), make_user()
    signature = make_signature(
        applicant, repo, now=now, capacity="entity", entity="Example University, Dean"
    )
    case = submit_request(
        applicant=applicant,
        request_id=make_draft(repo, applicant, now=now).pk,
        signatures=[signature],
        now=now,
    )
    return approve(case, make_reviewer(repo), now)


@pytest.mark.parametrize("end", ENDERS)
class TestEachAct:
    def test_members_end_with_their_tokens(self, end, now):
        grant = approved_for_an_organization(now)
        member = make_member(grant, now=now)
        token, _ = make_token(member.person, now=now, repo_ids=[grant.repo_id])
        end(grant, now)
        member.refresh_from_db()
        token.refresh_from_db()
        assert member.ended_at == token.revoked_at == now
        assert events("member.ended") == 1
        assert OutboxMessage.objects.filter(kind="membership_ended").count() == 1

    def test_the_holders_tokens_for_this_model_end_and_no_others(self, end, now):
        grant = approved_for_an_organization(now)
        narrow, _ = make_token(grant.person, now=now, repo_ids=[grant.repo_id])
        wide, _ = make_token(grant.person, now=now)
        end(grant, now)
        narrow.refresh_from_db()
        wide.refresh_from_db()
        assert (narrow.revoked_at, wide.revoked_at) == (now, None)

    def test_another_grant_keeps_the_tokens(self, end, now):
        grant = approved_for_an_organization(now)
        make_accepted(grant.repo, grant.person, now=now)
        token, _ = make_token(grant.person, now=now, repo_ids=[grant.repo_id])
        end(grant, now)
        token.refresh_from_db()
        assert token.revoked_at is None


class TestARenewalThatWaits:
    @pytest.fixture
    def renewal(self, now):
        """File a renewal that the team has to decide, of a grant that ends in a month."""
        grant = make_accepted(now=now - MONTH, days=60)
        make_gate(grant.repo, renewal_needs_review=True)
        return renew_grant(
            holder=grant.person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=make_signature(grant.person, grant.repo, now=now),
            now=now,
        )

    @pytest.mark.parametrize("end", [revoke, close])
    def test_it_ends_with_the_grant_and_is_reminded_of_no_more(self, end, renewal, now):
        end(renewal.grant, now)
        renewal.refresh_from_db()
        assert (renewal.outcome, renewal.decided_at) == (Renewal.Outcome.ENDED, now)
        assert events("renewal.ended") == 1
        assert tick(renewal.due_at) == {}
        assert tick(renewal.due_at + 7 * DAY) == {}

    @pytest.mark.parametrize("granted", [True, False])
    def test_nobody_decides_it_any_more(self, renewal, now, granted):
        revoke(renewal.grant, now)
        reviewer = make_reviewer(renewal.grant.repo)
        with pytest.raises(NotRenewable, match="ended meanwhile"):
            decide_renewal(
                actor=reviewer, renewal_id=renewal.pk, granted=granted, reason="No.", now=now
            )

    def test_filing_again_says_why_not(self, renewal, now):
        close(renewal.grant, now)
        with pytest.raises(NotRenewable, match="You closed this grant"):
            renew_grant(
                holder=renewal.grant.person,
                grant_id=renewal.grant_id,
                report="Again.",
                publications="",
                signature=make_signature(renewal.grant.person, renewal.grant.repo, now=now),
                now=now,
            )


def test_what_one_may_do_while_waiting_keeps_the_token_when_a_decision_is_undone(now):
    repo = make_repo(undo_minutes=None)
    make_gate(repo, waiting_tokens_per_day=100)
    case = make_request(repo, now=now)
    affiliate(case.applicant)
    token, _ = make_token(case.applicant, now=now, repo_ids=[repo.pk])
    assert may(case.applicant, Action.INFER, repo, now).allowed
    undo(approve(case, make_reviewer(repo), now), now)
    token.refresh_from_db()
    assert token.revoked_at is None


def test_an_offer_taken_back_ends_no_token_that_it_never_carried(now):
    offer = make_offer(now=now)
    token, _ = make_token(offer.person, now=now, repo_ids=[offer.repo_id])
    revoke(offer, now)
    token.refresh_from_db()
    assert token.revoked_at is None


class TestANoticeThatHasPassed:
    def test_a_reopened_case_ends_it_no_second_time(self, now):
        case = make_request(make_repo(), now=now)
        grant = approve(case, make_reviewer(case.repo), now)
        give_notice(grant, now)
        reopen(grant, now + MONTH)
        grant.refresh_from_db()
        assert grant.revoked_at is None
        assert events("grant.revoked") == 0

    def test_one_ahead_of_its_day_is_ended_by_the_reopening(self, now):
        case = make_request(make_repo(), now=now)
        grant = approve(case, make_reviewer(case.repo), now)
        give_notice(grant, now)
        reopen(grant, now + MONTH - DAY)
        assert events("grant.revoked") == 1

    def test_members_wait_for_the_newer_text_and_are_not_ended(self, now):
        """The holder may go on by signing the newer text, and members with them."""
        grant = make_entity_grant(now=now)
        member = make_member(grant, now=now)
        give_notice(grant, now)
        member.refresh_from_db()
        assert not may(member.person, Action.INFER, grant.repo, now + MONTH).allowed
        assert member.ended_at is None


class TestPastNoticeAndTerm:
    """The notice came first: it is why the grant ended, and the term changes nothing of that."""

    @pytest.fixture
    def began(self):
        return timezone.now() - timedelta(days=61)

    @pytest.fixture
    def grant(self, began):
        grant = make_accepted(now=began, days=60)
        give_notice(grant, began)
        grant.refresh_from_db()
        return grant

    def refusal(self, grant):
        return may(grant.person, Action.DOWNLOAD, grant.repo, timezone.now())

    def page(self, client, grant):
        client.force_login(grant.person)
        return client.get(f"/grants/{grant.pk}").text

    def test_page_and_refusal_say_alike_why_and_what_to_do(self, client, grant, began):
        refusal, page = self.refusal(grant), self.page(client, grant)
        assert (refusal.reason, refusal.since) == (Reason.REVOKED, began + MONTH)
        assert "Ended by notice" in page
        assert "The lab ended it by notice" in page
        assert f'href="{refusal.help_url}"' in page
        assert "Renew access" not in page

    def test_it_is_past_signing_the_newer_text_too(self, client, grant, began):
        make_newer_text(now=began)
        refusal, page = self.refusal(grant), self.page(client, grant)
        assert (refusal.reason, refusal.since) == (Reason.REVOKED, began + MONTH)
        assert f'href="{refusal.help_url}"' in page
        assert "newer text" not in page

    def test_it_is_not_renewed_and_what_to_do_instead_is_so(self, grant):
        assert why_not_renewable(grant, timezone.now()) == (
            "This grant ended by notice, so it can’t be renewed. You may ask for access anew."
        )


def test_the_page_of_a_request_says_by_what_its_access_ended(client):
    began = timezone.now() - timedelta(days=40)
    case = make_request(make_repo(), now=began)
    give_notice(approve(case, make_reviewer(case.repo), began), began)
    client.force_login(case.applicant)
    page = client.get(f"/requests/{case.pk}").text
    assert "The lab ended your access by notice on" in " ".join(page.split())
