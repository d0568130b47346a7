"""Spell rows as the Hub's clients read them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from html import escape
from typing import Any

from django.conf import settings

from portal.access.lifecycle import given_at
from portal.access.models import AccessRequest, Submission
from portal.access.requests.form.answers import readable_answers
from portal.accounts.models import AccessToken, Namespace, Scope, User
from portal.catalog.contents import git_blob_sha1, lfs_pointer
from portal.catalog.formats.pickle_imports import Safety
from portal.catalog.models import (
    File,
    Gate,
    LicenceVersion,
    ModelRepo,
    PendingRef,
    PickleScan,
    Ref,
    Revision,
)
from portal.hub.http import timestamp
from portal.hub.metadata.tags import with_licence
from portal.hub.models import RevisionCard

GATED: dict[str, str | bool] = {Gate.OPEN: False, Gate.LICENCE: "auto", Gate.REVIEW: "manual"}


def tags(repo: ModelRepo, card: RevisionCard | None) -> list[str]:
    """Return a model's tags; ``hub.listing`` filters by the same."""
    stated = list(card.tags) if card else []
    own = [repo.family.lower()] if repo.family and repo.family.lower() not in stated else []
    everything = [*stated, *own]
    return with_licence(everything, repo.licence.slug) if repo.licence else everything


def model(
    repo: ModelRepo,
    head: Revision | None,
    files: list[File] | None = None,
    *,
    card: RevisionCard | None,
    licence: LicenceVersion | None,
    downloads: int,
    blobs: bool = False,
) -> dict[str, Any]:
    """Describe a repo at a revision, under the licence in force; with ``files``, its siblings too.

    ``cardData`` is what the card says at that revision, but for the licence, which is the portal's.
    """
    content: dict[str, Any] = {
        "_id": f"{repo.pk:024x}",  # what stays through renames, in the form of the Hub's
        "id": repo.full_name,
        "modelId": repo.full_name,
        "author": repo.namespace.name,
        "sha": head.commit if head else None,
        "private": repo.private,
        "gated": GATED[repo.download_gate],
        "disabled": False,
        "downloads": downloads,
        "likes": 0,  # nobody likes a model here; clients until 0.23 need the field
        "createdAt": timestamp(repo.created_at),
        "lastModified": timestamp(head.created_at if head else repo.created_at),
        "tags": tags(repo, card),
        "pipeline_tag": (card.pipeline if card else "") or None,
        "library_name": (card.library if card else "") or None,
        "cardData": {**(card.metadata if card else {}), **_licence(licence)},
        "config": {"model_type": repo.family.lower()} if repo.family else {},
    }
    if files is not None:
        content["siblings"] = [sibling(file, blobs=blobs) for file in files]
    return content


def _licence(version: LicenceVersion | None) -> dict[str, str]:
    """Return the Hub's fields of a custom licence, with its sha256 and the notice to keep."""
    if version is None:
        return {}
    return {
        "license": "other",
        "license_name": version.licence.slug,
        "license_link": f"{settings.BASE_URL}{version.path}",
        "license_version": version.version,
        "license_sha256": version.sha256,
        "attribution": version.attribution,
    }


def sibling(file: File, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.path}
    size = file.blob.size_bytes
    content: dict[str, Any] = {"rfilename": file.path, "size": size, "blobId": oid(file)}
    if file.lfs:
        content["lfs"] = {
            "sha256": file.blob_id,
            "size": size,
            "pointerSize": len(pointer(file)),
        }
    return content


def entry(file: File) -> dict[str, Any]:
    """Describe a file in a tree."""
    size = file.blob.size_bytes
    content: dict[str, Any] = {
        "type": "file",
        "path": file.path,
        "oid": oid(file),
        "size": size,
    }
    if file.lfs:
        content["lfs"] = {"oid": file.blob_id, "size": size, "pointerSize": len(pointer(file))}
    return content


