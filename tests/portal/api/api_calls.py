"""Calling the API in tests: by a person’s session or by a token, with JSON both ways."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import require_version_in_force
from tests.factories.accounts import make_token

SHORT = (timezone.now() + timedelta(days=200)).date().isoformat()


class Api:
    """``api.post("requests", repo="a/b")`` is ``POST /api/v1/requests/``."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, path: str, **queries: Any) -> Any:
        return self.client.get(_url(path), queries)

    def post(self, path: str, **body: Any) -> Any:
        return self._send("post", path, body)

    def patch(self, path: str, **body: Any) -> Any:
        return self._send("patch", path, body)

    def put(self, path: str, **body: Any) -> Any:
        return self._send("put", path, body)

    def delete(self, path: str) -> Any:
        return self.client.delete(_url(path))

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        return getattr(self.client, method)(_url(path), body, content_type="application/json")


def _url(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/v1/{path}/"


def in_session(person: User | None) -> Api:
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person)
    return Api(client)


def by_token(person: User, *scopes: str, repo_ids: list[int] | None = None) -> Api:
    _, secret = make_token(person, *scopes, now=timezone.now(), repo_ids=repo_ids)
    return Api(Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"}))


def signature(repo: ModelRepo, person: User, **changed: Any) -> dict[str, Any]:
    version = require_version_in_force(repo, now=timezone.now())
    return {
        "text_sha256": version.sha256,
        "typed_name": person.display_name,
        "capacity": "person",
        "attestations": [attestation["code"] for attestation in version.attestations],
        **changed,
    }


def fields_of(response: Any) -> set[str]:
    """Return the fields that the refusal names."""
    return set(response.json()["error"]["fields"])


def code_of(response: Any) -> str:
    return str(response.json()["error"]["code"])
