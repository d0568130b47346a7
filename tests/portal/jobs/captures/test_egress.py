"""Captures are held to the bytes of a day, and to those in all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.models import Grant
from portal.access.policy.quotas import Quotas
from portal.formatting import size, start_of_day
from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.jobs.models import Job
from portal.jobs.playground.playable import egress_use_for
from portal.jobs.services import cancel_job, fail_job
from tests.factories.captures import ONE, make_captured, most_bytes
from tests.factories.grants import make_gate
from tests.factories.jobs import claim, make_guest
from tests.racing import WON, race, racers

REQUEST = {"prompt": [2, 7, 9, 11, 13], "max_tokens": 3, "capture": [ONE]}


@pytest.fixture
def noon():
    return start_of_day(timezone.now()) + timedelta(hours=12)


@pytest.fixture
def most(hosted, guest, noon):
    return most_bytes(hosted, guest, noon, **REQUEST)


@pytest.mark.django_db
class TestDay:
    @pytest.fixture(autouse=True)
    def _budget(self, hosted, most):
        make_gate(hosted, egress_bytes_per_day=2 * most + 10)

    def test_what_may_leave_is_reserved(self, submit, most, noon):
        assert submit(now=noon, capture=[ONE]).reserved_capture_bytes == most > 0
        assert submit(now=noon).reserved_capture_bytes == 0

    def test_more_than_is_left_is_told_with_what_is_left(self, submit, noon):
        for _ in range(2):
            submit(now=noon, capture=[ONE])
        with pytest.raises(QuotaExceeded, match="10\u00a0bytes are left today") as refused:
            submit(now=noon, capture=[ONE])
        assert refused.value.retry_after_seconds == 12 * 3600 + 1
        assert refused.value.headers["x-weightgate-egress-remaining-day"] == "10"
        submit(now=noon)  # text leaves as before
        assert submit(now=noon + timedelta(days=1), capture=[ONE])

    def test_what_no_day_has_room_for_is_no_matter_of_waiting(self, submit, noon):
        with pytest.raises(BadParameter, match="all of a day’s") as refused:
            submit(now=noon, capture=[{"site": "output"}])
        assert refused.value.field == "capture"

    def test_what_really_left_counts_in_the_end(self, hosted, submit, noon):
        submit(now=noon, capture=[ONE])
        job = make_captured(hosted, noon, content=b"few")
        assert job.capture_bytes == 3
        for _ in range(2):
            submit(now=noon, capture=[ONE])
        with pytest.raises(QuotaExceeded, match="7\u00a0bytes are left"):
            submit(now=noon, capture=[ONE])

    def test_a_job_without_an_answer_took_nothing_out(self, hosted, submit, guest, noon):
        for _ in range(2):
            submit(now=noon, capture=[ONE])
        failed = claim(hosted, now=noon)
        fail_job(job_id=failed.pk, attempt=1, error="It broke.", now=noon)
        cancel_job(person=guest, job_id=Job.objects.open().get().pk, now=noon)
        for _ in range(2):
            submit(now=noon, capture=[ONE])

    def test_pages_and_headers_tell_what_has_left(self, hosted, submit, client, guest, most, noon):
        submit(now=noon, capture=[ONE])
        use = egress_use_for(guest, hosted, noon)
        assert use.in_words == f"{size(most)} of {size(2 * most + 10)} today"
        assert use.headers == {
            "x-weightgate-egress-limit-day": str(2 * most + 10),
            "x-weightgate-egress-remaining-day": str(most + 10),
        }
        client.force_login(guest)
        page = client.get(f"/playground?model={hosted.full_name}").text
        assert "Captures of this model:" in page
        Grant.objects.filter(person=guest).update(conditions={"no_captures": True})
        page = client.get(f"/playground?model={hosted.full_name}").text
        assert "Captures of this model:" not in page

    def test_another_person_has_their_own(self, hosted, submit, noon):
        for _ in range(2):
            submit(now=noon, capture=[ONE])
        assert submit(make_guest(hosted), now=noon, capture=[ONE])


@pytest.mark.django_db
class TestTotal:
    def test_it_holds_over_all_days(self, hosted, submit, most, noon):
        make_gate(hosted, egress_bytes_total=most)
        submit(now=noon, capture=[ONE])
        make_captured(hosted, noon)
        with pytest.raises(BadParameter, match="0\u00a0bytes are left in all") as refused:
            submit(now=noon + timedelta(days=20), capture=[ONE])
        assert refused.value.headers["x-weightgate-egress-limit-total"] == str(most)

    def test_the_larger_of_a_persons_grants_holds(self, hosted, submit, guest, most, noon):
        make_gate(hosted, egress_bytes_total=1)
        with pytest.raises(BadParameter):
            submit(now=noon, capture=[ONE])
        named = Quotas(egress_bytes_total=most).stored()
        Grant.objects.filter(person=guest).update(quotas=named)
        assert submit(now=noon, capture=[ONE])


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_requests_at_once_pass_no_budget_together(hosted, guest, most, submit):
    make_gate(hosted, egress_bytes_per_day=2 * most)
    outcomes = race(racers(*[lambda: submit(capture=[ONE])] * 4))
    assert outcomes[WON] == 2 == Job.objects.of(guest).count()