def pickle_status(scan: PickleScan) -> dict[str, Any]:
    """Describe what a scan found in a pickle, as the Hub's clients read it."""
    status = "safe" if scan.safety == Safety.TENSORS else "caution"
    unusual = set(scan.unusual)
    imports = [
        {
            "module": name.rpartition(".")[0],
            "name": name.rpartition(".")[2],
            "safety": "suspicious" if name in unusual else "innocuous",
        }
        for name in scan.names
    ]
    return {
        "status": status,
        "avScan": None,
        "pickleImportScan": {"status": status, "pickleImports": imports},
    }


def directory(path: str, files: list[File]) -> dict[str, Any]:
    """Describe a folder; its id is a hash of what is in it."""
    content = "\n".join(f"{file.path} {file.etag}" for file in files)
    digest = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "path": path, "oid": digest, "size": 0}


def pointer(file: File) -> bytes:
    """Return the pointer that git stores in the place of an LFS file."""
    return lfs_pointer(file.blob_id, file.blob.size_bytes)


def oid(file: File) -> str:
    """Return git's id of the file, which is that of the pointer for an LFS file."""
    if not file.lfs:
        return file.blob.git_sha1
    return git_blob_sha1(pointer(file))


def lfs_file(file: File) -> dict[str, Any]:
    """Describe a large file among all that the repo ever held."""
    return {
        "fileOid": file.blob_id,
        "oid": file.blob_id,
        "filename": file.path,
        "size": file.blob.size_bytes,
        "pushedAt": timestamp(file.revision.created_at),
        "ref": None,
    }


def last_commit(revision: Revision) -> dict[str, str]:
    return {
        "id": revision.commit,
        "title": revision.title,
        "date": timestamp(revision.created_at),
    }


def commit(revision: Revision, *, formatted: bool) -> dict[str, Any]:
    content: dict[str, Any] = {
        **last_commit(revision),
        "message": revision.message,
        "authors": [{"user": revision.author.username}],
    }
    if formatted:
        content["formatted"] = {
            "title": escape(revision.title),
            "message": escape(revision.message),
        }
    return content


def ref(row: Ref | PendingRef) -> dict[str, str]:
    return {"name": row.name, "ref": row.full_name, "targetCommit": row.revision.commit}


def access_request_row(request: AccessRequest, status: str) -> dict[str, Any]:
    """Describe a request in one of the lists, with the answers of its newest snapshot."""
    snapshot = max(request.submissions.all(), key=lambda submission: submission.number)
    moment = request.closed_at or request.submitted_at or request.created_at
    return _listed(str(request.pk), status, moment, request.applicant, snapshot)


def grant_row(grant: Any) -> dict[str, Any]:
    """Describe a grant by the request that it answers, or by its own name without one.

    ``shows_answers`` is an annotation of the list's queryset.
    """
    decision = grant.decision
    return _listed(
        str(decision.request_id) if decision else grant.reference,
        "accepted",
        given_at(grant),
        grant.person,
        decision.submission if decision and grant.shows_answers else None,
    )


def _listed(
    request_id: str, status: str, moment: datetime, user: User, snapshot: Submission | None
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "requestId": request_id,
        "status": status,
        "timestamp": timestamp(moment),
        "user": {"user": user.username, "fullname": user.display_name, "email": user.email},
    }
    if snapshot is not None:
        answers = readable_answers(snapshot.answers, form=snapshot.form)
        content["fields"] = {str(answer.label): answer.text for answer in answers}
    return content


def person(user: User, token: AccessToken, labs: list[Namespace]) -> dict[str, Any]:
    role = "write" if Scope.PUBLISH in token.scopes else "read"
    return {
        "type": "user",
        "id": str(user.pk),
        "name": user.username,
        "fullname": user.display_name,
        "email": user.email,
        "emailVerified": user.has_verified_email,
        "isPro": False,
        "orgs": [
            {"type": "org", "id": str(lab.pk), "name": lab.name, "fullname": lab.display_name}
            for lab in labs
        ],
        "auth": {
            "type": "access_token",
            "accessToken": {
                "displayName": token.name,
                "role": role,
                "createdAt": timestamp(token.created_at),
            },
        },
    }
