"""A worker counts tokens, waiting times and the engine's load by the model's name."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.jobs.models import Job
from portal.jobs.services import claim_next_job, sweep
from portal.observability import metrics
from tests.factories.jobs import make_guest, make_hosted, make_job
from tests.waiting import wait_until


def figures(model):
    """Return what the worker counts of a model: a value for each name and state."""
    return {
        (sample.name, sample.labels.get("state", "")): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.labels.get("model") == model
    }


def test_a_job_counts_for_its_model(worker, hosted, submit, ended):
    before = figures(hosted.full_name)
    job = ended(submit())

    def grown(name):
        return figures(hosted.full_name).get((name, ""), 0) - before.get((name, ""), 0)

    wait_until(lambda: grown("weightgate_time_to_first_token_seconds_count"), 20, "a count")
    assert grown("weightgate_time_to_first_token_seconds_count") == 1
    assert grown("weightgate_job_queue_seconds_count") == 1
    assert grown("weightgate_prompt_tokens_total") == job.prompt_tokens
    assert grown("weightgate_generated_tokens_total") == job.completion_tokens > 0
    after = figures(hosted.full_name)
    assert after["weightgate_engine_slots", ""] == settings.ENGINE_MAX_NUM_SEQS
    assert after["weightgate_engine_samples", "running"] == 0
    assert after["weightgate_engine_kv_blocks", "free"] > 0


def test_a_lost_lease_counts(transactional_db, model):
    hosted = make_hosted(model)
    counted = metrics.lease_losses._value.get()
    job = make_job(hosted, make_guest(hosted), now=timezone.now())
    held = {"repo_id": hosted.pk, "revision_id": job.revision_id, "now": job.created_at}
    assert claim_next_job(worker="lost", **held)
    sweep(now=job.created_at + settings.JOB_LEASE + timedelta(seconds=1))
    assert metrics.lease_losses._value.get() == counted + 1
    assert Job.objects.get().state == Job.State.QUEUED
