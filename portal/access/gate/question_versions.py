"""Save a lab's own questions: each change makes a new version, and no version ever changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.access.gate.question_rules import checked_questions
from portal.access.models import RequestForm
from portal.access.policy.administering import lock_administered_repo
from portal.access.requests.form.questions import lab_questions, newest_form
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
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


def forms_to_copy(actor: User, repo: ModelRepo) -> QuerySet[ModelRepo]:
    """Select the lab's other models whose questions the actor may read, and which have any."""
    others = ModelRepo.objects.administered_by(actor).filter(namespace=repo.namespace)
    asking = others.filter(deleted_at__isnull=True, request_forms__isnull=False)
    return asking.exclude(pk=repo.pk).distinct().order_by("name")


def copy_questions(
    *, actor: User, repo_id: int, source: ModelRepo, over: int, now: datetime
) -> int:
    """Ask what another model of the lab asks too; return how many questions were added.

    A question stays as it is here where this model has one of that name.
    """
    repo = ModelRepo.objects.get(pk=repo_id)
    own = lab_questions(newest_form(repo))
    names = {question.name for question in own}
    added = [
        question for question in lab_questions(newest_form(source)) if question.name not in names
    ]
    fields = [question.stored() for question in (*own, *added)]
    save_request_form(actor=actor, repo_id=repo_id, fields=fields, over=over, now=now)
    return len(added)
