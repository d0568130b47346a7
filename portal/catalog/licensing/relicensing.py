"""Bring main up to date with the licence in force, so that what is delivered is what is signed.

A revision never changes, so a text that comes into force makes the next one: the same files, with
the newer LICENSE and NOTICE, checksums and signature. The clock does it, since a version may come
into force weeks after it was published. A LICENSE of the lab's own stays. Where a commit to main is
in quarantine, main waits for what becomes of it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.catalog.models import File, LicenceVersion, ModelRepo, PendingRef, Ref, Revision
from portal.catalog.quarantine.naming import tip_of
from portal.catalog.services.companion_files import with_notices
from portal.catalog.services.licences import require_version_in_force
from portal.catalog.services.lookup import DEFAULT_BRANCH, contents_of, head_revision
from portal.catalog.services.revisions import release_revision

log = logging.getLogger(__name__)
AT_ONCE = 100


def relicense_due(now: datetime) -> int:
    """Renew the licence files of each main that lags behind. Return how many were renewed.

    One that can't be is logged and tried again at the next call; the others don't wait for it.
    """
    done = 0
    for repo_id in list(repos_to_relicense(now).values_list("pk", flat=True)):
        if done == AT_ONCE:
            break
        try:
            done += relicense(repo_id, now) is not None
        except Exception:  # a store that fails too
            log.exception("The licence of repo %s could not be renewed", repo_id)
    return done


def repos_to_relicense(now: datetime) -> QuerySet[ModelRepo]:
    """Select repos whose main has the LICENSE of another version than the one in force."""
    delivered = File.objects.filter(
        path="LICENSE",
        revision__refs__repo=OuterRef("pk"),
        revision__refs__kind=Ref.Kind.BRANCH,
        revision__refs__name=DEFAULT_BRANCH,
    )
    versions = LicenceVersion.objects.filter(licence=OuterRef("licence"))
    repos = ModelRepo.objects.filter(deleted_at=None).annotate(
        delivered=Subquery(delivered.values("blob_id")[:1]),
        in_force=Subquery(versions.in_force_at(now).values("sha256")[:1]),
    )
    ours = Exists(versions.filter(sha256=OuterRef("delivered")))
    pending = PendingRef.objects.filter(
        repo=OuterRef("pk"), kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH
    )
    return repos.filter(ours, ~Exists(pending)).exclude(delivered=F("in_force")).order_by("pk")


@transaction.atomic
def relicense(repo_id: int, now: datetime) -> Revision | None:
    """Make main's next revision, with the files of the licence in force.

    Its author is who published that text. Return None where main has them already.
    """
    repo = (
        ModelRepo.objects.select_for_update(of=("self",), no_key=True).with_names().get(pk=repo_id)
    )
    head = head_revision(repo, DEFAULT_BRANCH)
    if head is None or tip_of(repo, DEFAULT_BRANCH) != head:
        return None
    standing = contents_of(head)
    complete = with_notices(repo, standing, now)
    if complete == standing:
        return None
    version = require_version_in_force(repo, now=now)
    return release_revision(
        actor=_publisher_of(version) or head.author,
        repo_id=repo.pk,
        contents=list(complete.values()),
        title=f"{version} is in force",
        now=now,
        facts={"licence_sha256": version.sha256},
    )


def _publisher_of(version: LicenceVersion) -> User | None:
    published = AuditEvent.objects.filter(
        type=EventType.LICENCE_PUBLISHED,
        target_type=LicenceVersion._meta.label_lower,
        target_id=str(version.pk),
    )
    event = published.select_related("actor").first()
    return event.actor if event else None
