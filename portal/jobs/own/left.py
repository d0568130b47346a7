"""Tell how many tokens a person has left today, of the models that their grants open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from portal.access.models import GateSettings, Grant
from portal.access.policy.covered import modes_by_repo
from portal.access.policy.permissions import Limits
from portal.access.policy.quotas import Quotas
from portal.accounts.models import User
from portal.catalog.models import Mode, ModelRepo
from portal.formatting import start_of_day
from portal.jobs.models import Job
from portal.jobs.quota import Quota, allowance_of


def own_quotas_today(
    person: User, grants: Iterable[Grant], now: datetime
) -> dict[ModelRepo, Quota | None]:
    """Return the day's quota of each hosted model that these active grants of the person open.

    It is None where the model has no number of its own, so that the day's quota of all of them
    together holds. Two queries, however many grants.
    """
    quotas: dict[ModelRepo, list[Quotas]] = {}
    for grant in grants:
        for repo, modes in modes_by_repo(grant).items():
            if repo.hosted and Mode.INFERENCE in modes:
                quotas.setdefault(repo, []).append(Quotas.of(grant.quotas))
    gates = {gate.repo_id: gate for gate in GateSettings.objects.filter(repo__in=quotas)}
    used = Job.objects.of(person).own_tokens_by_repo(start_of_day(now))
    allowances = [
        allowance_of(repo, Limits(quotas=tuple(numbers)), gates.get(repo.pk, GateSettings()))
        for repo, numbers in quotas.items()
    ]
    return {
        it.repo: Quota(used.get(it.repo.pk, 0), it.tokens_per_day, it.repo.full_name)
        if it.has_own_tokens
        else None
        for it in allowances
    }
