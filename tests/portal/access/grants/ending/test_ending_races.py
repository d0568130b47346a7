"""A revocation wins every race against a range; a renewal and an end never both tell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.renewals import renew_grant
from portal.access.models import Grant
from portal.access.policy.policy import Action, may
from portal.access.reminders.tick import tick
from portal.audit.checking import verify_chain
from portal.audit.models import AuditEvent
from portal.catalog.models import File
from portal.delivery.errors import LinkWithdrawn
from portal.delivery.links import Link, sign
from portal.delivery.services import open_link
from tests.factories.access import make_grant, make_signature
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.racing import ROUNDS, WON, race, racers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


def events(kind: str, target: object) -> int:
    return AuditEvent.objects.filter(type=kind, target_id=str(target)).count()


def test_no_range_opens_after_a_revocation(tmp_path):
    repo = make_repo()
    file = File.objects.filter(revision=make_revision(repo, tmp_path / "files"), lfs=True).first()
    administrator = make_reviewer(repo, role="administrator")
    for _ in range(ROUNDS):
        now = timezone.now()
        grant = make_grant(repo, now=now - timedelta(days=1))
        link = Link(file.pk, grant.person_id, None, now + timedelta(minutes=10))
        signed, name = sign(link), file.path.rsplit("/", 1)[-1]

        def reading(signed=signed, name=name):
            open_link(signed, name, now=timezone.now())

        def revoking(grant=grant):
            revoke_grant(
                actor=administrator, grant_id=grant.pk, reason="A breach.", now=timezone.now()
            )

        outcomes = race(racers(reading, reading, reading, revoking))
        assert set(outcomes) <= {WON, "403 link_withdrawn"}, outcomes
        with pytest.raises(LinkWithdrawn):
            reading()
        assert events("grant.revoked", grant.pk) == 1
    assert verify_chain().fault is None


def test_a_grant_is_renewed_once_however_it_ends():
    repo = make_repo()
    for _ in range(ROUNDS):
        now = timezone.now()
        grant = make_grant(repo, now=now - timedelta(days=300), days=300)
        at_the_end = grant.expires_at
        signature = make_signature(grant.person, repo, now=now)

        def renewing(grant=grant, signature=signature, at=at_the_end):
            renew_grant(
                holder=grant.person,
                grant_id=grant.pk,
                report="We probed it.",
                publications="",
                signature=signature,
                now=at - timedelta(seconds=1),
            )

        outcomes = race(racers(renewing, lambda at=at_the_end: tick(at + timedelta(seconds=1))))
        assert set(outcomes) == {WON}, outcomes
        assert Grant.objects.filter(parent=grant).count() == 1
        assert events("grant.ended", grant.pk) <= 1
        after = at_the_end + timedelta(minutes=1)
        assert may(grant.person, Action.DOWNLOAD, repo, after).allowed
    assert verify_chain().fault is None


def test_a_grant_is_closed_or_renewed_never_both():
    repo = make_repo()
    for _ in range(ROUNDS):
        now = timezone.now()
        grant = make_grant(repo, now=now - timedelta(days=300), days=330)
        signature = make_signature(grant.person, repo, now=now)

        def renewing(grant=grant, signature=signature, now=now):
            renew_grant(
                holder=grant.person,
                grant_id=grant.pk,
                report="We probed it.",
                publications="",
                signature=signature,
                now=now,
            )

        def closing(grant=grant, now=now):
            close_grant(
                holder=grant.person,
                grant_id=grant.pk,
                statement="All copies are deleted.",
                deleted_copies=True,
                now=now,
            )

        outcomes = race(racers(renewing, closing))
        others = set(outcomes) - {WON}
        assert all(outcome.startswith("409 ") for outcome in others), outcomes
        grant.refresh_from_db()
        assert grant.closed_at is not None or Grant.objects.filter(parent=grant).exists()
        if grant.closed_at is not None:
            assert not may(grant.person, Action.DOWNLOAD, repo, now).allowed
    assert verify_chain().fault is None


def test_a_notice_and_a_revocation_of_one_line_never_wait_for_each_other():
    """Of a line of three, its first over: the notice means the others, the revocation the last."""
    repo = make_repo()
    administrator = make_reviewer(repo, role="administrator")
    for _ in range(ROUNDS):
        now = timezone.now()
        line = make_line(repo, now)

        def noticing(line=line, now=now):
            end_by_notice(
                actor=administrator,
                repo_id=repo.pk,
                grant_ids=[relative.pk for relative in line],
                ends_at=now + timedelta(days=40),
                reason="Its successor replaces it.",
                now=now,
            )

        def revoking(line=line, now=now):
            revoke_grant(actor=administrator, grant_id=line[2].pk, reason="A breach.", now=now)

        def revoking_the_second(line=line, now=now):
            revoke_grant(actor=administrator, grant_id=line[1].pk, reason="A breach.", now=now)

        outcomes = race(racers(noticing, revoking, revoking_the_second))
        assert set(outcomes) == {WON}, outcomes
        for relative in line[1:]:
            relative.refresh_from_db()
            assert relative.revoked_at is not None
    assert verify_chain().fault is None


def make_line(repo, now):
    """Three grants, each renewing the one before; the first has run out."""
    first = make_grant(repo, now=now - timedelta(days=300), days=290)
    line = [first]
    for number in (1, 2):
        line.append(
            Grant.objects.create(
                repo=repo,
                person=first.person,
                acceptance=first.acceptance,
                parent=line[-1],
                modes=first.modes,
                starts_at=now - timedelta(days=10),
                expires_at=now + timedelta(days=300 * number),
            )
        )
    return line
