"""Each kind of ending is repeated in a database that doesn't know of it yet.

The ending is made by its own service and undone with its transaction: what is left is the database
of a backup, and the event as the log of endings has it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from portal.access.grants.checks.clearing import clear_check
from portal.access.grants.collections.ending import end_coverage
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import end_by_notice
from portal.access.grants.members.membership import remove_member
from portal.access.models import AccessRequest, Grant, Hold, Screening
from portal.access.people.guests import remove_guest
from portal.access.people.invitations import invite_guest, invite_to_team
from portal.access.people.managing import withdraw_invitation
from portal.access.policy.policy import Action, Reason, may
from portal.access.reminders.tick import tick
from portal.access.screening.lists import add_entry
from portal.accounts.models import User
from portal.accounts.services import let_publish, make_operator, stop_operating, stop_publishing
from portal.accounts.services.holding import change_password
from portal.audit.endings import ENDINGS
from portal.audit.models import AuditEvent
from portal.backup.restoring.applying import HANDLERS, Applied, repeat
from portal.catalog.labs.seats import give_namespace_seat, take_namespace_seat
from portal.catalog.models import ModelRepo
from portal.catalog.services.renaming import delete_repo
from portal.catalog.services.repos import configure_repo
from tests.factories.access import make_grant
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.collections import make_family
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_hold,
    make_member,
)
from tests.factories.jobs import make_waiting
from tests.factories.reviews import decline

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NEW_PASSWORD = "four words of a sentence"


@pytest.fixture(autouse=True)
def operator():
    return make_user("operator", superuser=True)


def lost(act: Callable[[], Any]) -> list[AuditEvent]:
    """Do an act, undo it as a lost database does, and return the endings that the log has of it."""
    known = AuditEvent.objects.count()
    with transaction.atomic():
        act()
        events = list(AuditEvent.objects.filter(sequence__gt=known, type__in=ENDINGS))
        transaction.set_rollback(True)
    assert events
    return events


def repeated(events: list[AuditEvent], now) -> list[str]:
    applied = Applied()
    repeat(events, applied, now)
    assert applied.failed == []
    again = Applied()
    repeat(events, again, now)
    assert again.repeated == []
    return [line.split(" ")[0] for line in applied.repeated]


def reason(person, repo, now, action=Action.DOWNLOAD):
    return may(person, action, repo, now).reason


def test_each_ending_has_a_way_to_be_repeated():
    """A new type of ending fails here until a restore can repeat it."""
    assert set(HANDLERS) == ENDINGS


class TestGrants:
    def test_one_that_its_holder_closed(self, now):
        grant = make_accepted(now=now)
        events = lost(
            lambda: close_grant(
                holder=grant.person,
                grant_id=grant.pk,
                statement="All copies are gone.",
                deleted_copies=True,
                now=now,
            )
        )
        assert repeated(events, now) == ["grant.closed"]
        assert reason(grant.person, grant.repo, now) == Reason.CLOSED

    def test_notice(self, now):
        grant = make_accepted(now=now)
        day = now + 40 * DAY
        events = lost(
            lambda: end_by_notice(
                actor=make_administrator(grant.repo),
                repo_id=grant.repo_id,
                grant_ids=[grant.pk],
                ends_at=day,
                reason="Over.",
                now=now,
            )
        )
        assert repeated(events, now) == ["grant.notice_given"]
        assert may(grant.person, Action.DOWNLOAD, grant.repo, now).allowed
        assert reason(grant.person, grant.repo, day) == Reason.REVOKED

    def test_a_member_who_was_removed(self, now):
        member = make_member(make_entity_grant(now=now), now=now)
        holder, repo = member.grant.person, member.grant.repo
        events = lost(
            lambda: remove_member(actor=holder, membership_id=member.pk, reason="Left.", now=now)
        )
        assert "member.ended" in repeated(events, now)
        assert not may(member.person, Action.DOWNLOAD, repo, now).allowed
        assert may(holder, Action.DOWNLOAD, repo, now).allowed

    def test_one_that_a_new_line_of_the_lists_suspended(self, now, settings, operator):
        settings.SCREENING_STANDING = "suspend"
        grant = make_accepted(now=now)

        def listed():
            add_entry(
                actor=operator,
                kind="person",
                value=grant.person.name,
                note="A list",
                now=now,
            )
            tick(now)

        assert repeated(lost(listed), now) == ["grant.held"]
        assert reason(grant.person, grant.repo, now) == Reason.CHECKED
        check = Screening.objects.get(grant=grant, outcome="failed")
        administrator = make_administrator(grant.repo)
        clear_check(actor=administrator, screening_id=check.pk, text="Another person.", now=now)
        assert may(grant.person, Action.DOWNLOAD, grant.repo, now).allowed

    def test_a_model_of_a_collection(self, now):
        _, repos = make_family("review", "review", on_add="extend")
        grant = make_grant(repos[0], now=now)
        events = lost(
            lambda: end_coverage(
                actor=make_user(superuser=True),
                grant_id=grant.pk,
                repo_id=repos[0].pk,
                reason="For evaluation.",
                now=now,
            )
        )
        assert repeated(events, now) == ["grant.coverage_ended"]
        assert reason(grant.person, repos[0], now) == Reason.REVOKED
        assert may(grant.person, Action.DOWNLOAD, repos[1], now).allowed

    def test_a_hold_on_a_revision_covers_its_bytes(self, now, tmp_path, operator):
        repo = make_repo()
        revision = make_revision(repo, tmp_path / "weights")
        grant = make_accepted(repo, now=now)
        events = lost(lambda: make_hold(revision, repo, actor=operator, now=now))
        assert repeated(events, now) == ["hold.placed"]
        assert may(grant.person, Action.DOWNLOAD, revision, now).reason == Reason.SUSPENDED
        assert Hold.objects.standing().get().blobs.count() == revision.files.count()


class TestRequests:
    def test_who_was_declined_while_waiting_gets_no_inference(self, now):
        repo = make_repo()
        person = make_waiting(repo, tokens_per_day=100, now=now)
        request = AccessRequest.objects.get(applicant=person)
        events = lost(lambda: decline(request, make_reviewer(repo), now))
        assert may(person, Action.INFER, repo, now).allowed
        assert repeated(events, now) == ["request.declined"]
        request.refresh_from_db()
        assert request.state == "held"
        assert not may(person, Action.INFER, repo, now).allowed

    def test_a_guest_whose_seat_was_taken(self, now, operator):
        repo = make_repo()
        make_waiting(repo, tokens_per_day=0, now=now)
        request, guest = AccessRequest.objects.get(), make_user()
        head = make_administrator(repo)
        invite_guest(actor=head, request_id=request.pk, person=guest.username, now=now)
        events = lost(
            lambda: remove_guest(
                actor=head, request_id=request.pk, username=guest.username, now=now
            )
        )
        assert repeated(events, now) == ["request.guest_removed"]

    def test_an_invitation_that_was_withdrawn(self, now):
        repo = make_repo()
        head = make_administrator(repo)
        invited = invite_to_team(
            actor=head, repo_id=repo.pk, person="new@example.org", role="reviewer", now=now
        )
        pk = invited.invitation.pk
        events = lost(lambda: withdraw_invitation(actor=head, invitation_id=pk, now=now))
        assert repeated(events, now) == ["invitation.withdrawn"]


class TestRoles:
    def test_a_publisher(self, now, operator):
        repo, person = make_repo(), make_user()
        let_publish(actor=operator, namespace=repo.namespace, user=person, now=now)
        events = lost(
            lambda: stop_publishing(actor=operator, namespace=repo.namespace, user=person, now=now)
        )
        assert repeated(events, now) == ["namespace.role_taken"]
        assert not may(person, Action.PUBLISH, repo, now).allowed

    def test_a_seat_in_a_namespace(self, now, operator):
        repo, person = make_repo(), make_user()
        give_namespace_seat(
            actor=operator, namespace=repo.namespace, user=person, role="administrator", now=now
        )
        events = lost(
            lambda: take_namespace_seat(
                actor=operator, namespace=repo.namespace, user=person, now=now
            )
        )
        assert repeated(events, now) == ["namespace.seat_taken"]
        assert not may(person, Action.ADMINISTER, repo, now).allowed

    def test_an_operator(self, now, operator):
        person = make_user()
        make_operator(actor=operator, user=person, now=now)
        events = lost(lambda: stop_operating(actor=operator, user=person, now=now))
        assert repeated(events, now) == ["operator.role_taken"]
        assert not User.objects.get(pk=person.pk).is_superuser


class TestPasswords:
    @pytest.mark.parametrize("by", ["its page", "the command"])
    def test_one_that_was_changed(self, now, by, monkeypatch):
        person = make_user("somebody")

        def change():
            if by == "its page":
                change_password(person=person, password=NEW_PASSWORD, now=now)
            else:
                monkeypatch.setattr("getpass.getpass", lambda prompt: NEW_PASSWORD)
                call_command("changepassword", "somebody", stdout=StringIO())

        assert repeated(lost(change), now) == ["account.password_changed"]
        person.refresh_from_db()
        assert not person.has_usable_password()


class TestModels:
    def test_one_that_was_made_private(self, now, operator):
        repo = make_repo()
        events = lost(
            lambda: configure_repo(actor=operator, repo_id=repo.pk, now=now, private=True)
        )
        assert repeated(events, now) == ["repo.configured"]
        assert ModelRepo.objects.get(pk=repo.pk).private

    def test_one_that_was_opened_stays_closed(self, now, operator):
        repo = make_repo()
        events = lost(
            lambda: configure_repo(actor=operator, repo_id=repo.pk, now=now, download_gate="open")
        )
        assert repeated(events, now) == []
        assert ModelRepo.objects.get(pk=repo.pk).download_gate == "review"

    def test_one_that_was_deleted(self, now, operator):
        repo = make_repo()
        grant = make_accepted(repo, now=now)
        events = lost(lambda: delete_repo(actor=operator, repo_id=repo.pk, now=now))
        assert repeated(events, now) == ["repo.deleted"]
        repo = ModelRepo.objects.get(pk=repo.pk)
        assert reason(grant.person, repo, now) == Reason.NOT_FOUND


def test_what_a_backup_does_not_have_needs_no_end(now):
    grant = make_accepted(now=now)
    (event,) = lost(
        lambda: close_grant(
            holder=grant.person,
            grant_id=grant.pk,
            statement="Gone.",
            deleted_copies=True,
            now=now,
        )
    )
    event.target_id = str(Grant.objects.latest("pk").pk + 1000)
    assert repeated([event], now) == []
