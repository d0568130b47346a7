"""A publisher with a token, and the calls of the Hub’s writing protocol that they make."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from portal.accounts.models import Namespace, User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.lookup import find_revision
from tests.factories.accounts import make_lab, make_token, make_user
from tests.portal.world import bearer


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_line(path: str, content: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return {"key": "file", "value": {"path": path, "content": encoded, "encoding": "base64"}}


def lfs_line(path: str, content: bytes) -> dict[str, Any]:
    value = {"path": path, "algo": "sha256", "oid": sha256_of(content), "size": len(content)}
    return {"key": "lfsFile", "value": value}


def delete_line(path: str, *, folder: bool = False) -> dict[str, Any]:
    return {"key": "deletedFolder" if folder else "deletedFile", "value": {"path": path}}


@dataclass
class Desk:
    publisher: User
    lab: Namespace
    secret: str
    client: Client
    name: str = ""

    @property
    def repo(self) -> ModelRepo:
        return ModelRepo.objects.named(self.name).with_names().get()

    @property
    def head(self) -> Revision:
        """Return ``main`` as the publisher sees it, in quarantine too."""
        return find_revision(self.repo, "main", caller=Caller(self.publisher))

    @property
    def shown(self) -> Revision:
        """Return ``main`` as everybody sees it."""
        return find_revision(self.repo, "main")

    def paths(self, revision: Revision | None = None) -> list[str]:
        return list((revision or self.head).all_files().values_list("path", flat=True))

    def call(self, method: str, url: str, content: Any = None, *, secret: str | None = None) -> Any:
        return self.client.generic(
            method.upper(),
            url,
            "" if method in ("get", "head") else json.dumps(content or {}),
            content_type="application/json",
            headers=bearer(self.secret if secret is None else secret),
        )

    def api(self, method: str, rest: str, content: Any = None) -> Any:
        return self.call(method, f"/api/models/{self.name}/{rest}", content)

    def create(self, name: str = "fresh", **more: Any) -> Any:
        content = {"name": name, "organization": self.lab.name, **more}
        return self.call("post", "/api/repos/create", content)

    def commit(
        self, *lines: dict[str, Any], revision: str = "main", query: str = "", **header: Any
    ) -> Any:
        first = {"key": "header", "value": {"summary": "A change", "description": "", **header}}
        return self.client.post(
            f"/api/models/{self.name}/commit/{revision}{query}",
            "".join(json.dumps(line) + "\n" for line in (first, *lines)),
            content_type="application/x-ndjson",
            headers=bearer(self.secret),
        )

    def batch(self, *contents: bytes, name: str = "", **more: Any) -> Any:
        objects = [{"oid": sha256_of(content), "size": len(content)} for content in contents]
        content = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": objects}
        return self.call(
            "post", f"/{name or self.name}.git/info/lfs/objects/batch", {**content, **more}
        )

    def link(self, content: bytes) -> str:
        (answer,) = self.batch(content).json()["objects"]
        return local(answer["actions"]["upload"]["href"])

    def bring(self, content: bytes) -> Any:
        return self.client.put(self.link(content), content, content_type="")


def local(url: str) -> str:
    return urlsplit(url).path


def make_desk(client: Client, *, repo: bool = True) -> Desk:
    publisher = make_user()
    lab = make_lab(publisher=publisher)
    _, secret = make_token(publisher, now=timezone.now())
    desk = Desk(publisher, lab, secret, client)
    if repo:
        desk.name = desk.create().json()["id"]
    return desk
