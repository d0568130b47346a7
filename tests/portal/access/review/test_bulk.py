"""Many cases are decided at once, each by itself, with its own letter; a dry run changes none."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest, Decision, Grant
from portal.access.policy.quotas import NUMBERS, Quotas
from portal.access.review.assignment import claim_request
from portal.access.review.decisions.bulk import BulkTerms, bulk_decide
from portal.access.review.notes import declare_conflict
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.formatting import whole_date
from portal.outbox.models import OutboxMessage
from portal.text.bidi import isolated
from tests.factories.access import make_proved_request, make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate, make_hold
from tests.factories.reviews import decline

pytestmark = pytest.mark.django_db


@pytest.fixture
def cases(repo, now):
    return [make_proved_request(repo, now=now) for _ in range(3)]


def decide(reviewer, cases, now, *, dry_run=False, verdict="approved"):
    terms = BulkTerms(
        verdict=Decision.Verdict(verdict),
        modes=("download",),
        expires_at=now + timedelta(days=90),
        reason_code="commercial",
        reason_text="A product.",
    )
    keys = [case.pk for case in cases]
    return bulk_decide(reviewer=reviewer, request_ids=keys, terms=terms, dry_run=dry_run, now=now)


def outcomes(results) -> list[str]:
    return [result.outcome for result in results]


@pytest.mark.parametrize("verdict", ["approved", "declined"])
def test_each_is_decided_with_its_own_event_and_letter(reviewer, cases, now, verdict):
    assert outcomes(decide(reviewer, cases, now, verdict=verdict)) == ["decided"] * 3
    assert AuditEvent.objects.filter(type=f"request.{verdict}").count() == 3
    kind = {"approved": "approval", "declined": "decline"}[verdict]
    assert OutboxMessage.objects.filter(kind=kind).count() == 3


def test_one_that_is_refused_stops_no_other(reviewer, cases, now):
    declare_conflict(
        reviewer=reviewer,
        request_id=cases[0].pk,
        has_conflict=True,
        statement="Kin.",
        now=now,
    )
    decline(cases[1], make_reviewer(cases[1].repo), now)
    results = decide(reviewer, cases, now)
    assert outcomes(results) == ["refused", "refused", "decided"]
    assert "conflict of interest" in results[0].why
    assert "Declined" in results[1].why


def test_where_votes_are_missing_it_is_a_vote(repo, reviewer, cases, now):
    make_gate(repo, quorum=2)
    assert outcomes(decide(reviewer, cases, now)) == ["voted"] * 3
    assert not Grant.objects.exists()


def test_a_dry_run_tells_the_same_and_changes_nothing(reviewer, cases, now):
    before = (AuditEvent.objects.count(), OutboxMessage.objects.count())
    assert outcomes(decide(reviewer, cases, now, dry_run=True)) == ["decided"] * 3
    assert (AuditEvent.objects.count(), OutboxMessage.objects.count()) == before
    assert AccessRequest.objects.filter(state="in_review").count() == 3


def test_done_again_each_has_moved_on(reviewer, cases, now):
    decide(reviewer, cases, now)
    assert outcomes(decide(reviewer, cases, now)) == ["refused"] * 3
    assert Grant.objects.count() == 3


def test_what_a_stranger_chooses_is_not_there(cases, now):
    assert outcomes(decide(make_reviewer(make_repo()), cases, now)) == ["refused"] * 3


@pytest.mark.parametrize("count", [0, 51])
def test_one_to_fifty(reviewer, now, count):
    terms = BulkTerms(verdict=Decision.Verdict.DECLINED)
    with pytest.raises(FieldErrors):
        bulk_decide(
            reviewer=reviewer, request_ids=range(count), terms=terms, dry_run=False, now=now
        )


def test_of_one_model_at_a_time(reviewer, cases, now):
    elsewhere = make_request(make_repo(), now=now)
    elsewhere.repo.team.create(user=reviewer, role="reviewer")
    with pytest.raises(FieldErrors, match="one model"):
        decide(reviewer, [*cases, elsewhere], now)


class TestQuotas:
    def terms(self, now, **numbers):
        modes, end = ("inference",), now + timedelta(days=90)
        return BulkTerms(Decision.Verdict.APPROVED, modes, end, quotas=Quotas(**numbers))

    def test_each_grant_has_them(self, reviewer, cases, now):
        keys = [case.pk for case in cases]
        terms = self.terms(now, tokens_per_day=500, has_floor=True)
        bulk_decide(reviewer=reviewer, request_ids=keys, terms=terms, dry_run=False, now=now)
        named = {"tokens_per_day": 500, "has_floor": True}
        assert [grant.quotas for grant in Grant.objects.all()] == [named] * 3

    def test_a_number_out_of_bounds_is_told_once_and_decides_nothing(self, reviewer, cases, now):
        keys, terms = [case.pk for case in cases], self.terms(now, concurrent_jobs=10_000)
        with pytest.raises(FieldErrors, match="Jobs at a time") as refused:
            bulk_decide(reviewer=reviewer, request_ids=keys, terms=terms, dry_run=False, now=now)
        assert set(refused.value.errors) == {"quotas.concurrent_jobs"}
        assert not Grant.objects.exists()


class TestPage:
    @pytest.fixture
    def page(self, client, reviewer):
        client.force_login(reviewer)
        return client

    def posted(self, cases, **more):
        until = (timezone.now() + timedelta(days=90)).date().isoformat()
        answers = {"verdict": "approved", "modes": ["download"], "until": until}
        return {"id": [case.pk for case in cases], **answers, **more}

    def test_chosen_listed_tried_and_confirmed(self, page, cases):
        url = reverse("access:bulk")
        chosen = page.get(url, {"id": [case.pk for case in cases]})
        assert all(case.applicant.name in chosen.text for case in cases)
        tried = page.post(url, self.posted(cases))
        assert "What will happen" in tried.text
        assert tried.text.count(f"Approve: download, until {self.last_day()}.") == 3
        assert "Approve 3 requests" in tried.text
        assert not Grant.objects.exists()
        done = self.confirm(page, self.posted(cases))
        assert "What happened" in done.text
        assert done.text.count(f"Approved: download, until {self.last_day()}.") == 3
        assert Grant.objects.count() == 3
        again = page.get(done.request["PATH_INFO"], query_params=self.shown(done))
        assert "What happened" in again.text, "a reload shows it again, and decides nothing"

    def last_day(self) -> str:
        return whole_date(timezone.now() + timedelta(days=90))

    def confirm(self, page, posted):
        """Send the form as the page of the preview holds it, with what it will do confirmed."""
        previewed = page.post(reverse("access:bulk"), posted).context["previewed"]
        sent = posted | {"previewed": previewed, "confirm": "1"}
        return page.post(reverse("access:bulk"), sent, follow=True)

    def test_what_was_changed_after_the_preview_is_shown_before_it_is_done(self, page, cases):
        url = reverse("access:bulk")
        previewed = page.post(url, self.posted(cases)).context["previewed"]
        other = {"verdict": "declined", "reason_code": "commercial", "reason_text": "A product."}
        sent = self.posted(cases, previewed=previewed, confirm="1", **other)
        shown = page.post(url, sent)
        assert "Nothing was decided." in shown.text
        assert shown.text.count("Decline: The use looks commercial.") == 3
        assert "Decline 3 requests" in shown.text
        assert not Decision.objects.exists()

    def test_each_says_its_flags_and_who_has_it(self, page, reviewer, cases, now):
        make_hold(cases[0].applicant, cases[0].repo, now=now)
        colleague = make_reviewer(cases[0].repo)
        claim_request(reviewer=colleague, request_id=cases[1].pk, now=now)
        claim_request(reviewer=reviewer, request_id=cases[2].pk, now=now)
        text = page.post(reverse("access:bulk"), self.posted(cases)).text
        assert "1 flag: a hold" in text
        assert f"with {isolated(colleague.display_name)}" in text
        assert "with You" in text
        assert "Approve 2 requests" in text

    def test_fifty_cost_as_many_queries_as_two_to_be_shown(self, page, repo, cases, now):
        url = reverse("access:bulk")
        cases += [make_request(repo, now=now) for _ in range(7)]
        counts = []
        for many in (2, 2, 10):
            with CaptureQueriesContext(connection) as captured:
                page.get(url, {"id": [case.pk for case in cases[:many]]})
            counts.append(len(captured))
        assert counts[1] == counts[2]

    def test_all_are_undone_at_once(self, page, cases):
        done = self.confirm(page, self.posted(cases))
        assert "Undo 3 decisions" in done.text
        undo = {"id": done.context["undoable_ids"]}
        undone = page.post(reverse("access:bulk_undo"), undo, follow=True)
        assert "3 decisions undone; no mail was sent." in undone.text
        assert AccessRequest.objects.filter(state="in_review").count() == 3
        again = page.post(reverse("access:bulk_undo"), undo, follow=True)
        assert "undone; no mail" not in again.text
        assert again.text.count("note wait") == 3

    def test_one_whose_letter_has_left_stops_no_other_undo(self, page, cases):
        self.confirm(page, self.posted(cases))
        Decision.objects.filter(request=cases[0]).update(undo_until=timezone.now())
        undo = {"id": [case.pk for case in cases]}
        undone = page.post(reverse("access:bulk_undo"), undo, follow=True)
        assert "2 decisions undone" in undone.text
        assert f"{cases[0].reference}: " in undone.text
        assert Decision.objects.filter(undone_at=None).count() == 1

    def test_quotas_left_at_the_default_follow_the_gate(self, page, cases):
        url = reverse("access:bulk")
        shown = page.get(url, {"id": [case.pk for case in cases]})
        assert "With the defaults each letter says: “Hosted use, for each person:" in shown.text
        left = {name: shown.context["form"][name].value() or "" for name in NUMBERS}
        posted = self.posted(cases, modes=["inference"], **left)
        self.confirm(page, posted | {"concurrent_jobs": "1"})
        assert [grant.quotas for grant in Grant.objects.all()] == [{"concurrent_jobs": 1}] * 3

    def test_a_quota_out_of_bounds_stands_beside_its_field(self, page, cases):
        refused = page.post(reverse("access:bulk"), self.posted(cases, concurrent_jobs="9999"))
        assert refused.status_code == 422
        assert set(refused.context["form"].errors) == {"concurrent_jobs"}

    def shown(self, done) -> dict[str, list[str]]:
        return parse_qs(done.request["QUERY_STRING"])

    def test_what_is_missing_stands_beside_its_field(self, page, cases):
        response = page.post(reverse("access:bulk"), self.posted(cases, verdict="declined"))
        assert response.status_code == 422
        assert "Choose the reason" in response.text

    def test_nothing_chosen_leads_back(self, page):
        for answer in (
            page.get(reverse("access:bulk"), {"id": ["x", "9" * 30]}),
            page.post(reverse("access:bulk"), {"id": "x"}, follow=True),
        ):
            assert "Nothing to decide" in answer.text
            assert "Back to the queue" in answer.text

    def test_what_is_decided_is_left_out_with_a_word(self, page, reviewer, cases, now):
        decline(cases[0], reviewer, now)
        shown = page.get(reverse("access:bulk"), {"id": [case.pk for case in cases]})
        assert "Decide 2 requests together" in shown.text
        assert f'name="id" value="{cases[0].pk}"' not in shown.text
        main = shown.text.partition("<main")[2]  # addresses of styles may have the same digits
        assert main.index("Left out") < main.index(cases[0].reference)
        alone = page.get(reverse("access:bulk"), {"id": cases[0].pk})
        assert cases[0].reference in alone.text
        assert "Nothing to decide" in alone.text
        assert "together</h1>" in alone.text

    def test_no_question_is_called_optional_that_one_of_the_verdicts_needs(self, page, cases):
        url, keys = reverse("access:bulk"), {"id": [case.pk for case in cases]}
        responses = [
            page.get(url, keys),
            page.post(url, self.posted(cases)),
            page.post(url, self.posted(cases, verdict="declined")),
        ]
        assert [response.status_code for response in responses] == [200, 200, 422]
        for response in responses:  # a quota is optional in truth
            assert response.text.count("optional") == len(NUMBERS)
