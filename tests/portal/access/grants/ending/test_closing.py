"""Close-out: the holder states what became of it, and everything under the grant ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import GrantIsOver, GrantNotFound
from portal.access.grants.ending.closeout import close_grant
from portal.access.policy.policy import Action, Reason, may
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_token, make_user
from tests.factories.grants import (
    make_accepted,
    make_entity_grant,
    make_member,
    make_offer,
    make_renewal,
)

pytestmark = pytest.mark.django_db


def close(grant, now, holder=None, statement="All copies are gone.", deleted=True):
    return close_grant(
        holder=holder or grant.person,
        grant_id=grant.pk,
        statement=statement,
        deleted_copies=deleted,
        now=now,
    )


def test_it_ends_at_once_with_a_statement(now):
    grant = make_accepted(now=now)
    token, _ = make_token(grant.person, now=now, repo_ids=[grant.repo_id])
    wide, _ = make_token(grant.person, now=now)
    closed = close(grant, now)
    assert (closed.closed_at, closed.closeout) == (now, "All copies are gone.")
    assert may(grant.person, Action.DOWNLOAD, grant.repo, now).reason == Reason.CLOSED
    token.refresh_from_db()
    wide.refresh_from_db()
    assert (token.revoked_at, wide.revoked_at) == (now, None)
    assert AuditEvent.objects.get(type="grant.closed").data["deleted_copies"] is True
    assert "All copies are gone." in OutboxMessage.objects.get(kind="closed").html


def test_members_end_with_it(now):
    grant = make_entity_grant(now=now)
    member = make_member(grant, now=now)
    token, _ = make_token(member.person, now=now)
    close(grant, now)
    token.refresh_from_db()
    member.refresh_from_db()
    assert token.revoked_at == member.ended_at == now
    assert not may(member.person, Action.INFER, grant.repo, now).allowed
    assert AuditEvent.objects.filter(type="member.ended").count() == 1


def test_what_renewed_it_ends_too(now):
    grant = make_accepted(now=now - timedelta(days=300), days=330)
    make_renewal(grant, now)
    close(grant, now)
    assert not may(grant.person, Action.DOWNLOAD, grant.repo, grant.expires_at).allowed


def test_one_that_has_ended_takes_a_statement_still(now):
    grant = make_accepted(now=now, days=10)
    assert close(grant, grant.expires_at).closed_at == grant.expires_at


def test_again_changes_nothing(now):
    grant = make_accepted(now=now)
    close(grant, now)
    assert close(grant, now + timedelta(days=1), statement="Other.").closed_at == now
    assert OutboxMessage.objects.filter(kind="closed").count() == 1


def test_what_is_missing_is_named(now):
    grant = make_accepted(now=now)
    with pytest.raises(FieldErrors) as refused:
        close(grant, now, statement=" ", deleted=False)
    assert set(refused.value.errors) == {"statement", "deleted_copies"}
    hosted = make_accepted(now=now, modes=("inference",))
    assert close(hosted, now, deleted=False).closed_at == now


def test_it_is_nobody_elses_and_no_offer(now):
    with pytest.raises(GrantNotFound):
        close(make_accepted(now=now), now, holder=make_user())
    with pytest.raises(GrantIsOver):
        close(make_offer(now=now), now)
