"""Before a commit: what each file is to the repo. Then the commit."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.catalog.contents import Content
from portal.catalog.lfs_rules import LfsRules, rules_of
from portal.catalog.paths import require_path
from portal.catalog.services.commits import commit_changes, contents_of
from portal.catalog.services.refs import branch_head
from portal.errors import Invalid
from portal.hub.commits.body import read_commit
from portal.hub.commits.gitignore import ignore_rules, ignored, require_few
from portal.hub.commits.pickles import Upload, before_upload, leave_out, sample_of
from portal.hub.http import flag, hub_view
from portal.hub.hub_clients import warned
from portal.hub.limits import json_object, text_of
from portal.hub.rights import publishable_repo

MOST_FILES = 1000


@hub_view("POST")
def preupload(request: HttpRequest, caller: Caller, *, revision: str, **names: str) -> JsonResponse:
    """For each file how to bring it, and what the branch holds in its place."""
    _require_no_pull_request(request)
    _, repo = publishable_repo(caller, names, timezone.now())
    content = json_object(request)
    standing = contents_of(branch_head(repo, revision))
    rules = ignore_rules(standing, text_of(content, "gitIgnore", default=""))
    attributes = rules_of(standing, text_of(content, "gitAttributes", default=""))
    uploads = _uploads(content)
    require_few(rules, [upload.path for upload in uploads])
    wanted = [upload for upload in uploads if not ignored(rules, upload.path)]
    left_out = before_upload(request, repo, wanted, standing)
    spared = {upload.path for upload in uploads} - {upload.path for upload in wanted}
    files = [_asked(upload, attributes, standing.get(upload.path)) for upload in uploads]
    for file in files:
        file["shouldIgnore"] = file["path"] in spared or file["path"] in left_out.paths
    return warned(JsonResponse({"files": files}), "left-out", left_out.words)


def _uploads(content: dict[str, Any]) -> list[Upload]:
    files = content.get("files")
    if not isinstance(files, list) or len(files) > MOST_FILES:
        raise Invalid(f"“files” must list up to {MOST_FILES} files.", field="files")
    found = []
    for each in files:
        if not isinstance(each, dict) or type(each.get("size")) is not int or each["size"] < 0:
            raise Invalid("Each file has a “path” and a “size” in bytes.", field="files")
        found.append(Upload(require_path(text_of(each, "path")), each["size"], sample_of(each)))
    return found


def _asked(upload: Upload, attributes: LfsRules, standing: Content | None) -> dict[str, Any]:
    """``oid`` is spelt as the client will spell its own file’s, so that it can compare them."""
    lfs = attributes.is_lfs(upload.path, upload.size_bytes)
    oid = (standing.sha256 if lfs else standing.git_sha1) if standing else None
    return {"path": upload.path, "uploadMode": "lfs" if lfs else "regular", "oid": oid}


@hub_view("POST")
def commit(request: HttpRequest, caller: Caller, *, revision: str, **names: str) -> JsonResponse:
    _require_no_pull_request(request)
    now = timezone.now()
    person, repo = publishable_repo(caller, names, now)
    branch_head(repo, revision)  # before a hundred megabytes are read for nothing
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
    return warned(answer, "left-out", left_out.words)


def _require_no_pull_request(request: HttpRequest) -> None:
    if flag(request.GET, "create_pr"):
        raise Invalid(
            "There are no pull requests here. Commit to a branch, without create_pr.",
            field="create_pr",
        )
