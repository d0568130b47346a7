"""The meter's joules go to jobs by the tokens computed for them, and else to idle time."""

from __future__ import annotations

import pytest

from inference import Engine
from portal.jobs.models import EnergySource
from tests.workers.energy.meters import CountingMeter
from tests.workers.test_neighbours import make_job
from workers.loop import EngineLoop

PLACES = 4


@pytest.fixture
def meter():
    return CountingMeter()


@pytest.fixture
def loop(model, meter):
    """Return the loop of a real engine, turned by hand."""
    with Engine(model=model, max_num_seqs=PLACES, max_num_batched_tokens=16) as engine:
        loop = EngineLoop(engine, PLACES, on_ended=lambda: None, meter=meter)
        yield loop


def turn(loop):
    loop._work.set()  # so that it doesn't wait for work
    loop._turn()


def turn_until_all_ended(loop):
    while loop.runs():
        turn(loop)


def test_jobs_and_idle_time_add_up_to_the_meter(loop, meter):
    turn(loop)
    many, long = make_job(1, n=6, max_tokens=9), make_job(2, max_tokens=5)
    long.prompts = [[2] * 40]
    loop.add(many)
    turn(loop)
    turn(loop)
    loop.add(long)
    turn_until_all_ended(loop)
    turn(loop)
    assert loop.engine.stats().preemptions > 0, "so that tokens were computed again"
    runs = {run.job.pk: run for run in loop.ended}
    assert runs[many.pk].computed_tokens > 6 * (3 + 9 - 1)
    assert runs[long.pk].computed_tokens == 40 + 5 - 1
    idle = sum(total.joules for _, total in loop.energy.idle_totals())
    assert idle >= 2 * CountingMeter.IDLE
    shares = [run.metered.joules for run in runs.values()]
    assert sum(shares) + idle == pytest.approx(meter.read, rel=0.01)


def test_a_long_prompt_costs_more_than_a_short_one(loop):
    long, short = make_job(1, max_tokens=1), make_job(2, max_tokens=1)
    long.prompts, short.prompts = [[2] * 12], [[2] * 3]
    loop.add(long)
    loop.add(short)
    turn(loop)
    share = {run.job.pk: run.metered for run in loop.ended}
    assert share[long.pk].joules == pytest.approx(CountingMeter.AT_WORK * 12 / 15)
    assert share[short.pk].joules == pytest.approx(CountingMeter.AT_WORK * 3 / 15)
    assert share[short.pk].source == EnergySource.RAPL


def test_a_cancelled_job_bears_what_it_used(loop, meter):
    job = make_job(1, max_tokens=60)
    loop.add(job)
    turn(loop)
    turn(loop)
    [run] = loop.runs()
    assert run.metered.joules == meter.read == 2 * CountingMeter.AT_WORK
    assert run.result().metered == run.metered


def test_the_energy_of_lost_work_goes_to_no_job(loop, meter):
    loop.add(make_job(1, max_tokens=60))
    turn(loop)
    [run] = loop.runs()
    loop.energy.give_up(run.metered)
    [(_, kept)] = loop.energy.idle_totals()
    assert kept.joules == meter.read
    assert sum(loop.energy.joules().values()) == meter.read, "and is counted once"
