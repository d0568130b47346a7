"""Nobody but its writer is shown a prompt, at whatever address, and no export holds it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from portal.catalog.models import TeamMember
from portal.catalog.services.repos import add_team_member
from portal.jobs.models import Job
from portal.jobs.services import JobResult, finish_job
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.accounts import make_token, make_user, the_operator
from tests.factories.jobs import claim, make_guest, make_job
from tests.portal.jobs.privacy.canary import CANARY, FIELDS, require_unseen

ENDLESS = {"jobs:events"}  # a stream; its first answer is the refusal that the job's page gives


def names(patterns: list[Any], before: str = "") -> list[str]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inside = f"{before}{pattern.namespace}:" if pattern.namespace else before
            found += names(pattern.url_patterns, inside)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.append(f"{before}{pattern.name}")
    return sorted(set(found))


@pytest.fixture
def job(hosted):
    """Make a job that has ended, whose prompt and output hold the word."""
    made = make_job(hosted, make_guest(hosted), now=timezone.now(), **FIELDS)
    claimed = claim(hosted, now=timezone.now())
    result = JobResult([ChoiceEvent(0, tokens=[1], text=CANARY, finish_reason="stop")])
    finish_job(job_id=made.pk, attempt=claimed.attempt, result=result, now=timezone.now())
    made.refresh_from_db()
    return made


def addresses(job: Job) -> list[str]:
    """List every address that can be made of what belongs to the job, or of nothing."""
    repo = {"namespace": job.repo.namespace.name, "name": job.repo.name}
    user = {"username": job.person.username}
    arguments: list[dict[str, Any]] = [
        {},
        {"job_id": job.pk},
        repo,
        {"namespace": repo["namespace"]},
        user,
        {**repo, "revision": "main"},
    ]
    found = []
    for name in set(names(get_resolver().url_patterns)) - ENDLESS:
        for some in arguments:
            try:
                found.append(reverse(name, kwargs=some))
            except NoReverseMatch:
                continue
    return sorted(set(found))


def test_no_address_shows_it_to_who_may_see_most(job):
    operator = the_operator()
    add_team_member(
        actor=operator,
        repo_id=job.repo.pk,
        user=operator,
        role=TeamMember.Role.ADMINISTRATOR,
        now=timezone.now(),
    )
    asked = addresses(job)
    assert f"/playground/{job.pk}" in asked
    assert len(asked) > 100
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    _, secret = make_token(operator, now=timezone.now())
    bearer = {"Authorization": f"Bearer {secret}"}
    for address in asked:
        headers = bearer if address.startswith(("/api/", "/v1/")) else {}
        answer = client.get(address, headers=headers)
        content = b"" if getattr(answer, "is_async", False) else b"".join(answer)
        require_unseen(content.decode(errors="replace"), job)


def test_its_writer_has_it_in_their_own_archive_and_on_its_page(job, client):
    client.force_login(job.person)
    assert CANARY in client.get(f"/playground/{job.pk}").content.decode()


def test_another_is_told_of_no_such_job(job):
    for person in (the_operator(), make_user()):
        client = Client()
        client.force_login(person)
        for path in ("", "/events"):
            answer = client.get(f"/playground/{job.pk}{path}")
            assert answer.status_code == 404
            require_unseen(answer.content.decode(), job)
        assert client.post(f"/playground/{job.pk}/stop").status_code == 404
