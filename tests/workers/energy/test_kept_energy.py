"""A job’s row, rows of idle energy and metrics hold what was metered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from portal.jobs.accounting.footprint import Metered
from portal.jobs.accounting.idle import keep_idle_energy
from portal.jobs.models import EnergySource, IdleEnergy, Job
from portal.observability import metrics
from tests.waiting import wait_until
from tests.workers.energy.meters import CountingMeter
from workers import generate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def meter(monkeypatch, settings):
    settings.ENGINE_PUE = 1.5
    meter = CountingMeter()
    monkeypatch.setattr(generate, "find_meter", lambda: meter)
    monkeypatch.setattr(generate, "IDLE_KEPT_SECONDS", 0.0)
    return meter


def test_a_jobs_row_and_idle_rows_add_up_to_what_the_meter_read(meter, worker, submit, ended):
    jobs = [ended(submit(prompt=[2, 7], max_tokens=length, ignore_eos=True)) for length in (4, 9)]
    assert {job.energy_source for job in jobs} == {EnergySource.RAPL}
    worker.stop()
    worker.join()
    [idle] = IdleEnergy.objects.all()
    assert idle.source == EnergySource.RAPL
    total = idle.energy_wh + sum(job.energy_wh for job in jobs)
    assert total == pytest.approx(meter.read * 1.5 / 3600, rel=0.01)


def test_a_worker_without_a_meter_says_that_it_estimated(worker, submit, ended):
    job = ended(submit(max_tokens=4))
    assert job.energy_source == EnergySource.ESTIMATE
    assert job.energy_wh > 0


def test_a_job_that_a_stopping_worker_gives_back_costs_nothing_yet(meter, worker, submit):
    job = submit(prompt=[2, 7], max_tokens=90, ignore_eos=True, n=8)
    wait_until(lambda: Job.objects.filter(pk=job.pk, state="running").exists(), 20, "its start")
    wait_until(lambda: meter.read > 2 * CountingMeter.AT_WORK, 20, "a step")
    worker.stop()
    worker.join()
    spent = sum(Job.objects.values_list("energy_wh", flat=True))
    idle = sum(IdleEnergy.objects.values_list("energy_wh", flat=True))
    assert spent + idle == pytest.approx(meter.read * 1.5 / 3600, rel=0.01)


def test_energy_is_counted_by_source_and_use(meter, worker, hosted, submit, ended):
    ended(submit(max_tokens=4))

    def counted(use):
        labels = {"model": hosted.full_name, "source": "rapl", "use": use}
        return metrics.registry.get_sample_value("weightgate_energy_joules_total", labels) or 0

    wait_until(lambda: counted("jobs") + counted("idle") == meter.read, 20, "all joules")
    assert counted("jobs") >= 4 * CountingMeter.AT_WORK


def test_a_session_written_again_counts_once_and_its_successor_beside_it(hosted, settings):
    settings.ENGINE_PUE, settings.ENGINE_KG_PER_KWH = 1.0, 0.5
    now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)

    def keep(session, joules, at=now):
        total = Metered(joules, EnergySource.NVML)
        day = at.date()
        keep_idle_energy(session=session, repo_id=hosted.pk, day=day, total=total, now=at)

    killed, successor = uuid4(), uuid4()
    for joules in (3600.0, 7200.0, 7200.0):
        keep(killed, joules)
    keep(successor, 3600.0)
    keep(successor, 1800.0, at=now + timedelta(days=1))
    rows = IdleEnergy.objects.order_by("day", "pk").values_list("day", "energy_wh", "co2_g")
    assert [(day.day, wh, grams) for day, wh, grams in rows] == [
        (30, 2.0, 1.0),
        (30, 1.0, 0.5),
        (1, 0.5, 0.25),
    ]


def test_idle_energy_is_kept_while_the_worker_runs(meter, worker):
    wait_until(lambda: IdleEnergy.objects.exists(), 20, "a row")
    assert IdleEnergy.objects.get().written_at <= timezone.now()
