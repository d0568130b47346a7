"""Holds: one administrator stops access at once; lifting takes as many as the gate says."""

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
    """Hold back a person, an organization or a revision: one administrator is enough.

    Without a repo it binds on all of them, and a superuser places it. A hold on a revision binds
    every revision of the namespace that serves a file which it covers; ``only_files`` are patterns
    of their paths, by default the weights. A superuser's binds in all namespaces. The same hold
    again, while it stands, changes nothing.
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
    if standing := _twin(hold):
        return standing
    hold.reason, hold.placed_by, hold.placed_at = reason, actor, now
    blobs = hold.proposed_blobs
    hold.save()
    HeldBlob.objects.bulk_create([HeldBlob(hold=hold, blob_id=sha256) for sha256 in blobs])
    for person, repo in _told(hold, now):
        letters.send_placed(hold, person, repo=repo, now=now)
    record(EventType.HOLD_PLACED, actor=actor, target=hold, at=now, **_facts(hold))
    return hold


def _told(hold: Hold, now: datetime) -> Iterator[tuple[User, ModelRepo | None]]:
    """Yield each person to be told of the hold, once, with the model that their letter names.

    The model that the hold names comes first.
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
    """The hold that would be placed, unsaved: for its preview, and for placing it.

    Raises FieldErrors naming what is missing, Forbidden where this person may not.
    """
    repo = ModelRepo.objects.with_names().filter(pk=repo_id).first() if repo_id else None
    if repo_id is not None and repo is None:
        raise FieldErrors({"repo_id": "Choose the model, or all of them."})
    _require_holder_of_keys(actor, repo, now)
    if scope not in Scope.values:
        raise FieldErrors({"scope": "Choose what to hold: a person, an organization, a revision."})
    hold = Hold(scope=scope, repo=repo)
    found = _subject(hold, subject_id)
    if found is None:
        label = Scope(scope).label.lower()
        raise FieldErrors({"subject_id": f"Name {label} that is known here."})
    setattr(hold, scope, found)
    if isinstance(found, Revision):
        hold.everywhere = actor.is_superuser
        hold.proposed_blobs = covered_blobs(found, only_files)
    return hold


def _require_holder_of_keys(actor: User, repo: ModelRepo | None, now: datetime) -> None:
    if repo is None and not (actor.is_superuser and actor.is_active):
        raise Forbidden("A hold on all models is for the operators of this site.")
    if repo is not None and not may(actor, Action.ADMINISTER, repo, now).allowed:
        raise Forbidden("Only the people who administer this model may hold access to it.")


def _subject(hold: Hold, subject_id: int | None) -> User | Organization | Revision | None:
    if hold.scope == Scope.PERSON:
        return User.objects.filter(pk__in=[subject_id]).first()
    if hold.scope == Scope.ORGANIZATION:
        return Organization.objects.filter(pk__in=[subject_id]).first()
    if hold.repo is None:
        raise FieldErrors({"repo_id": "Choose the model whose revision it is."})
    return Revision.objects.filter(pk__in=[subject_id], repo=hold.repo).first()


def _twin(hold: Hold) -> Hold | None:
    """Under the lock of what is held, so that two at once place one."""
    subject = getattr(hold, hold.scope)
    type(subject).objects.select_for_update().get(pk=subject.pk)
    same = {"scope": hold.scope, "repo": hold.repo, hold.scope: subject}
    standing = Hold.objects.standing().filter(**same, everywhere=hold.everywhere)
    return next((twin for twin in standing if twin.blob_ids == hold.proposed_blobs), None)


def _facts(hold: Hold) -> dict[str, object]:
    return {
        "scope": str(hold.scope),
        "subject": getattr(hold, f"{hold.scope}_id"),
        "repo": hold.repo_id,
        **({"blobs": len(hold.blob_ids), "everywhere": hold.everywhere} if hold.revision else {}),
    }


def lift_quorum(hold: Hold) -> int:
    """How many distinct people lift it."""
    return SITE_LIFT_QUORUM if hold.repo is None else settings_of(hold.repo).lift_quorum


@transaction.atomic
def lift_hold(*, actor: User, hold_id: int, reason: str, now: datetime) -> Hold:
    """Give one’s word that a hold may end; at the quorum it does. Again changes nothing."""
    hold = _managed(actor, hold_id)
    if hold.lifted_at is not None or hold.lifts.filter(person=actor).exists():
        return hold
    _require_holder_of_keys(actor, hold.repo, now)
    if is_held(actor, hold, now):
        raise HeldBack("You are held back yourself, so somebody else must lift this hold.")
    reason = require_text(reason, "reason", missing="Say why it may end; the record keeps it.")
    lift = HoldLift.objects.create(hold=hold, person=actor, reason=reason, given_at=now)
    record(EventType.HOLD_LIFT_GIVEN, actor=actor, target=hold, at=now, lift=lift.pk)
    if len(_valid_lifts(hold, now)) >= lift_quorum(hold):
        _lift(hold, actor, now)
    return hold


def _managed(actor: User, hold_id: int) -> Hold:
    locked = Hold.objects.select_for_update(of=("self",)).select_related("repo__namespace")
    hold: Hold | None = locked.filter(pk=hold_id).first()
    if hold is None or not Hold.objects.manageable_by(actor).filter(pk=hold_id).exists():
        raise HoldNotFound
    return hold


def is_held(person: User, hold: Hold, now: datetime) -> bool:
    """Whether a standing hold binds this person where ``hold`` does."""
    standing = Hold.objects.of_person(person, now)
    if hold.repo is not None:
        standing = standing.filter(repo=None) | standing.filter(repo=hold.repo)
    return bool(standing.exists())


def _valid_lifts(hold: Hold, now: datetime) -> list[HoldLift]:
    """Those of people who may still lift it, and aren’t held back by now."""
    given = [each for each in hold.lifts.select_related("person") if each.person.is_active]
    return [
        lift
        for lift in given
        if Hold.objects.manageable_by(lift.person).filter(pk=hold.pk).exists()
        and not is_held(lift.person, hold, now)
    ]


def _lift(hold: Hold, actor: User, now: datetime) -> None:
    hold.lifted_at = now
    hold.save(update_fields=["lifted_at"])
    for person, repo in _told(hold, now):
        letters.send_lifted(hold, person, repo=repo, now=now)
    record(EventType.HOLD_LIFTED, actor=actor, target=hold, at=now, **_facts(hold))
