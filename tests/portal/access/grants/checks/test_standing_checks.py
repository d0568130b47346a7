"""A new line of the screening lists looks at grants and memberships that stand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.errors import NotRenewable
from portal.access.grants.audit.check import check_grants
from portal.access.grants.checks.clearing import checks_of, clear_check
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.members.membership import remove_member
from portal.access.grants.renewals import renew_grant
from portal.access.models import Screening
from portal.access.policy.policy import Action, Reason, may
from portal.access.reminders.tick import tick
from portal.access.screening import matching
from portal.access.screening.lists import add_entry, import_entries, remove_entry
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_member,
    make_offer,
)
from tests.portal.api.api_calls import by_token

pytestmark = pytest.mark.django_db
LOOKED = "Another person of the same name."


@pytest.fixture(params=["continue", "suspend"])
def setting(request, settings):
    settings.SCREENING_STANDING = request.param
    return request.param


@pytest.fixture
def suspends(settings):
    settings.SCREENING_STANDING = "suspend"


@pytest.fixture
def grant(now):
    return make_accepted(now=now)


@pytest.fixture
def head(grant):
    return make_administrator(grant.repo)


def add_line(person, now):
    return add_entry(
        actor=make_user(superuser=True), kind="person", value=person.name, note="", now=now
    )


def opens(person, repo, now):
    return may(person, Action.DOWNLOAD, repo, now).allowed


def letters(kind):
    return OutboxMessage.objects.filter(kind=kind)


def test_access_goes_on_or_stops_until_a_person_has_decided(setting, grant, head, now):
    goes_on = setting == "continue"
    add_line(grant.person, now)
    assert tick(now) == {"grant_screened": 1}
    assert opens(grant.person, grant.repo, now) == goes_on
    check = checks_of(head, now).get()
    assert (check.grant, check.due_at) == (grant, now + timedelta(days=7))
    assert check.right.is_held != goes_on
    assert letters("check_team").get().recipient == head
    letter = letters("standing_check").get()
    assert letter.recipient == grant.person
    assert ("goes on meanwhile" in " ".join(letter.text.split())) == goes_on
    event = AuditEvent.objects.get(type="grant.check_opened" if goes_on else "grant.held")
    assert (event.actor, event.data["screening"]) == (None, "hit")


def test_clearing_it_leaves_everything_as_it_was(setting, grant, head, now):
    add_line(grant.person, now)
    tick(now)
    check = checks_of(head, now).get()
    later = now + timedelta(hours=3)
    clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=later)
    assert opens(grant.person, grant.repo, later)
    before = (grant.starts_at, grant.expires_at)
    grant.refresh_from_db()
    assert (grant.starts_at, grant.expires_at) == before
    assert letters("standing_check_done").get().recipient == grant.person
    assert not letters("activated").filter(created_at=later).exists()
    assert AuditEvent.objects.filter(type="grant.screening_cleared").count() == 1
    assert tick(later) == {}
    assert not checks_of(head, later).exists()
    assert check_grants(later).differences == []


def test_ending_the_access_confirms_it(setting, grant, head, now):
    add_line(grant.person, now)
    tick(now)
    revoke_grant(actor=head, grant_id=grant.pk, reason="It is them.", now=now)
    assert not opens(grant.person, grant.repo, now)
    assert not checks_of(head, now).exists()
    assert tick(now + timedelta(days=30)) == {}
    assert letters("revocation").get().recipient == grant.person
    asked_again = make_request(grant.repo, grant.person, now=now)
    assert asked_again.state == "held"


def test_where_two_people_end_an_access_the_check_waits_for_the_second(suspends, grant, head, now):
    make_gate(grant.repo, two_person_revocation=True)
    add_line(grant.person, now)
    tick(now)
    revoke_grant(actor=head, grant_id=grant.pk, reason="It is them.", now=now)
    assert checks_of(head, now).exists()
    second = make_administrator(grant.repo)
    revoke_grant(actor=second, grant_id=grant.pk, reason="", now=now)
    assert not checks_of(head, now).exists()


def test_members_are_looked_at_too(setting, now):
    grant = make_entity_grant(now=now)
    head, member = make_administrator(grant.repo), make_member(grant, now=now)
    add_line(member.person, now)
    assert tick(now) == {"member_screened": 1}
    assert opens(member.person, grant.repo, now) == (setting == "continue")
    assert opens(grant.person, grant.repo, now)
    check = checks_of(head, now).get()
    assert check.membership == member
    assert letters("standing_check").get().recipient == member.person
    clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
    assert opens(member.person, grant.repo, now)
    assert letters("standing_check_done").get().recipient == member.person
    remove_member(actor=head, membership_id=member.pk, reason="Left.", now=now)


def test_each_line_is_looked_at_once(grant, head, now):
    add_line(grant.person, now)
    assert tick(now) == {"grant_screened": 1}
    assert tick(now + timedelta(minutes=1)) == {}
    add_line(make_user("somebody-else"), now)
    assert tick(now + timedelta(minutes=2)) == {}
    assert Screening.objects.filter(grant=grant).exclude(outcome="clear").count() == 1


def test_a_second_line_on_them_opens_a_check_of_its_own(grant, head, now):
    add_line(grant.person, now)
    tick(now)
    clear_check(actor=head, screening_id=checks_of(head, now).get().pk, text=LOOKED, now=now)
    actor = make_user(superuser=True)
    add_entry(actor=actor, kind="domain", value="university.example", note="", now=now)
    assert tick(now) == {"grant_screened": 1}
    assert [hit["kind"] for hit in checks_of(head, now).get().hits] == ["domain"]


def test_a_grant_that_began_after_the_line_is_not_looked_at_again(now):
    person, repo = make_user(), make_repo()
    add_line(person, now)
    request = make_request(repo, person, now=now)
    assert request.state == "held"
    make_grant(repo, now=now)
    assert tick(now) == {}


def test_what_was_known_of_no_line_yet_is_caught_up_on(grant, now):
    """Grants from before they were screened, and those that began past the lists."""
    add_line(grant.person, now)
    grant.screened_through = 0
    grant.save()
    assert tick(now) == {"grant_screened": 1}


def test_offers_and_what_is_over_are_left_alone(grant, now):
    offer = make_offer(now=now)
    add_line(offer.person, now)
    add_line(grant.person, now)
    assert tick(grant.expires_at).keys().isdisjoint({"grant_screened"})


def test_a_line_that_was_taken_off_opens_nothing(grant, now):
    entry = add_line(grant.person, now)
    remove_entry(actor=make_user(superuser=True), entry_id=entry.pk, now=now)
    assert tick(now) == {}


def test_an_import_counts_as_its_lines_do(suspends, grant, now):
    text = f"person,{grant.person.name},\ndomain,elsewhere.example,\n"
    import_entries(actor=make_user(superuser=True), lines=text, now=now)
    assert tick(now) == {"grant_screened": 1}
    assert not opens(grant.person, grant.repo, now)


def test_where_the_lists_cannot_be_read_nothing_is_stopped(suspends, grant, now, monkeypatch):
    add_line(grant.person, now)
    with monkeypatch.context() as broken:
        broken.setattr(matching, "active_entries", lambda: 1 / 0)
        assert tick(now) == {}
    assert opens(grant.person, grant.repo, now)
    assert tick(now) == {"grant_screened": 1}


def test_a_stopped_grant_says_so_and_is_not_renewed(suspends, now):
    grant = make_accepted(now=now - timedelta(days=20), days=60)
    add_line(grant.person, now)
    tick(now)
    permission = may(grant.person, Action.DOWNLOAD, grant.repo, now)
    assert (permission.reason, permission.since) == (Reason.CHECKED, now + timedelta(days=7))
    with pytest.raises(NotRenewable, match="checks this access"):
        renew_grant(
            holder=grant.person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=make_signature(grant.person, grant.repo, now=now),
            now=now,
        )


def test_one_person_is_written_to_once_for_a_line_of_grants(setting, now):
    grant = make_accepted(now=now - timedelta(days=20), days=60)
    renew_grant(
        holder=grant.person,
        grant_id=grant.pk,
        report="We probed it.",
        publications="",
        signature=make_signature(grant.person, grant.repo, now=now),
        now=now,
    )
    head = make_administrator(grant.repo)
    add_line(grant.person, now)
    assert tick(now) == {"grant_screened": 2}
    assert letters("standing_check").count() == letters("check_team").count() == 1
    clear_check(actor=head, screening_id=checks_of(head, now).first().pk, text=LOOKED, now=now)
    assert not checks_of(head, now).exists()
    assert letters("standing_check_done").count() == 1
    assert opens(grant.person, grant.repo, now)


def test_a_late_one_is_escalated(grant, head, now):
    add_line(grant.person, now)
    tick(now)
    assert tick(now + timedelta(days=7)) == {"check_late": 1}
    assert tick(now + timedelta(days=14)) == {"check_still_late": 1}


def test_the_pages_and_the_api_say_how_it_stands(setting, client):
    now = timezone.now()
    grant = make_accepted(now=now - timedelta(days=1))
    head = make_administrator(grant.repo)
    add_line(grant.person, now)
    tick(now)
    goes_on = setting == "continue"
    client.force_login(grant.person)
    holders = client.get(f"/grants/{grant.pk}").text
    assert ("It stays open meanwhile" in holders) == goes_on
    assert ("paused while we check it" in holders) != goes_on
    client.force_login(head)
    assert ("Stays open" in client.get("/checks").text) == goes_on
    assert "See the check" in client.get(f"/grants/{grant.pk}").text
    (shown,) = by_token(head, "review").get("checks").json()["results"]
    assert shown["is_held"] != goes_on
    ended = client.post(f"/grants/{grant.pk}/revoke", {"reason": "It is them."}, follow=True)
    assert "Access ended" in ended.text
    check = Screening.objects.get(pk=shown["id"])
    assert "there is nothing left to decide" in client.get(f"/checks/{check.pk}").text
