"""Start an export of a lab's records, and record it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.policy.administering import require_runs
from portal.access.policy.permissions import Action
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.site.archives.exports import Export


@transaction.atomic
def start_export(*, actor: User, repo: ModelRepo, export: Export, form: str, now: datetime) -> None:
    """Record an export before its first row is sent: one that can't be recorded isn't made."""
    require_runs(actor, Action.ADMINISTER, repo)
    record(EventType.EXPORT_MADE, actor=actor, target=repo, at=now, rows=export.slug, form=form)
