"""Legal holds: one administrator stops access at once; lifting one takes a quorum of the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction

from portal.access.errors import HeldBack, HoldNotFound
from portal.access.holds.held_bytes import covered_blobs, held_repos
from portal.access.holds.impact import held_people
from portal.access.letters import holds as letters
from portal.access.models import HeldBlob, Hold, HoldLift
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import Organization, User
from portal.accounts.operating import require_operator
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, Revision
from portal.errors import FieldErrors, Forbidden
from portal.parsing.texts import require_text

SITE_LIFT_QUORUM = 2
Scope = Hold.Scope


@transaction.atomic
def place_hold(
    *,
    actor: User,
    scope: str,
    subject_id: int | None,
    repo_id: int | None,
    reason: str,
    now: datetime,
    only_files: Sequence[str] = (),
) -> Hold:
    """Stop the access of a person or an organization, or to a revision, at once.

    Without a repo the hold binds on all repos, and only a superuser may place it. A hold on a
    revision binds every revision of the namespace, or of all namespaces if a superuser places it,
    that serves a file which it covers; ``only_files`` are patterns of paths, by default the
    weights. Placing the same hold again, while it stands, changes nothing.
    """
    hold = proposed(
        actor=actor,
        scope=scope,
        subject_id=subject_id,
        repo_id=repo_id,
        now=now,
        only_files=only_files,
    )
    reason = require_text(reason, "reason", missing="Say why; those who are held back read it.")
    if standing := _same_standing(hold):
        return standing
    hold.reason, hold.placed_by, hold.placed_at = reason, actor, now
    # Read before the hold has a key: from then on ``blob_ids`` reads the rows made here.
    blobs = hold.proposed_blobs
    hold.save()
    HeldBlob.objects.bulk_create([HeldBlob(hold=hold, blob_id=sha256) for sha256 in blobs])
    for person, repo in _people_to_tell(hold, now):
        letters.send_placed(hold, person, repo=repo, now=now)
    record(EventType.HOLD_PLACED, actor=actor, target=hold, at=now, **_facts(hold))
    return hold


def _people_to_tell(hold: Hold, now: datetime) -> Iterator[tuple[User, ModelRepo | None]]:
    """Yield each person to be told of the hold, once, with the model that their letter names.

    The model that the hold names comes first, so that a letter names that one where it can.
    """
    others = held_repos(hold) if hold.revision is not None else ModelRepo.objects.none()
    written: set[int] = set()
    for repo in (hold.repo, *others):
        for person in held_people(hold, now, repo=repo):
            if person.pk not in written:
                written.add(person.pk)
                yield person, repo


def proposed(
    *,
    actor: User,
    scope: str,
    subject_id: int | None,
    repo_id: int | None,
    now: datetime,
    only_files: Sequence[str] = (),
) -> Hold:
    """Return the hold that would be placed, unsaved: for its preview, and for placing it.

    Raise FieldErrors naming what is missing, Forbidden where the actor may not place it.
    """
    repo = ModelRepo.objects.with_names().filter(pk=repo_id).first() if repo_id else None
    if repo_id is not None and repo is None:
        raise FieldErrors({"repo_id": "Choose the model, or all of them."})
    _require_may_hold(actor, repo, now)
    if scope not in Scope.values:
        raise FieldErrors({"scope": "Choose what to hold: a person, an organization, a revision."})
    hold = Hold(scope=scope, repo=repo)
    subject = _subject(hold, subject_id)
    if subject is None:
        label = Scope(scope).label.lower()
        raise FieldErrors({"subject_id": f"Name {label} that is known here."})
    setattr(hold, scope, subject)
    if isinstance(subject, Revision):
        hold.everywhere = actor.is_superuser
        hold.proposed_blobs = covered_blobs(subject, only_files)
    return hold


def _require_may_hold(actor: User, repo: ModelRepo | None, now: datetime) -> None:
    if repo is None:
        require_operator(actor, "hold access to all models")
    elif not may(actor, Action.ADMINISTER, repo, now).allowed:
        raise Forbidden("Only the people who administer this model may hold access to it.")


def _subject(hold: Hold, subject_id: int | None) -> User | Organization | Revision | None:
    if hold.scope == Scope.PERSON:
        return User.objects.filter(pk__in=[subject_id]).first()
    if hold.scope == Scope.ORGANIZATION:
        return Organization.objects.filter(pk__in=[subject_id]).first()
    if hold.repo is None:
        raise FieldErrors({"repo_id": "Choose the model whose revision it is."})
    return Revision.objects.filter(pk__in=[subject_id], repo=hold.repo).first()


def _same_standing(hold: Hold) -> Hold | None:
    """Find a standing hold that stops the same, after locking what is held.

    The lock keeps two administrators who press the button at once from placing two holds.
    """
    subject = getattr(hold, hold.scope)
    type(subject).objects.select_for_update(no_key=True).get(pk=subject.pk)
    values = {"scope": hold.scope, "repo": hold.repo, hold.scope: subject}
    standing = Hold.objects.standing().filter(**values, everywhere=hold.everywhere)
    return next((same for same in standing if same.blob_ids == hold.proposed_blobs), None)


def _facts(hold: Hold) -> dict[str, object]:
    return {
        "scope": str(hold.scope),
        "subject": getattr(hold, f"{hold.scope}_id"),
        "repo": hold.repo_id,
        **({"blobs": len(hold.blob_ids), "everywhere": hold.everywhere} if hold.revision else {}),
    }


def lift_quorum(hold: Hold) -> int:
    """Return how many people must agree to lift a hold."""
    return SITE_LIFT_QUORUM if hold.repo is None else settings_of(hold.repo).lift_quorum


@transaction.atomic
def lift_hold(*, actor: User, hold_id: int, reason: str, now: datetime) -> Hold:
    """Agree to lift a hold; it ends once the quorum agrees. Agreeing again changes nothing."""
    hold = _managed(actor, hold_id)
    if hold.lifted_at is not None or hold.lifts.filter(person=actor).exists():
        return hold
    _require_may_hold(actor, hold.repo, now)
    # Else somebody who is held for a breach could be one of those who let themselves back in.
    if is_held(actor, hold, now):
        raise HeldBack("You are held back yourself, so somebody else must lift this hold.")
    reason = require_text(reason, "reason", missing="Say why it may end; the record keeps it.")
    lift = HoldLift.objects.create(hold=hold, person=actor, reason=reason, given_at=now)
    record(EventType.HOLD_LIFT_GIVEN, actor=actor, target=hold, at=now, lift=lift.pk)
    if len(_valid_lifts(hold, now)) >= lift_quorum(hold):
        _lift(hold, actor, now)
    return hold


def _managed(actor: User, hold_id: int) -> Hold:
    locked = Hold.objects.select_for_update(of=("self",), no_key=True).select_related(
        "repo__namespace"
    )
    hold: Hold | None = locked.filter(pk=hold_id).first()
    if hold is None or not Hold.objects.manageable_by(actor).filter(pk=hold_id).exists():
        raise HoldNotFound
    return hold


def is_held(person: User, hold: Hold, now: datetime) -> bool:
    """Tell whether a standing hold binds this person where ``hold`` does."""
    standing = Hold.objects.of_person(person, now)
    if hold.repo is not None:
        standing = standing.filter(repo=None) | standing.filter(repo=hold.repo)
    return bool(standing.exists())


def _valid_lifts(hold: Hold, now: datetime) -> list[HoldLift]:
    """List the agreements of people who may still lift the hold, and aren't held themselves."""
    return [
        lift
        for lift in hold.lifts.select_related("person")
        if lift.person.is_active
        and Hold.objects.manageable_by(lift.person).filter(pk=hold.pk).exists()
        and not is_held(lift.person, hold, now)
    ]


def _lift(hold: Hold, actor: User, now: datetime) -> None:
    hold.lifted_at = now
    hold.save(update_fields=["lifted_at"])
    for person, repo in _people_to_tell(hold, now):
        letters.send_lifted(hold, person, repo=repo, now=now)
    record(EventType.HOLD_LIFTED, actor=actor, target=hold, at=now, **_facts(hold))
