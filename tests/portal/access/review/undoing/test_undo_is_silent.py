"""Until a decision can't be undone any more, its applicant sees a request that waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from portal.access.errors import BeingDecided, GrantNotFound, RequestHasMovedOn
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import end_by_notice
from portal.access.grants.members.membership import invite_member
from portal.access.grants.offers import accept_offer, decline_offer
from portal.access.lifecycle import Status, status_of
from portal.access.models import AccessRequest, Decision, Grant
from portal.access.policy.conditions import Conditions
from portal.access.policy.permissions import Action, Reason
from portal.access.policy.policy import may
from portal.access.reporting.months import verdicts_between
from portal.access.requests.answering import correct_request
from portal.access.requests.appeals import appeal_request, appealable_until
from portal.access.requests.drafts import start_draft
from portal.access.requests.routing import withdraw_request
from portal.access.review.decisions.undo import reopen_request, undo_decision
from portal.access.review.hub.decisions import move_request
from portal.access.review.hub.lists import HubAccessStatus
from portal.access.review.status import stages
from portal.access.review.timeline import timeline_of
from portal.access.screening.lists import add_entry
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from portal.site.archives.my_data import tables_of
from tests.factories.access import make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
NINE, TEN = timedelta(minutes=9), timedelta(minutes=10)
OFFERED = Conditions(no_logits=True)


def offer(case, reviewer, now):
    return approve(case, reviewer, now, conditions=OFFERED)


def reason_at(case: AccessRequest, moment: datetime) -> Reason | None:
    return may(case.applicant, Action.DOWNLOAD, case.repo, moment).reason


def status_at(grant: Grant, moment: datetime) -> Status:
    return status_of(Grant.objects.get(pk=grant.pk), moment)


@pytest.mark.parametrize("decide", [approve, offer, decline])
class TestEveryDoorSaysThatItWaits:
    def test_the_policy_and_so_every_client(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        refused = may(case.applicant, Action.DOWNLOAD, case.repo, now + NINE)
        assert (refused.reason, refused.since) == (Reason.PENDING, case.due_at)
        told = {approve: None, offer: Reason.OFFERED, decline: Reason.DECLINED}
        assert reason_at(case, now + TEN) == told[decide]

    def test_the_pages(self, client, case, reviewer, decide):
        now = timezone.now()
        grant = decide(case, reviewer, now)
        client.force_login(case.applicant)
        page = client.get(f"/requests/{case.pk}").text
        assert "with the reviewers" in page
        assert "You’ll hear by" in page
        assert "opens once approved" in page
        assert f"/requests/{case.pk}/correct" in page
        assert f'action="/requests/{case.pk}/withdraw' in page
        for word in ("Approved", "eclined", "The team approved"):
            assert word not in page
        listed = client.get("/access?view=requests").text
        assert "With the reviewers" in listed
        assert "pproved" not in listed
        assert "eclined" not in listed
        assert case.repo.full_name not in client.get("/access?view=grants").text
        if decide is not decline:
            assert client.get(f"/grants/{grant.pk}").status_code == 404
            assert client.get(f"/grants/{grant.pk}/offer").status_code == 404
        assert client.get(f"/{case.repo.full_name}").text.count("is with the reviewers")
        assert client.get("/inbox").text.count("decision") == 0

    def test_the_api(self, client, case, reviewer, decide):
        decide(case, reviewer, timezone.now())
        client.force_login(case.applicant)
        shown = client.get(f"/api/v1/requests/{case.pk}/").json()
        assert (shown["state"], shown["closed_at"]) == ("in_review", None)
        assert (shown["decision"], shown["grant_id"]) == (None, None)
        assert (shown["appealable_until"], shown["allowed_acts"]) == (
            None,
            ["correct", "withdraw"],
        )
        assert client.get("/api/v1/requests/").json()["results"][0]["state"] == "in_review"
        assert client.get("/api/v1/grants/").json()["results"] == []
        events = client.get(f"/api/v1/requests/{case.pk}/events/").json()["results"]
        assert [event["title"] for event in events] == ["You signed and submitted"]

    def test_what_they_take_home_of_themselves(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        tables = dict(tables_of(case.applicant, now + NINE))
        assert tables["requests"][0]["state"] == "in_review"
        assert "shown_as" not in tables["requests"][0]
        assert (tables["decisions"], tables["grants"]) == ([], [])
        types = {event["type"] for event in tables["record"]}
        assert not {"request.approved", "request.declined", "grant.made", "grant.offered"} & types
        assert dict(tables_of(case.applicant, now + TEN))["decisions"]

    def test_public_figures(self, case, reviewer, now, decide):
        for _ in range(12):
            decide(make_request(case.repo, now=now), reviewer, now)
        verdict = "declined" if decide is decline else "approved"
        before, after = verdicts_between(now, now + NINE), verdicts_between(now, now + TEN * 1.1)
        assert before == {}
        assert Decision.objects.filter(verdict=verdict).count() == 12
        assert after == {verdict: 12}

    def test_a_service_that_undoes_nothing_changes_nothing_of_it(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        them = {"applicant": case.applicant, "now": now + NINE}
        with pytest.raises(BeingDecided, match="few minutes"):
            withdraw_request(request_id=case.pk, **them)
        with pytest.raises(BeingDecided):
            correct_request(request_id=case.pk, changes={"purpose": "Another."}, **them)
        with pytest.raises(RequestHasMovedOn, match="In review"):
            appeal_request(request_id=case.pk, text="No.", **them)
        assert start_draft(repo_id=case.repo_id, **them).pk == case.pk

    def test_the_team_sees_the_decision_and_its_undo(self, client, case, reviewer, decide):
        decide(case, reviewer, timezone.now())
        client.force_login(reviewer)
        page = client.get(f"/queue/{case.pk}").text
        assert "declined" in page if decide is decline else "pproved" in page
        assert f'action="/queue/{case.pk}/undo' in page


def test_access_begins_with_the_letter_and_no_worker_need_run(case, reviewer, now):
    grant = approve(case, reviewer, now)
    assert grant.starts_at == now + TEN
    assert status_at(grant, now + NINE) == Status.SCHEDULED
    assert status_at(grant, now + TEN) == Status.ACTIVE
    assert may(case.applicant, Action.DOWNLOAD, case.repo, now + TEN).allowed
    assert not OutboxMessage.objects.get(kind="approval").sent_at


def test_an_offer_can_be_signed_from_then_on_for_all_its_days(case, reviewer, now):
    grant = offer(case, reviewer, now)
    assert status_at(grant, now + NINE) == Status.SCHEDULED
    them = {"person": case.applicant, "grant_id": grant.pk}
    signature = make_signature(case.applicant, case.repo, now=now)
    for act, more in ((accept_offer, {"signature": signature}), (decline_offer, {})):
        with pytest.raises(GrantNotFound):
            act(**them, **more, now=now + NINE)
    assert grant.offer_expires_at == now + TEN + timedelta(days=30)
    accepted = accept_offer(**them, signature=signature, now=now + TEN)
    assert status_at(accepted, now + TEN) == Status.ACTIVE


def test_the_time_to_appeal_counts_from_when_the_applicant_is_told(case, reviewer, now):
    decline(case, reviewer, now)
    case.refresh_from_db()
    assert appealable_until(case) == now + TEN + timedelta(days=60)


def test_an_access_that_would_end_before_it_begins_is_refused(case, reviewer, now):
    with pytest.raises(FieldErrors) as refused:
        approve(case, reviewer, now, expires_at=now + NINE)
    assert "expires_at" in refused.value.errors


def test_an_earlier_vote_for_an_end_that_is_past_is_named(case, reviewer, now):
    make_gate(case.repo, quorum=2)
    approve(case, reviewer, now, expires_at=now + timedelta(hours=1))
    with pytest.raises(FieldErrors, match="earlier vote"):
        approve(case, make_reviewer(case.repo), now + timedelta(minutes=55))


@pytest.mark.parametrize("decide", [approve, decline])
def test_without_minutes_it_counts_at_once(case, reviewer, now, decide):
    make_gate(case.repo, undo_minutes=0)
    decide(case, reviewer, now)
    assert reason_at(case, now) == (Reason.DECLINED if decide is decline else None)


@pytest.mark.parametrize("to", [HubAccessStatus.ACCEPTED, HubAccessStatus.REJECTED])
def test_the_hubs_calls_know_no_undo(case, head, now, to):
    move_request(actor=head, repo=case.repo, user=case.applicant, to=to, now=now)
    accepted = to == HubAccessStatus.ACCEPTED
    assert reason_at(case, now) == (None if accepted else Reason.DECLINED)
    deliver_due(now=now)
    kind = "approval" if accepted else "decline_unspecified"
    assert OutboxMessage.objects.get(kind=kind).state == "sent"


def test_what_the_team_can_still_undo_the_hub_replaces_without_a_word(case, reviewer, head, now):
    decline(case, reviewer, now)
    accept = {"user": case.applicant, "to": HubAccessStatus.ACCEPTED, "now": now + NINE}
    move_request(actor=head, repo=case.repo, **accept)
    assert may(case.applicant, Action.DOWNLOAD, case.repo, now + NINE).allowed
    deliver_due(now=now + timedelta(days=1))
    sent = OutboxMessage.objects.filter(recipient=case.applicant, state="sent")
    assert set(sent.values_list("kind", flat=True)) == {"receipt", "approval"}


class TestNoLetterComesBeforeTheDecision:
    def test_a_notice_to_all_holders_follows_the_approval(self, case, reviewer, head, now):
        grant = approve(case, reviewer, now)
        ends_at = now + timedelta(days=40)
        end_by_notice(
            actor=head,
            repo_id=case.repo_id,
            licence_version_id=grant.acceptance.licence_version_id,
            ends_at=ends_at,
            reason="A newer text.",
            now=now + NINE,
        )
        assert Grant.objects.get().ends_at == ends_at
        deliver_due(now=now + NINE)
        assert sent_to(case) == ["receipt"]
        deliver_due(now=now + TEN)
        assert sent_to(case) == ["receipt", "approval", "notice"]

    def test_a_notice_is_never_sent_on_a_decision_that_was_undone(self, case, reviewer, head, now):
        grant = approve(case, reviewer, now)
        end_by_notice(
            actor=head,
            repo_id=case.repo_id,
            grant_ids=[grant.pk],
            ends_at=now + timedelta(days=40),
            reason="A newer text.",
            now=now,
        )
        undo_decision(actor=reviewer, request_id=case.pk, now=now + NINE)
        deliver_due(now=now + timedelta(days=1))
        assert sent_to(case) == ["receipt"]

    @pytest.mark.parametrize("decide", [approve, decline])
    def test_reopening_what_nobody_heard_of_says_nothing(self, case, reviewer, head, now, decide):
        decide(case, reviewer, now)
        reopen_request(actor=head, request_id=case.pk, reason="Too soon.", now=now + NINE)
        deliver_due(now=now + timedelta(days=1))
        assert sent_to(case) == ["receipt"]
        case.refresh_from_db()
        assert case.state == "in_review"
        later = now + timedelta(days=1)
        told = [event.title for event in timeline_of(case, reader=case.applicant, now=later)]
        assert told == ["You signed and submitted"]
        assert "took the request up again" in str(timeline_of(case, reader=reviewer, now=later))
        assert reason_at(case, later) == Reason.PENDING

    def test_nor_do_members_or_an_early_end(self, case, reviewer, now):
        grant = approve(case, reviewer, now)
        them = {"holder": case.applicant, "grant_id": grant.pk, "now": now + NINE}
        with pytest.raises(GrantNotFound):
            invite_member(email="guest@example.org", **them)
        with pytest.raises(GrantNotFound):
            close_grant(statement="Gone.", deleted_copies=True, **them)

    def test_a_new_line_of_the_screening_lists_waits_for_it(self, case, reviewer, now):
        add_entry(actor=make_user(superuser=True), kind="country", value="NL", note="", now=now)
        grant = approve(case, reviewer, now)
        assert status_at(grant, now + NINE) == Status.CHECKED
        assert reason_at(case, now + NINE) == Reason.PENDING
        assert reason_at(case, now + TEN) == Reason.CHECKED
        deliver_due(now=now + NINE)
        assert sent_to(case) == ["receipt"]


def sent_to(case: AccessRequest) -> list[str]:
    letters = OutboxMessage.objects.filter(recipient=case.applicant, state="sent")
    return list(letters.order_by("sent_at", "pk").values_list("kind", flat=True))


def test_a_held_request_that_is_declined_is_held_till_then_and_after_undoing(head, now):
    repo = make_repo(undo_minutes=None)
    add_entry(actor=make_user(superuser=True), kind="country", value="NL", note="", now=now)
    case = make_request(repo, now=now)
    head = make_reviewer(repo, role="administrator")
    decline(case, head, now)
    case.refresh_from_db()
    assert case.state_shown(now + NINE) == "held"
    undo_decision(actor=head, request_id=case.pk, now=now + NINE)
    case.refresh_from_db()
    assert case.state == "held"


@pytest.mark.parametrize("decide", [approve, decline])
def test_its_applicant_reads_one_time_everywhere(client, case, reviewer, decide):
    now = timezone.now() - timedelta(hours=1)
    decide(case, reviewer, now)
    told_at = now + TEN
    case.refresh_from_db()
    shown = case.as_shown(timezone.now())
    decision, *_ = timeline_of(case, reader=case.applicant, now=timezone.now())
    assert [shown.closed_at, decision.at] == [told_at, told_at]
    assert [stage.at for stage in stages(shown, None, timezone.now())][2] == told_at
    client.force_login(case.applicant)
    answer = client.get(f"/api/v1/requests/{case.pk}/").json()
    times = [answer["closed_at"], answer["decision"]["decided_at"]]
    assert [datetime.fromisoformat(text) for text in times] == [told_at, told_at]
