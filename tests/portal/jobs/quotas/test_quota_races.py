"""Requests at once pass no quota together: on real parallel connections."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.jobs.models import Job
from tests.factories.grants import make_gate
from tests.factories.jobs import make_guest, make_job
from tests.racing import WON, race, racers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("quotas", "most"), [({"tokens_per_day": 25}, 2), ({"concurrent_jobs": 3}, 3)]
)
def test_no_more_get_through_than_the_quota_has_room_for(hosted, quotas, most):
    make_gate(hosted, **quotas)
    person = make_guest(hosted)

    def ask():
        make_job(hosted, person, now=timezone.now(), prompt=[5], max_tokens=9)

    outcomes = race(racers(ask, ask, ask, ask))
    assert outcomes[WON] == most == Job.objects.of(person).count()
    assert all(outcome == WON or outcome.startswith("429 ") for outcome in outcomes)
