"""A job is priced with the figures of its day; operators set new ones, which is recorded."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.errors import FieldErrors, Forbidden
from portal.jobs.accounting.footprint import Metered
from portal.jobs.accounting.tariffs import rates_on, set_tariff
from portal.jobs.models import EnergySource, Job, Tariff
from portal.jobs.services import JobResult, finish_job
from tests.factories.accounts import make_user, the_operator
from tests.factories.jobs import claim, make_job

pytestmark = pytest.mark.django_db
FIGURES = {
    "price_per_hour": Decimal("3.6"),
    "price_per_kwh": Decimal("0.25"),
    "kg_per_kwh": Decimal("0.2"),
}


def set_from(day: date, now: datetime, **figures):
    return set_tariff(actor=the_operator(), valid_from=day, now=now, **(FIGURES | figures))


def ended(hosted, at, metered=None):
    job = make_job(hosted, now=at)
    claim(hosted, now=at)
    result = JobResult(engine_seconds=10.0, metered=metered)
    return finish_job(job_id=job.pk, attempt=1, result=result, now=at)


def test_a_measured_job_is_priced_by_the_hour_and_by_its_energy(hosted, now, settings):
    settings.ENGINE_PUE = 1.25
    tariff = set_from(now.date(), now)
    job = ended(hosted, now, Metered(2880.0, EnergySource.NVML))
    job.refresh_from_db()
    assert job.energy_source == EnergySource.NVML
    assert job.energy_wh == pytest.approx(1.0)
    assert job.co2_g == pytest.approx(0.2)
    assert job.cost == Decimal("0.01025")  # 10 s by the hour, 1 Wh by the kWh
    assert job.tariff == tariff


def test_each_job_has_the_figures_of_its_day(hosted, now):
    tomorrow = now + timedelta(days=1)
    before = ended(hosted, now)
    tariff = set_from(tomorrow.date(), now)
    today, then = ended(hosted, now), ended(hosted, tomorrow)
    assert (before.tariff, today.tariff, then.tariff) == (None, None, tariff)
    assert today.cost == before.cost != then.cost
    before.refresh_from_db()
    assert before.cost == today.cost, "what was priced stays"


def test_of_two_that_begin_on_a_day_the_later_counts(now):
    set_from(now.date(), now, kg_per_kwh=Decimal("0.3"))
    mended = set_from(now.date(), now, kg_per_kwh=Decimal("0.03"))
    assert rates_on(now.date()).tariff == mended
    assert rates_on(now.date() - timedelta(days=1)).tariff is None


def test_the_settings_figures_hold_until_there_is_a_tariff(now, settings):
    settings.ENGINE_KG_PER_KWH, settings.CURRENCY = 0.5, "CHF"
    figures = rates_on(now.date())
    assert (figures.kg_per_kwh, figures.currency, figures.tariff) == (0.5, "CHF", None)


def test_setting_one_is_recorded(now):
    tariff = set_from(now.date(), now)
    event = AuditEvent.objects.get(type="tariff.set")
    assert event.target_id == str(tariff.pk)
    assert event.data["kg_per_kwh"] == "0.2"
    assert event.data["valid_from"] == now.date().isoformat()


def test_only_operators_set_one(now):
    with pytest.raises(Forbidden):
        set_tariff(actor=make_user(), valid_from=now.date(), now=now, **FIGURES)
    assert not Tariff.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("price_per_hour", Decimal(-1), id="below-nothing"),
        pytest.param("price_per_kwh", Decimal("1e9"), id="beyond-belief"),
        pytest.param("kg_per_kwh", Decimal("NaN"), id="no-number"),
        pytest.param("kg_per_kwh", Decimal("0.1234567"), id="too-fine"),
        pytest.param("note", "a\nb", id="two-lines"),
    ],
)
def test_a_wrong_figure_is_refused_by_name(now, field, value):
    with pytest.raises(FieldErrors) as refused:
        set_from(now.date(), now, **{field: value})
    assert list(refused.value.errors) == [field]
    assert not Tariff.objects.exists()


def test_none_begins_before_today(now):
    with pytest.raises(FieldErrors) as refused:
        set_from(now.date() - timedelta(days=1), now)
    assert list(refused.value.errors) == ["valid_from"]


def test_a_job_that_used_nothing_names_no_source(hosted, now):
    make_job(hosted, now=now)
    assert Job.objects.get().energy_source == ""
