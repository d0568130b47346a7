"""An outside reviewer reads one request and votes on it, until it is decided; nothing else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.gate.settings import save_gate, unseat_member
from portal.access.models import AccessRequest, CaseGuest
from portal.access.people.accepting import accept_invitation
from portal.access.people.errors import InvitationClosed, NoSuchInvitation
from portal.access.people.guests import remove_guest
from portal.access.people.invitations import invite_guest
from portal.access.people.managing import resend_invitation, withdraw_invitation
from portal.access.people.places import may_manage
from portal.access.policy.request_actions import allowed_actions
from portal.access.review.decisions.undo import undo_decision
from portal.access.review.decisions.votes import votes_missing
from portal.access.review.notes import declare_conflict
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from portal.outbox.services.bounces import mark_bounced
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator, make_gate
from tests.factories.reviews import approve
from tests.portal.access.people.test_invitations import EMAIL, colleague, secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(now) -> AccessRequest:
    return make_request(make_repo(), now=now)


@pytest.fixture
def head(case):
    return make_administrator(case.repo)


@pytest.fixture
def guest(case, head, now):
    person = make_user()
    invite_guest(actor=head, request_id=case.pk, person=person.username, now=now)
    return person


def test_they_see_this_case_and_nothing_else(client, case, guest, now):
    second = make_request(case.repo, now=now)
    client.force_login(guest)
    assert client.get(f"/queue/{case.pk}").status_code == 200
    assert client.get(f"/queue/{second.pk}").status_code == 404
    assert list(AccessRequest.objects.readable_by(guest)) == [case]
    queue = client.get("/queue").text
    assert case.reference in queue
    assert second.applicant.display_name not in queue
    for page in (f"/gates/{case.repo.full_name}", f"/grants/of/{case.repo.full_name}"):
        assert client.get(page).status_code in (403, 404)


def test_they_may_read_declare_note_and_vote(case, guest, now):
    assert allowed_actions(guest, case, now) == {"read", "declare", "note", "vote"}
    assert AuditEvent.objects.filter(type="request.guest_added").count() == 1
    assert OutboxMessage.objects.get(kind="guest_added").recipient == guest


def test_their_vote_counts_in_the_quorum_and_ends_their_seat(client, case, head, guest, now):
    make_gate(case.repo, quorum=2)
    approve(case, head, now)
    assert votes_missing(case, "approved", now) == 1
    grant = approve(case, guest, now)
    assert grant.decision.decided_by == guest
    case.refresh_from_db()
    assert allowed_actions(guest, case, now) == set()
    client.force_login(guest)
    assert client.get(f"/queue/{case.pk}").status_code == 404
    assert client.get("/queue").status_code == 200


def test_an_undone_decision_gives_the_seat_back(case, head, guest, now):
    make_gate(case.repo, undo_minutes=10)
    approve(case, head, now)
    undo_decision(actor=head, request_id=case.pk, now=now)
    case.refresh_from_db()
    assert "vote" in allowed_actions(guest, case, now)


def test_the_team_keeps_the_people_that_it_needs_without_guests(case, head, guest, now):
    second = make_reviewer(case.repo)
    save_gate(actor=head, repo_id=case.repo.pk, values={"quorum": 2}, now=now)
    with pytest.raises(FieldErrors, match="would need 2 people"):
        unseat_member(actor=head, repo_id=case.repo.pk, user_id=second.pk, now=now)


def test_a_conflict_keeps_them_out(case, head, now):
    for person, words in (
        (case.applicant, "conflict of interest"),
        (make_reviewer(case.repo), "on the team"),
    ):
        with pytest.raises(FieldErrors, match=words) as refusal:
            invite_guest(actor=head, request_id=case.pk, person=person.username, now=now)
        assert set(refusal.value.errors) == {"person"}
    assert not CaseGuest.objects.exists()


def test_removing_them_voids_their_vote(case, head, guest, now):
    make_gate(case.repo, quorum=2)
    approve(case, guest, now)
    remove_guest(actor=head, request_id=case.pk, username=guest.username, now=now)
    assert votes_missing(case, "approved", now) == 2
    assert AuditEvent.objects.filter(type="request.guest_removed").count() == 1


def test_somebody_new_is_invited_from_the_page_and_comes_by_mail(client, case, head):
    client.force_login(head)
    page = f"/queue/{case.pk}"
    assert client.post(f"{page}/invite", {"person": "no address"}).status_code == 422
    response = client.post(f"{page}/invite", {"person": EMAIL}, follow=True)
    assert f"An invitation is on its way to {EMAIL}" in response.text
    assert f"Withdraw the invitation to {EMAIL}" in response.text
    person = colleague()
    accept_invitation(person=person, secret=secret(), now=timezone.now())
    client.force_login(person)
    assert client.get(page).status_code == 200


def test_the_case_says_that_the_letter_to_a_guest_came_back(client, case, head, now):
    invite_guest(actor=head, request_id=case.pk, person=EMAIL, now=now)
    mark_bounced(address=EMAIL, reason="no such mailbox", now=timezone.now())
    client.force_login(head)
    assert f"{EMAIL} (the letter came back)" in client.get(f"/queue/{case.pk}").text


def test_only_heads_invite(client, case):
    client.force_login(make_reviewer(case.repo))
    response = client.post(f"/queue/{case.pk}/invite", {"person": EMAIL})
    assert response.status_code == 404


def test_who_may_not_invite_a_guest_may_not_send_it_again_or_withdraw_it(case, head, now):
    invited = invite_guest(actor=head, request_id=case.pk, person=EMAIL, now=now)
    barred = make_administrator(case.repo)
    declare_conflict(
        reviewer=barred,
        request_id=case.pk,
        has_conflict=True,
        statement="We share a flat.",
        now=now,
    )
    for act in (resend_invitation, withdraw_invitation):
        with pytest.raises(NoSuchInvitation):
            act(actor=barred, invitation_id=invited.invitation.pk, now=now)
    assert may_manage(head, invited.invitation, now)
    withdraw_invitation(actor=head, invitation_id=invited.invitation.pk, now=now)


def test_inviting_again_says_that_nothing_changed(case, head, guest, now):
    again = invite_guest(actor=head, request_id=case.pk, person=guest.username, now=now)
    assert (again.user, again.is_new) == (guest, False)
    assert OutboxMessage.objects.filter(kind="guest_added").count() == 1


def test_an_invitation_that_comes_too_late_does_not_tell_the_decision(case, head, now):
    make_gate(case.repo, undo_minutes=10)
    invite_guest(actor=head, request_id=case.pk, person=EMAIL, now=now)
    link = secret()
    approve(case, make_reviewer(case.repo), now)
    with pytest.raises(InvitationClosed) as refusal:
        accept_invitation(person=colleague(), secret=link, now=now)
    assert "Approved" not in refusal.value.message
