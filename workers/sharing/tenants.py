"""The tenants among whom the engine is shared, and how much of it is each one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import NamedTuple

from django.conf import settings

from portal.jobs.models import Job


class Tenant(NamedTuple):
    """An organization, or a person without one, with its jobs of one kind."""

    organization_id: int | None
    person_id: int | None  # of somebody without an organization
    is_batch: bool
    has_floor: bool

    @classmethod
    def of(cls, job: Job) -> Tenant:
        person_id = job.person_id if job.organization_id is None else None
        return cls(job.organization_id, person_id, job.is_batch, job.has_floor)

    @property
    def account(self) -> tuple[int | None, int | None, bool]:
        """Return what the tenant's weight belongs to, whether or not its jobs have a floor."""
        return self[:3]


def weight_of(job: Job) -> float:
    return job.organization.weight if job.organization is not None else 1


def effective_weights(weights: Mapping[Tenant, float]) -> dict[Tenant, float]:
    """Return the weights by which those who are here now share the engine.

    Batch jobs together weigh what their guaranteed share takes, beside interactive ones. Jobs with
    a floor together weigh at least what the floor takes, and more where that is their due.
    """
    accounts = Counter(tenant.account for tenant in weights)
    shared = {tenant: weight / accounts[tenant.account] for tenant, weight in weights.items()}
    batch = {tenant for tenant in shared if tenant.is_batch}
    _scale(shared, batch, _factor(shared, batch, settings.BATCH_PERCENT))
    floor = {tenant for tenant in shared if tenant.has_floor}
    _scale(shared, floor, max(1.0, _factor(shared, floor, settings.FLOOR_PERCENT)))
    return shared


def _factor(weights: Mapping[Tenant, float], part: Set[Tenant], percent: int) -> float:
    """Return what to multiply a part's weights by, so that it has this much of the whole."""
    of_part = sum(weights[tenant] for tenant in part)
    rest = sum(weights.values()) - of_part
    if not of_part or len(part) == len(weights):
        return 1.0
    return percent / (100 - percent) * rest / of_part


def _scale(weights: dict[Tenant, float], part: Set[Tenant], factor: float) -> None:
    for tenant in part:
        weights[tenant] *= factor
