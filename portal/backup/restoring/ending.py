"""An ending of the log, as it is repeated in a restored database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.accounts.models import User
from portal.audit.models import AuditEvent

REASON = "Ended before; repeated when the site was restored from a backup."


@dataclass(frozen=True)
class Ending:
    """An event of the lost database. ``operator`` stands in for people who aren't there."""

    event: AuditEvent
    operator: User
    now: datetime

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.event.data
        return data

    @property
    def target_id(self) -> int:
        return int(self.event.target_id)

    @property
    def actor(self) -> User:
        """Return who did it, or the operator where they have no account in the backup."""
        return User.objects.filter(pk__in=[self.event.actor_id]).first() or self.operator

    @property
    def facts(self) -> dict[str, Any]:
        """Return what the repeated event says of the one that it repeats."""
        return {"repeats": self.event.hash}

    def person(self, name: str = "user") -> User | None:
        """Return the person whom the data name, where the backup knows them."""
        return User.objects.filter(username=self.data.get(name, "")).first()
