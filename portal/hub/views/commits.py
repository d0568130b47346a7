"""Say before a commit how each file is to be brought, and take the commit."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.catalog.contents import Content
from portal.catalog.lfs_rules import LfsRules, rules_of
from portal.catalog.quarantine.words import words_of
from portal.catalog.services.commits import commit_changes
from portal.catalog.services.lookup import contents_of
from portal.catalog.services.refs import branch_head
from portal.errors import Invalid
from portal.hub.bodies import AnnouncedFile, Preupload, read_body
from portal.hub.commits.body import read_commit
from portal.hub.commits.gitignore import ignore_rules, ignored, require_few
from portal.hub.commits.pickles import before_upload, leave_out
from portal.hub.http import flag, hub_view
from portal.hub.hub_clients import warned
from portal.hub.rights import publishable_repo
from portal.storage import blob_store, require_room


@hub_view("POST")
def preupload(request: HttpRequest, caller: Caller, *, revision: str, **names: str) -> JsonResponse:
    """Tell for each file how to bring it, and what the branch holds in its place."""
    _require_no_pull_request(request)
    _, repo = publishable_repo(caller, names, timezone.now())
    # The branch before the body: an unknown revision is a 404 whatever was sent.
    current = contents_of(branch_head(repo, revision))
    announced = read_body(request, Preupload)
    rules = ignore_rules(current, announced.git_ignore)
    attributes = rules_of(current, announced.git_attributes)
    require_few(rules, [file.path for file in announced.files])
    ignored_paths = {file.path for file in announced.files if ignored(rules, file.path)}
    wanted = [file for file in announced.files if file.path not in ignored_paths]
    left_out = before_upload(request, repo, wanted, current)
    answers = [_answer(file, attributes, current.get(file.path)) for file in announced.files]
    for answer in answers:
        answer["shouldIgnore"] = answer["path"] in ignored_paths.union(left_out.paths)
    return warned(JsonResponse({"files": answers}), "left-out", left_out.words)


def _answer(file: AnnouncedFile, attributes: LfsRules, current: Content | None) -> dict[str, Any]:
    """Answer for one file; ``oid`` is spelt as the client will spell its own, to compare them."""
    lfs = attributes.is_lfs(file.path, file.size_bytes)
    oid = (current.sha256 if lfs else current.git_sha1) if current else None
    return {"path": file.path, "uploadMode": "lfs" if lfs else "regular", "oid": oid}


@hub_view("POST")
def commit(request: HttpRequest, caller: Caller, *, revision: str, **names: str) -> JsonResponse:
    _require_no_pull_request(request)
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    branch_head(repo, revision)  # before a hundred megabytes are read for nothing
    _require_room(request)
    header, sent = read_commit(request, repo)
    changes, left_out = leave_out(request, repo, sent, title=header.title)
    made = commit_changes(
        actor=person,
        repo_id=repo.pk,
        branch=revision,
        changes=changes,
        title=header.title,
        message="\n\n".join(filter(None, (header.message, left_out.words))),
        parent=header.parent,
        now=now,
    )
    url = f"{settings.BASE_URL}/{repo.full_name}/commit/{made.commit}"
    answer = JsonResponse({"success": True, "commitOid": made.commit, "commitUrl": url})
    # Clients print one header, and one warning for each topic.
    words = " ".join(filter(None, (left_out.words, words_of(made))))
    topic = f"commit {made.commit[:10]}" if made.is_quarantined else "left-out"
    return warned(answer, topic, words)


def _require_room(request: HttpRequest) -> None:
    """Raise NoRoom where the disk can't take what the request says it brings."""
    store, length = blob_store(), request.headers.get("Content-Length", "")
    if store.keeps_here and length.isdigit():
        require_room(store, int(length))


def _require_no_pull_request(request: HttpRequest) -> None:
    if flag(request.GET, "create_pr"):
        raise Invalid(
            "There are no pull requests here. Commit to a branch, without create_pr.",
            field="create_pr",
        )
