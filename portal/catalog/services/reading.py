"""Finding what a name stands for: repo, revision, file."""

from __future__ import annotations

import re

from django.contrib.auth.models import AnonymousUser

from portal.accounts.models import User
from portal.catalog.errors import EntryNotFound, RepoNotFound, RevisionNotFound
from portal.catalog.models import File, ModelRepo, Ref, Revision

HEX = re.compile(r"[0-9a-f]{7,40}")
DEFAULT_BRANCH = "main"


def find_repo(full_name: str, *, person: User | None) -> ModelRepo:
    """The repo of that name, if this person may know of it. Raises RepoNotFound."""
    visible = ModelRepo.objects.visible_to(person or AnonymousUser())
    repo = visible.named(full_name).with_names().first()
    if repo is None:
        raise RepoNotFound("There’s nothing at this address, or nothing you may know of.")
    return repo


def find_revision(repo: ModelRepo, name: str = DEFAULT_BRANCH) -> Revision:
    """By branch, tag, full commit or an unambiguous beginning of one. Raises RevisionNotFound."""
    bare = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
    ref = (
        Ref.objects.select_related("revision").filter(repo=repo, name=bare).order_by("kind").first()
    )
    if ref:
        ref.revision.repo = repo
        return ref.revision
    if HEX.fullmatch(name):
        found = list(Revision.objects.filter(repo=repo, commit__startswith=name)[:2])
        if len(found) == 1:
            found[0].repo = repo
            return found[0]
    raise RevisionNotFound(f"{repo.full_name} has no revision {name}.")


def split_revision(repo: ModelRepo, rest: str) -> tuple[Revision, str]:
    """Read ``revision/path`` where either may hold slashes: the longest known ref wins."""
    parts = rest.strip("/").split("/")
    for length in range(len(parts), 0, -1):
        try:
            revision = find_revision(repo, "/".join(parts[:length]))
        except RevisionNotFound:
            continue
        return revision, "/".join(parts[length:])
    raise RevisionNotFound(f"{repo.full_name} has no revision {parts[0]}.")


def find_file(revision: Revision, path: str) -> File:
    """Raises EntryNotFound."""
    file = File.objects.select_related("blob").filter(revision=revision, path=path).first()
    if file is None:
        raise EntryNotFound(f"{path} does not exist at {revision.commit}.")
    file.revision = revision
    return file


def head_revision(repo: ModelRepo) -> Revision | None:
    """What ``main`` names; None before anything is published."""
    try:
        return find_revision(repo)
    except RevisionNotFound:
        return None
