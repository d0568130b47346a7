"""Let a revision out of quarantine: sign it, lead everybody to it and record it, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.contents import Content
from portal.catalog.lfs_rules import rules_of
from portal.catalog.logbook.services import add_entries
from portal.catalog.logbook.stored import new_entries
from portal.catalog.models import (
    Blob,
    File,
    ManifestKey,
    ModelRepo,
    Revision,
    RevisionCheck,
    RevisionSignature,
)
from portal.catalog.quarantine.naming import follow
from portal.catalog.services.companion_files import Signed, complete
from portal.catalog.services.lookup import contents_of, head_revision

Facts = Mapping[str, Any]


@transaction.atomic
def pass_revision(
    revision: Revision,
    *,
    actor: User | None,
    now: datetime,
    facts: Facts | None = None,
) -> None:
    """Sign a revision and show it to everybody whose way leads to it. Again it changes nothing.

    The caller has locked its repo, and the revision has passed its check: nothing that fails is
    ever signed. ``facts`` go into the event; what its logbook says is kept where it becomes
    ``main``. Raises NotPublishable for a logbook that can't be kept.
    """
    if not revision.is_quarantined:
        return
    standing, before = contents_of(revision), head_revision(revision.repo)
    signed = complete(revision.repo, list(standing.values()), now)
    add_files(revision, signed.contents, standing=standing)
    _add_signature(revision, signed, now)
    Revision.everything.filter(pk=revision.pk).release(now)
    revision.passed_at = now
    RevisionCheck.objects.filter(revision=revision).end_passed(now)
    follow(revision.repo)
    keep_entries_of_main(revision.repo, before, now)
    sizes = revision.all_files().aggregate(files=Count("pk"), size_bytes=Sum("blob__size_bytes"))
    record(
        EventType.REVISION_PUBLISHED,
        actor=actor,
        target=revision,
        at=now,
        repo=revision.repo.full_name,
        commit=revision.commit,
        **sizes,
        **_signature_of(revision),
        **(facts or {}),
    )


def keep_entries_of_main(repo: ModelRepo, before: Revision | None, now: datetime) -> None:
    """Keep what the logbook of a new head of ``main`` says and that of the one before did not.

    Raises NotPublishable for a logbook that can't be kept.
    """
    head = head_revision(repo)
    if head is None or head == before:
        return
    earlier = contents_of(before) if before else {}
    add_entries(repo, new_entries(earlier, contents_of(head)), now=now)


def add_files(
    revision: Revision, contents: Iterable[Content], *, standing: Iterable[str] = ()
) -> None:
    """Add the files that the revision doesn't have yet, by the LFS rules of all of them."""
    whole = {content.path: content for content in contents}
    rules = rules_of(whole)
    fresh = [file for path, file in whole.items() if path not in set(standing)]
    add_blobs(fresh)
    File.everything.bulk_create(
        [
            File(
                revision=revision,
                path=file.path,
                blob_id=file.sha256,
                lfs=rules.is_lfs(file.path, file.size_bytes) if file.lfs is None else file.lfs,
            )
            for file in fresh
        ]
    )


def add_blobs(contents: Iterable[Content]) -> None:
    """Add rows for stored bytes that have none yet."""
    Blob.objects.bulk_create(
        [
            Blob(sha256=file.sha256, git_sha1=file.git_sha1, size_bytes=file.size_bytes)
            for file in {file.sha256: file for file in contents}.values()
        ],
        ignore_conflicts=True,
    )


def _signature_of(revision: Revision) -> dict[str, str]:
    signatures = RevisionSignature.objects.filter(revision=revision).values(
        "blob_id", "key__fingerprint"
    )
    signature = signatures.first()
    return (
        {"signature": signature["blob_id"], "key": signature["key__fingerprint"]}
        if signature
        else {}
    )


def _add_signature(revision: Revision, signed: Signed, now: datetime) -> None:
    if signed.signature is None:
        return
    key, _ = ManifestKey.objects.get_or_create(
        fingerprint=signed.key_fingerprint,
        defaults={"public_pem": signed.public_key, "first_used_at": now},
    )
    RevisionSignature.objects.create(
        revision=revision, key=key, blob_id=signed.signature.sha256, signed_at=now
    )
