"""Bring files of a model and commit them, as the upload page does."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.models import User
from portal.api.base.permissions import HasPublishScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.catalog.settings_serializers import consent_in
from portal.api.uploads.serializers import (
    CommitInput,
    CommitOutput,
    UploadInput,
    UploadOutput,
)
from portal.catalog.contents import Content
from portal.catalog.models import Blob, ModelRepo
from portal.catalog.paths import path_problem
from portal.catalog.quarantine.words import words_of
from portal.catalog.services.commits import Add, Change, Delete, commit_changes
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.errors import FieldErrors
from portal.hub.rate_limit import count_write
from portal.hub.rights import require_publisher
from portal.hub.services.uploads import link_for, nameable_blobs
from portal.hub.uploads.links import link_url
from portal.storage import blob_store, require_room

NOT_BROUGHT = "These bytes were not brought for this model. Bring them by an upload first."


class PublishMixin(RepoMixin):
    """A view for whoever may publish the model; each call counts as a write."""

    permission_classes = write_permission_classes = [HasPublishScope]

    def get_own_repo(self) -> tuple[User, ModelRepo]:
        """Return the publisher and the model. Raise RepoNotFound or MayNotPublish for others."""
        repo = self.get_repo()
        person = require_publisher(self.caller, repo, self.now)
        count_write(person, self.now)
        return person, repo


class UploadListView(PublishMixin):
    input_serializer_class = UploadInput

    @extend_schema(
        operation_id="start_uploads",
        request=UploadInput,
        responses={201: UploadOutput(many=True)},
        examples=example(files=[{"path": "model.safetensors", "size_bytes": 250540281}]),
    )
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Return an address for the bytes of each file; nothing changes until a commit."""
        _, repo = self.get_own_repo()
        files = self.validated_data["files"]
        require_paths([file["path"] for file in files])
        needed = sum(file["size_bytes"] for file in files)
        require_room(blob_store(), needed, field="files")
        links = [link_for(repo, self.caller, file["size_bytes"], now=self.now) for file in files]
        rows = [
            {
                "path": file["path"],
                "url": link_url(link, "upload"),
                "expires_at": link.expires_at,
            }
            for file, link in zip(files, links, strict=True)
        ]
        return Response(UploadOutput(rows, many=True).data, status=201)


class CommitListView(PublishMixin):
    input_serializer_class = CommitInput

    @extend_schema(
        operation_id="make_commit",
        request=CommitInput,
        responses={201: CommitOutput},
        examples=example(
            title="Bring the weights",
            files=[{"path": "model.safetensors", "sha256": "5f2b91c0a7d3e846" * 4}],
            delete=["pytorch_model.bin"],
        ),
    )
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Make the next revision of main from files that were brought, and delete others."""
        person, repo = self.get_own_repo()
        sent = self.validated_data
        revision = commit_changes(
            actor=person,
            repo_id=repo.pk,
            branch=DEFAULT_BRANCH,
            changes=_changes(repo, sent),
            title=sent["title"],
            message=sent.get("message", ""),
            consent=consent_in(sent),
            now=self.now,
        )
        page = reverse("site:commit", args=[repo.namespace.name, repo.name, revision.commit])
        output = {
            "commit": revision.commit,
            "url": f"{settings.BASE_URL}{page}",
            "quarantine": words_of(revision),
        }
        return Response(CommitOutput(output).data, status=201)


def require_paths(paths: list[str]) -> None:
    """Raise FieldErrors for each path that a model can't hold."""
    problems = {
        f"files.{number}.path": problem
        for number, path in enumerate(paths)
        if (problem := path_problem(path))
    }
    if problems:
        raise FieldErrors(problems)


def _changes(repo: ModelRepo, sent: dict[str, Any]) -> list[Change]:
    """Return the changes of a commit. Raise FieldErrors for bytes that weren't brought."""
    files = sent["files"]
    require_paths([file["path"] for file in files])
    blobs = nameable_blobs(repo, (file["sha256"] for file in files))
    missing = {
        f"files.{number}.sha256": NOT_BROUGHT
        for number, file in enumerate(files)
        if file["sha256"] not in blobs
    }
    if missing:
        raise FieldErrors(missing)
    added = [Add(_content(file["path"], blobs[file["sha256"]])) for file in files]
    return [*map(Delete, sent.get("delete", [])), *added]


def _content(path: str, blob: Blob) -> Content:
    return Content(path, blob.sha256, blob.git_sha1, blob.size_bytes)
