"""Save a lab's own questions: each change makes a new version, and no version ever changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.access.gate.question_rules import checked_questions
from portal.access.models import RequestForm
from portal.access.policy.administering import lock_administered_repo
from portal.access.requests.form.questions import newest_form
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict


@transaction.atomic
def save_request_form(
    *,
    actor: User,
    repo_id: int,
    fields: Sequence[Mapping[str, Any]],
    now: datetime,
    over: int | None = None,
) -> RequestForm | None:
    """Ask these questions from now on, in this order within each step.

    ``over``: the version that was changed; raise Conflict if somebody has saved another since.
    Saving the same questions again makes no new version.
    """
    repo = lock_administered_repo(actor, repo_id)
    newest = newest_form(repo)
    if over is not None and over != (newest.version if newest else 0):
        raise Conflict("Somebody changed these questions meanwhile. Look at them, and try again.")
    stored = [question.stored() for question in checked_questions(fields, repo)]
    if stored == (newest.fields if newest else []):
        return newest
    form = RequestForm.objects.create(
        repo=repo,
        version=newest.version + 1 if newest else 1,
        fields=stored,
        created_by=actor,
        created_at=now,
    )
    record(
        EventType.REQUEST_FORM_SAVED,
        actor=actor,
        target=repo,
        at=now,
        version=form.version,
        questions=[question["name"] for question in stored],
    )
    return form
