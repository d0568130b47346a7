"""The digest is one letter a day: all that waits for somebody, by model, where anything is new."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.letters.team import waiting
from portal.access.letters.team.digest import digest_time
from portal.access.models import Decision, DigestItem, TeamEvent
from portal.access.reminders.tick import tick
from portal.access.requests.routing import withdraw_request
from portal.access.review.decisions.bulk import BulkTerms, bulk_decide
from portal.access.review.decisions.undo import undo_decision
from portal.access.review.notes import declare_conflict
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.catalog import make_repo
from tests.factories.grants import make_accepted, make_gate, make_renewal
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def eight(now, settings):
    """Return when the next digest is written: at eight on the day after."""
    settings.DIGEST_HOUR = 8
    return now.replace(hour=8) + DAY


@pytest.fixture
def daily(reviewer, choose):
    """Let the reviewer hear of everything in the digest alone."""
    for event in TeamEvent:
        choose(reviewer, event, "daily")
    return reviewer


def digests(reader) -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind="digest", recipient=reader).order_by("pk"))


def digest(reader) -> OutboxMessage:
    (letter,) = digests(reader)
    return letter


def test_it_lists_by_model_what_waits_with_due_dates_and_what_is_new_first(
    repo, daily, now, eight, choose
):
    choose(daily, "new_request", "at_once")
    old = make_request(repo, now=now)
    choose(daily, "new_request", "daily")
    new = make_request(repo, now=now + HOUR)
    other = make_repo()
    other.team.create(user=daily, role="reviewer")
    elsewhere = make_request(other, now=now)
    tick(eight)
    letter = digest(daily)
    assert letter.subject == "3 cases wait for you at 2 models"
    lines = letter.text.splitlines()
    of_repo = lines.index(f"{repo.full_name}:")
    assert f"{new.reference}, {new.applicant.display_name}: new." in lines[of_repo + 1]
    assert f"/queue/{new.pk}" in letter.text
    assert f"{old.reference}, {old.applicant.display_name}: waits." in letter.text
    assert letter.text.index(new.reference) < letter.text.index(old.reference)
    assert f"{elsewhere.reference}, " in letter.text
    assert "Due Monday 7 December" in letter.text
    assert "/settings/notifications" in letter.text
    assert OutboxMessage.objects.filter(kind="team_request", recipient=daily).count() == 1


def test_it_comes_once_a_day_and_only_with_news(repo, daily, now, eight):
    make_request(repo, now=now)
    tick(eight - timedelta(minutes=1))
    assert digests(daily) == []
    tick(eight)
    tick(eight + timedelta(minutes=1))
    assert len(digests(daily)) == 1
    make_request(repo, now=eight + HOUR)
    tick(eight + 2 * HOUR)
    assert len(digests(daily)) == 1
    tick(eight + DAY)
    assert len(digests(daily)) == 2
    tick(eight + 2 * DAY)  # both wait still, but nothing is new
    assert len(digests(daily)) == 2
    assert not DigestItem.objects.exists()


def test_it_comes_late_rather_than_never_after_an_outage(repo, daily, now, eight):
    make_request(repo, now=now)
    tick(eight + 5 * HOUR)
    assert len(digests(daily)) == 1


def test_what_is_settled_by_then_is_no_news(repo, daily, now, eight):
    gone = make_request(repo, now=now)
    withdraw_request(applicant=gone.applicant, request_id=gone.pk, now=now)
    tick(eight)
    assert digests(daily) == []


def test_what_one_may_not_decide_stands_in_no_digest(repo, daily, now, eight):
    mine, barred = make_request(repo, now=now), make_request(repo, now=now)
    declare_conflict(
        reviewer=daily, request_id=barred.pk, has_conflict=True, statement="Kin.", now=now
    )
    tick(eight)
    assert mine.reference in digest(daily).text
    assert barred.reference not in digest(daily).text


def test_what_is_new_is_told_however_much_waits(repo, daily, now, eight, monkeypatch):
    monkeypatch.setattr(waiting, "MOST", 1)
    make_request(repo, now=now)
    tick(eight)
    new = make_request(repo, now=eight + HOUR)
    tick(eight + DAY)
    assert new.reference in digests(daily)[-1].text


def test_who_left_the_team_gets_none(repo, daily, now, eight):
    make_request(repo, now=now)
    repo.team.filter(user=daily).delete()
    tick(eight)
    assert digests(daily) == []


def test_a_renewal_stands_in_it(repo, daily, now, eight):
    make_gate(repo, renewal_needs_review=True)
    grant = make_accepted(repo, now=now - timedelta(days=300), days=330)
    make_renewal(grant, now)
    tick(eight)
    assert f"{grant.reference}, {grant.person.display_name}: asks to renew." in digest(daily).text


class TestDecisionsOfColleagues:
    """The pain: fifty were decided at once, and nobody else on the team was told."""

    def decide_all(self, actor, cases, now) -> None:
        terms = BulkTerms(
            Decision.Verdict.DECLINED, reason_code="commercial", reason_text="A product."
        )
        keys = [case.pk for case in cases]
        bulk_decide(reviewer=actor, request_ids=keys, terms=terms, dry_run=False, now=now)

    def test_many_at_once_are_one_letter_a_day_to_each_colleague(
        self, repo, head, reviewer, colleague, now, eight
    ):
        cases = [make_request(repo, now=now) for _ in range(3)]
        self.decide_all(head, cases, now)
        assert not OutboxMessage.objects.filter(kind="digest").exists()
        tick(eight)
        for reader in (reviewer, colleague):
            letter = digest(reader)
            assert letter.subject == "Nothing waits for you; colleagues decided"
            text = " ".join(letter.text.split())
            for case in cases:
                assert f"{case.reference}, {case.applicant.display_name}: declined by" in text
        assert digests(head) == []

    def test_a_dry_run_tells_nobody(self, repo, head, reviewer, now):
        case = make_request(repo, now=now)
        terms = BulkTerms(
            Decision.Verdict.DECLINED, reason_code="commercial", reason_text="A product."
        )
        bulk_decide(reviewer=head, request_ids=[case.pk], terms=terms, dry_run=True, now=now)
        assert not DigestItem.objects.exists()

    def test_one_that_was_undone_isnt_told(self, repo, head, reviewer, now, eight):
        make_gate(repo, undo_minutes=10)
        case = make_request(repo, now=now)
        decline(case, head, now)
        undo_decision(actor=head, request_id=case.pk, now=now)
        tick(eight)
        assert digests(reviewer) == []

    def test_one_that_can_be_undone_yet_waits_for_the_next(self, repo, head, reviewer, now, eight):
        make_gate(repo, undo_minutes=10)
        case = make_request(repo, now=now)
        approve(case, head, eight - timedelta(minutes=1))
        tick(eight)
        assert digests(reviewer) == []
        tick(eight + DAY)
        assert "approved by" in digest(reviewer).text


@pytest.mark.parametrize(
    ("hour", "written"),
    [(7, "2026-11-22 08:00"), (8, "2026-11-23 08:00"), (23, "2026-11-23 08:00")],
)
def test_it_is_written_at_the_hour_that_is_set(hour, written, now, settings):
    settings.DIGEST_HOUR = 8
    assert f"{digest_time(now.replace(hour=hour)):%Y-%m-%d %H:%M}" == written
