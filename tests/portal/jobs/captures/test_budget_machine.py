"""No combination of captures, batches, ends, days and repeats passes the budget of egress."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from portal.accounts.tokens.authentication import Caller
from portal.errors import DomainError
from portal.formatting import start_of_day
from portal.jobs.batches.advancing import advance_batch
from portal.jobs.captures.links import mint_capture_link
from portal.jobs.models import Job
from portal.jobs.own.again import run_again
from portal.jobs.services import cancel_job, fail_job, finish_job, release_job
from tests.factories.batches import make_batch, request_line
from tests.factories.captures import ONE, RESULT, store_captures
from tests.factories.grants import make_gate
from tests.factories.jobs import claim, make_guest, make_job

DAY, TOTAL = 3000, 5000
SIZES = st.sampled_from([1, 2, 5])
BODY = {"prompt": [2, 7, 9], "max_tokens": 3}


def capture_of(size):
    return [{**ONE, "positions": list(range(size))}]


class Budget(RuleBasedStateMachine):
    repo = person = None

    def __init__(self):
        super().__init__()
        self.point = transaction.savepoint()
        self.now = start_of_day(timezone.now()) + timedelta(hours=1)
        self.left_by_day = {}

    def teardown(self):
        transaction.savepoint_rollback(self.point)

    def attempt(self, act):
        try:
            with transaction.atomic():
                return act()
        except DomainError:
            return None

    @rule(size=SIZES)
    def ask(self, size):
        fields = {**BODY, "capture": capture_of(size)}
        self.attempt(lambda: make_job(self.repo, self.person, now=self.now, **fields))

    @rule(sizes=st.lists(SIZES, min_size=1, max_size=3))
    def submit_a_batch(self, sizes):
        lines = [
            request_line(self.repo, f"line-{number}", **BODY, capture=capture_of(size))
            for number, size in enumerate(sizes)
        ]
        batch = self.attempt(lambda: make_batch(self.person, lines, now=self.now))
        if batch is not None:
            advance_batch(batch.pk, self.now)

    @rule(share=st.sampled_from([0.1, 0.5, 1.0]))
    def answer(self, share):
        job = claim(self.repo, now=self.now)
        if job is None:
            return
        size = int(job.reserved_capture_bytes * share)
        content = job.pk.bytes * (size // 16) + b"."
        store_captures(job, content, self.now)
        finish_job(job_id=job.pk, attempt=job.attempt, result=RESULT, now=self.now)
        day = job.created_at.date()
        self.left_by_day[day] = self.left_by_day.get(day, 0) + len(content)

    @rule(how=st.sampled_from(["fail", "cancel", "release"]))
    def end_otherwise(self, how):
        job = claim(self.repo, now=self.now)
        if job is None:
            return
        if how == "release":
            release_job(job_id=job.pk, attempt=job.attempt)
            return
        state = Job.State.CANCELLED if how == "cancel" else Job.State.FAILED
        fail_job(job_id=job.pk, attempt=job.attempt, error="It ended.", now=self.now, state=state)

    @rule()
    def cancel_what_waits(self):
        job = Job.objects.of(self.person).filter(state="queued", batch=None).first()
        if job is not None:
            cancel_job(person=self.person, job_id=job.pk, now=self.now)

    @rule()
    def repeat(self):
        job = Job.objects.of(self.person).exclude(prompts=[]).first()
        if job is not None:
            again = {"job_id": job.pk, "source": Job.Source.API, "now": self.now}
            self.attempt(lambda: run_again(caller=Caller(self.person), **again))

    @rule()
    def download_again(self):
        job = Job.objects.of(self.person).filter(capture_bytes__gt=0, batch=None).first()
        if job is not None:
            name = f"cmpl-{job.pk.hex}"
            mint_capture_link(caller=Caller(self.person), completion_id=name, now=self.now)

    @rule()
    def wait_a_day(self):
        self.now += timedelta(days=1)

    @invariant()
    def the_budget_holds(self):
        assert all(left <= DAY for left in self.left_by_day.values())
        assert sum(self.left_by_day.values()) <= TOTAL
        jobs = Job.objects.of(self.person)
        possible = sum(
            job.reserved_capture_bytes if job.is_open else job.capture_bytes for job in jobs
        )
        assert possible <= TOTAL


@pytest.mark.django_db
@pytest.mark.timeout(300)
def test_no_combination_passes_the_budget(hosted):
    make_gate(hosted, egress_bytes_per_day=DAY, egress_bytes_total=TOTAL)
    Budget.repo, Budget.person = hosted, make_guest(hosted)
    run_state_machine_as_test(
        Budget,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
