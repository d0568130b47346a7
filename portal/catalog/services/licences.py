"""Publish licence texts, each under its own sha256; a published text never changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.licensing.drafting import LicenceDraft, draft_version, licence_of
from portal.catalog.models import Licence, LicenceVersion, ModelRepo


@transaction.atomic
def publish_licence_version(*, actor: User, now: datetime, **fields: Any) -> LicenceVersion:
    """Publish a text, in force from ``effective_at``, or from now on.

    ``fields`` are those of a ``LicenceDraft``. The same version with the same text again changes
    nothing; another text under a version that stands, or the same text under another version, is
    refused.
    """
    draft = LicenceDraft(**fields)
    # Locked before the right is asked and the versions are read: two people may publish at once.
    _lock_licence(draft)
    published = draft_version(actor=actor, draft=draft, now=now)
    if published.pk is not None:
        return published
    licence = published.licence
    licence.save(update_fields=["namespace"])
    published.full_clean(exclude=["terms"])  # which may be empty
    published.save()
    facts = {"licence": licence.slug, "version": published.version, "kind": str(published.kind)}
    facts |= {"language": published.language}
    facts |= {"sha256": published.sha256, "effective_at": published.effective_at.isoformat()}
    facts |= {"namespace": licence.namespace.name} if licence.namespace else {}
    record(EventType.LICENCE_PUBLISHED, actor=actor, target=published, at=now, **facts)
    return published


def _lock_licence(draft: LicenceDraft) -> None:
    """Lock the licence, making it if it is new: its versions are published one after another."""
    new = licence_of(draft)
    if new.pk is None:
        facts = {"name": new.name, "namespace": new.namespace}
        Licence.objects.get_or_create(slug=new.slug, defaults=facts)
    Licence.objects.select_for_update(no_key=True).get(slug=draft.slug)


def version_in_force(repo: ModelRepo, now: datetime) -> LicenceVersion | None:
    """Return the licence version in force for a repo, without its text; None if it has none."""
    return versions_in_force([repo], now).get(repo.pk)


def require_version_in_force(repo: ModelRepo, *, now: datetime) -> LicenceVersion:
    """Return the licence version in force, text and all, for a gated repo: it always has one."""
    version = LicenceVersion.objects.filter(licence=repo.licence).in_force_at(now).first()
    if version is None:
        raise LicenceVersion.DoesNotExist(f"{repo.full_name} has no licence in force")
    return version


def versions_in_force(repos: Iterable[ModelRepo], now: datetime) -> dict[int, LicenceVersion]:
    """Return the licence versions in force by repo id, for many repos in one query."""
    under = {repo.pk: repo.licence_id for repo in repos if repo.licence_id}
    if not under:
        return {}
    versions = LicenceVersion.objects.filter(licence__in=set(under.values())).in_force_at(now)
    newest: dict[int, LicenceVersion] = {}
    for version in versions.select_related("licence").defer("text"):
        newest.setdefault(version.licence_id, version)
    return {pk: newest[licence] for pk, licence in under.items() if licence in newest}


def licence_files(repo: ModelRepo, now: datetime) -> dict[str, str]:
    """Return the files that go with every copy of a repo: the text as it is signed, the notice."""
    version = version_in_force(repo, now)
    if version is None:
        return {}
    return {"LICENSE": version.text, "NOTICE": f"{version.attribution}\n"}
