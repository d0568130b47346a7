"""Hold captures to their budget: bytes of a day, and bytes in all, of one person and one model.

What is captured counts once, as its file is made. To download it again costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Q, Sum, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import User
from portal.formatting import seconds_to_midnight, size, start_of_day
from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.jobs.models import Job
from portal.jobs.querysets import OPEN_STATES
from portal.jobs.quota import Allowance


@dataclass(frozen=True)
class EgressBudget:
    """A budget of bytes, and what is used of it; ``limit`` is None where there is none."""

    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(self.limit - self.used, 0)

    def has_room_for(self, size_bytes: int) -> bool:
        return self.limit is None or size_bytes <= self.limit - self.used

    @property
    def in_words(self) -> str:
        """Say what is used of it; "" where there is no limit."""
        if self.limit is None:
            return ""
        return _("%(used)s of %(limit)s") % {"used": size(self.used), "limit": size(self.limit)}

    @property
    def as_dict(self) -> dict[str, int | None] | None:
        """Return it as programs read it; None where there is no limit."""
        if self.limit is None:
            return None
        return {"limit": self.limit, "used": self.used, "left": self.left}


@dataclass(frozen=True)
class EgressUse:
    """The bytes that a person has taken out of a model, or may yet take by jobs that are open."""

    day: EgressBudget
    total: EgressBudget

    def with_job(self, size_bytes: int) -> EgressUse:
        """Return the use once one more job is open."""
        return EgressUse(
            replace(self.day, used=self.day.used + size_bytes),
            replace(self.total, used=self.total.used + size_bytes),
        )

    @property
    def in_words(self) -> str:
        """Say what has left of each budget that has a limit."""
        periods = (
            (_("%(bytes)s today"), self.day.in_words),
            (_("%(bytes)s in all"), self.total.in_words),
        )
        return ", ".join(text % {"bytes": words} for text, words in periods if words)

    def fits(self, size_bytes: int) -> bool:
        return self.day.has_room_for(size_bytes) and self.total.has_room_for(size_bytes)

    @property
    def headers(self) -> dict[str, str]:
        """Return what is left as headers; without those of a budget that has no limit."""
        budgets = {"day": self.day, "total": self.total}
        return {
            f"x-weightgate-egress-{name}-{period}": str(number)
            for period, budget in budgets.items()
            for name, number in (("limit", budget.limit), ("remaining", budget.left))
            if number is not None
        }


def egress_use_of(person: User, allowance: Allowance, now: datetime) -> EgressUse:
    """Count what has left, and what open jobs may yet take, in one query."""
    taken = Case(
        When(state__in=OPEN_STATES, then=F("reserved_capture_bytes")), default=F("capture_bytes")
    )
    today = Q(created_at__gte=start_of_day(now))
    jobs = Job.objects.of(person).filter(repo=allowance.repo, reserved_capture_bytes__gt=0)
    used: dict[str, Any] = jobs.aggregate(
        day=Coalesce(Sum(taken, filter=today), 0), total=Coalesce(Sum(taken), 0)
    )
    return EgressUse(
        EgressBudget(allowance.egress_bytes_per_day, int(used["day"])),
        EgressBudget(allowance.egress_bytes_total, int(used["total"])),
    )


def require_egress(use: EgressUse, wanted: int, now: datetime) -> None:
    """Refuse captures that the budget has no room for.

    Raises BadParameter where waiting never helps, else QuotaExceeded, which says until when.
    """
    if use.total.left is not None and not use.total.has_room_for(wanted):
        text = _("These captures may come to %(wanted)s, and %(left)s are left in all.")
        said = text % {"wanted": size(wanted), "left": size(use.total.left)}
        raise BadParameter(f"{said} {ADVICE}", field="capture")
    if use.day.limit is not None and wanted > use.day.limit:
        text = _("These captures may come to %(wanted)s, and %(limit)s are all of a day’s.")
        said = text % {"wanted": size(wanted), "limit": size(use.day.limit)}
        raise BadParameter(f"{said} {ADVICE}", field="capture")
    if use.day.left is not None and not use.day.has_room_for(wanted):
        text = _(
            "These captures may come to %(wanted)s, and %(left)s are left today. More from 00:00 "
            "UTC."
        )
        raise QuotaExceeded(
            text % {"wanted": size(wanted), "left": size(use.day.left)},
            retry_after_seconds=seconds_to_midnight(now),
        )


ADVICE = gettext_lazy("Name fewer layers or positions, a reduction, or a narrower dtype.")
