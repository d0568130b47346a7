"""``manage.py grant_check``: whatever a table says otherwise than the record is found."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.access.grants.audit.check import check_grants
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.members.membership import remove_member
from portal.access.grants.newer_text import sign_newer_version
from portal.access.models import Grant, Membership
from tests.factories.access import make_grant, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_member,
    make_newer_text,
    make_offer,
)

pytestmark = pytest.mark.django_db


def found(now):
    return [(difference.what, difference.key) for difference in check_grants(now).differences]


def tamper(grant, **changed):
    """Change a row behind the record's back, as somebody with the database's password could."""
    Grant.objects.filter(pk=grant.pk).update(**changed)


@pytest.fixture
def grant(now):
    return make_entity_grant(now=now, conditions={"no_logits": True, "max_members": 3})


def test_whatever_the_services_do_is_as_recorded(grant, now):
    make_member(grant, now=now)
    gone = make_member(grant, now=now)
    remove_member(actor=grant.person, membership_id=gone.pk, reason="Left.", now=now)
    make_grant(make_repo(), now=now)
    make_grant(make_repo(gate="licence"), now=now)
    make_offer(now=now)
    ended = make_accepted(now=now)
    revoke_grant(actor=make_administrator(ended.repo), grant_id=ended.pk, reason="No.", now=now)
    noticed = make_accepted(now=now)
    end_by_notice(
        actor=make_administrator(noticed.repo),
        repo_id=noticed.repo_id,
        grant_ids=[noticed.pk],
        ends_at=now + timedelta(days=40),
        reason="The text changed.",
        now=now,
    )
    make_newer_text(now=now)
    signature = make_signature(noticed.person, noticed.repo, now=now)
    sign_newer_version(person=noticed.person, grant_id=noticed.pk, signature=signature, now=now)
    report = check_grants(now)
    assert report.differences == []
    assert (report.grants, report.members) == (5, 1)


CHANGES = {
    "repo": lambda grant: {"repo": make_repo()},
    "person": lambda grant: {"person": make_user()},
    "acceptance": lambda grant: {"acceptance": make_accepted(now=grant.starts_at).acceptance},
    "parent": lambda grant: {"parent": make_accepted(now=grant.starts_at)},
    "modes": lambda grant: {"modes": ["download"]},
    "conditions": lambda grant: {"conditions": {}},
    "offer_expires_at": lambda grant: {"offer_expires_at": grant.expires_at},
    "starts_at": lambda grant: {"starts_at": grant.starts_at - timedelta(seconds=1)},
    "expires_at": lambda grant: {"expires_at": grant.expires_at + timedelta(seconds=1)},
    "ends_by_notice_at": lambda grant: {"ends_by_notice_at": grant.expires_at},
}


@pytest.mark.parametrize("column", CHANGES)
def test_each_column_that_gives_the_right_is_compared(grant, now, column):
    tamper(grant, **CHANGES[column](grant))
    differences = [
        difference for difference in check_grants(now).differences if difference.key == grant.pk
    ]
    assert any(difference.reason.startswith(f"{column} is") for difference in differences), (
        differences
    )


def test_what_was_revoked_and_is_active_again_is_found(grant, now):
    revoke_grant(actor=make_administrator(grant.repo), grant_id=grant.pk, reason="No.", now=now)
    tamper(grant, revoked_at=None, revoked_by=None)
    assert found(now) == [("grant", grant.pk)]


def test_what_was_closed_and_is_active_again_is_found(grant, now):
    close_grant(
        holder=grant.person, grant_id=grant.pk, statement="Gone.", deleted_copies=True, now=now
    )
    tamper(grant, closed_at=None)
    assert found(now) == [("grant", grant.pk)]


def test_a_notice_that_was_taken_away_is_found(grant, now):
    end_by_notice(
        actor=make_administrator(grant.repo),
        repo_id=grant.repo_id,
        grant_ids=[grant.pk],
        ends_at=now + timedelta(days=40),
        reason="The text changed.",
        now=now,
    )
    tamper(grant, ends_by_notice_at=None)
    assert found(now) == [("grant", grant.pk)]


def test_an_offer_made_active_by_hand_is_found(grant, now):
    offer = make_offer(now=now)
    tamper(offer, starts_at=now, acceptance=grant.acceptance)
    assert found(now) == [("grant", offer.pk)]


def test_one_that_the_record_never_gave_is_found(grant, now):
    forged = Grant.objects.create(
        repo=grant.repo,
        person=make_user(),
        acceptance=grant.acceptance,
        modes=["download"],
        starts_at=now,
        expires_at=now + timedelta(days=1),
    )
    assert found(now) == [("grant", forged.pk)]


class TestMembers:
    @pytest.fixture
    def member(self, grant, now):
        return make_member(grant, now=now)

    @pytest.mark.parametrize("column", ["person", "acceptance", "joined_at"])
    def test_each_column_is_compared(self, grant, member, now, column):
        changed_values = {
            "person": make_user(),
            "acceptance": grant.acceptance,
            "joined_at": now - timedelta(days=1),
        }
        Membership.objects.filter(pk=member.pk).update(**{column: changed_values[column]})
        assert found(now) == [("member", member.pk)]

    def test_one_who_was_removed_and_is_back_is_found(self, grant, member, now):
        remove_member(actor=grant.person, membership_id=member.pk, reason="Left.", now=now)
        Membership.objects.filter(pk=member.pk).update(ended_at=None)
        assert found(now) == [("member", member.pk)]

    def test_one_who_never_signed_is_found(self, grant, now):
        forged = Membership.objects.create(
            grant=grant,
            email="a@b.example",
            person=make_user(),
            acceptance=grant.acceptance,
            invited_by=grant.person,
            invited_at=now,
            joined_at=now,
        )
        assert found(now) == [("member", forged.pk)]


class TestTheCommand:
    def run(self, *arguments):
        out = StringIO()
        try:
            call_command("grant_check", *arguments, stdout=out)
        except CommandError as error:
            return out.getvalue(), error.returncode
        return out.getvalue(), 0

    def test_it_says_that_all_is_as_recorded(self):
        make_accepted(now=timezone.now())
        assert self.run() == ("1 active grants and 0 members are as recorded.\n", 0)

    def test_it_names_each_difference_and_fails(self):
        grant = make_accepted(now=timezone.now())
        tamper(grant, modes=["download"])
        text, status = self.run()
        assert (f"grant {grant.pk} modes is" in text, status) == (True, 1)
        report = json.loads(self.run("--json")[0])
        assert report["differences"][0]["key"] == grant.pk


def test_it_costs_few_queries(grant, now, django_assert_max_num_queries):
    for _ in range(3):
        make_member(grant, now=now)
        make_accepted(now=now)
    with django_assert_max_num_queries(6):
        check_grants(now)
