"""A backup holds no prompt and no output, and a restore has a row for each job all the same."""

from __future__ import annotations

import io
import subprocess
from datetime import timedelta

import pytest
from django.db import models

from portal.audit.checking import verify_chain
from portal.backup.making.rows import WITHOUT_TEXTS, part_of
from portal.backup.stream.archive import unpacked
from portal.embedded.postgres import installed
from portal.jobs.models import Batch, BatchLine, Job, JobDisclosure, StoredFile
from portal.jobs.texts import BLANKED
from tests.factories.accounts import make_user
from tests.factories.batches import make_batch, request_line
from tests.portal.backup.site import Site
from tests.portal.jobs.privacy.canary import CANARY, FIELDS

pytestmark = pytest.mark.django_db(transaction=True)
HARMLESS = {"error"}  # words of ours
ENDED = ("succeeded", "failed", "cancelled", "expired")


@pytest.fixture
def site(settings, tmp_path):
    settings.ENDINGS_LOG = str(tmp_path / "endings")
    return Site(tmp_path)


def make_jobs(site: Site) -> None:
    """Make a job in each state, all that text can be in."""
    for state in Job.State.values:
        Job.objects.create(
            person=make_user(),
            repo=site.repo,
            revision=site.revision,
            model_name=site.repo.full_name,
            params={
                "seed": 7,
                "stop": FIELDS["stop"],
                "logit_bias": {"5": 1},
                "stop_token_ids": [5],
            },
            prompts=[[2, 718281828, 718281829]],
            state=state,
            created_at=site.now,
            attempt=1,
            lease_until=site.now if state == "running" else None,
            ended_at=site.now if state in ENDED else None,
            error=f"It {state}." if state in ("failed", "expired") else "",
            result_json=f'{{"events": [{{"text": "{CANARY}"}}]}}' if state in ENDED else "",
            reserved_tokens=5,
            prompt_tokens=3,
            completion_tokens=2,
            energy_wh=0.25,
            currency="EUR",
        )


def parts_of(site: Site) -> dict[str, bytes]:
    made = site.back_up(recipients=[], unencrypted=True)
    parts: dict[str, bytes] = {}
    for name, piece in unpacked(io.BytesIO((site.place.folder / made.name).read_bytes())):
        parts[name] = parts.get(name, b"") + piece
    return parts


def test_no_part_holds_one(site):
    make_jobs(site)
    parts = parts_of(site)
    written = subprocess.run(
        [installed() / "bin/pg_restore", "--file=-"],
        input=parts.pop("database"),
        capture_output=True,
        check=True,
    ).stdout
    assert b"COPY public.access_grant" in written
    for content in (written, *parts.values()):
        for sign in (CANARY.encode(), b"718281828"):
            assert sign not in content
    rows = parts[part_of("jobs_job")].splitlines()
    assert len(rows) == 1 + len(Job.State.values)


def test_neither_are_batches_and_one_that_was_open_has_failed(site):
    line = request_line(site.repo, CANARY, prompt=CANARY, stop=CANARY)
    batch = make_batch(make_user(), [line], now=site.now, metadata={"for": CANARY})
    Batch.objects.filter(pk=batch.pk).update(errors=[{"message": CANARY}])
    BatchLine.objects.create(batch=batch, number=1, custom_id=CANARY, body=CANARY)
    parts = parts_of(site)
    written = subprocess.run(
        [installed() / "bin/pg_restore", "--file=-"],
        input=parts.pop("database"),
        capture_output=True,
        check=True,
    ).stdout
    assert not [name for name, content in parts.items() if CANARY.encode() in content]
    assert CANARY.encode() not in written
    site.restore(site.back_up())
    batch.refresh_from_db()
    assert (batch.state, batch.metadata) == ("failed", {})
    assert [error["code"] for error in batch.errors] == ["restored"]
    assert not StoredFile.objects.exists()


def test_rows_come_back_consistent_and_what_was_open_has_ended(site):
    make_jobs(site)
    pointing = JobDisclosure.objects.create(
        job=Job.objects.first(), reason="Abuse.", asked_by=site.operator, asked_at=site.now
    )
    states = dict(Job.objects.values_list("pk", "state"))
    restored = site.restore(site.back_up())
    assert restored.manifest.counts["jobs.job"] == len(states)
    for job in Job.objects.all():
        job.validate_constraints()
        was = states.pop(job.pk)
        assert job.state == (was if was in ENDED else "cancelled")
        assert (job.prompts, job.params, job.events if was in ENDED else []) == (
            [],
            {"seed": 7},
            [],
        )
        assert (job.prompt_tokens, job.completion_tokens, job.energy_wh) == (3, 2, 0.25)
        if was not in ENDED:
            assert "holds no prompts" in job.error
            assert job.ended_at == site.now + timedelta(minutes=5)
    assert not states
    assert JobDisclosure.objects.get(pk=pointing.pk).job_id == pointing.job_id
    assert verify_chain().fault is None


def test_each_column_that_can_hold_a_text_is_blanked():
    texts = {
        field.column
        for field in Job._meta.concrete_fields
        if isinstance(field, models.JSONField | models.TextField)
    }
    assert texts - HARMLESS == set(BLANKED)
    assert set(WITHOUT_TEXTS) == {"jobs_job", "jobs_batch"}
