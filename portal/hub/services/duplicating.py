"""Copy a model under another name: the same bytes behind the same gate."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.gate.question_versions import save_request_form
from portal.access.gate.settings import gate_values, save_gate
from portal.access.models import Hold
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.form.questions import newest_form
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.errors import RevisionNotFound
from portal.catalog.labs.seats import seat_holders
from portal.catalog.licensing.hosting import carry_right
from portal.catalog.models import ModelRepo, TeamMember
from portal.catalog.quarantine.checking import end_copied
from portal.catalog.services.commits import Add, receive_changes
from portal.catalog.services.lookup import DEFAULT_BRANCH, contents_of, head_revision
from portal.catalog.services.repos import add_team_member, create_repo, locked_for_publishing
from portal.errors import Forbidden
from portal.hub.services.repos import begin_history

CARRIED = (
    "summary",
    "why_gated",
    "family",
    "parameters",
    "context_length",
    "download_gate",
    "inference_gate",
    "licence",
    "decision_days",
    "pickles_allowed",
)


@transaction.atomic
def duplicate_repo(
    *, actor: User, repo_id: int, namespace: str, name: str, private: bool, now: datetime
) -> ModelRepo:
    """Copy what ``main`` holds into a new repo, for whoever may publish in both namespaces.

    The copy keeps gate, licence, team, the gate's settings and the lab's questions, since the same
    weights must not be had more easily under another name; what a hold stops is not copied. By
    what right they are hosted goes along; where nobody has stated it, the copy waits for that.
    Grants, requests and hosting stay behind.
    """
    source = locked_for_publishing(actor, repo_id)
    head = head_revision(source)
    if head is None:
        raise RevisionNotFound(f"{source.full_name} has nothing to copy yet.")
    if Hold.objects.on(actor, source, head, now).exists():
        raise Forbidden(
            f"Access to {source.full_name} is suspended, and so is copying it. Ask for the hold to "
            "be lifted first."
        )
    carried = {setting: getattr(source, setting) for setting in CARRIED}
    copy = create_repo(
        actor=actor, namespace=namespace, name=name, private=private, now=now, **carried
    )
    # The gate comes before the files: there is no moment at which they stand in the open.
    _copy_gate(source, copy, actor, now)
    carry_right(source, copy)
    begin_history(copy, actor, now)
    copied = receive_changes(
        actor=actor,
        repo_id=copy.pk,
        branch=DEFAULT_BRANCH,
        changes=[Add(content) for content in contents_of(head).values()],
        title=f"Duplicate {source.full_name}",
        message=f"At {head.commit}",
        now=now,
    )
    # The same files have passed their check where they come from.
    end_copied(copied, actor=actor, now=now)
    record(
        EventType.REPO_DUPLICATED,
        actor=actor,
        target=copy,
        at=now,
        name=copy.full_name,
        source=source.full_name,
        commit=head.commit,
    )
    return copy


def _copy_gate(source: ModelRepo, copy: ModelRepo, actor: User, now: datetime) -> None:
    """Copy the gate, its team first: settings that the team can't live up to are refused."""
    seats = {member.user: TeamMember.Role(member.role) for member in source.team.all()}
    if copy.takes_requests and not seats and not seat_holders(copy).exists():
        seats = {actor: TeamMember.Role.ADMINISTRATOR}
    for user, role in seats.items():
        add_team_member(actor=actor, repo_id=copy.pk, user=user, role=role, now=now)
    values = gate_values(settings_of(source), source)
    save_gate(actor=actor, repo_id=copy.pk, values=values, now=now)
    if form := newest_form(source):
        save_request_form(actor=actor, repo_id=copy.pk, fields=form.fields, now=now)
