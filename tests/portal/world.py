"""One gated repo with a revision, and people at each distance from it, for tests over HTTP.

Requests are met by the real clock, so tokens and grants here began an hour ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from portal.access.models import Grant
from portal.accounts.models import AccessToken, User
from portal.catalog.models import File, ModelRepo, Revision
from tests.factories.access import make_grant
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_folder, make_repo, make_revision

SHARD = "model-00001-of-00002.safetensors"


@dataclass
class World:
    repo: ModelRepo
    folder: Path
    revision: Revision
    grant: Grant
    researcher: User
    token: AccessToken
    secret: str
    stranger: User
    stranger_secret: str

    def file(self, path: str = SHARD) -> File:
        return self.revision.files.select_related("revision__repo__namespace", "blob").get(
            path=path
        )

    def bytes_of(self, path: str = SHARD) -> bytes:
        return (self.folder / path).read_bytes()

    def url(self, path: str = SHARD, revision: str = "main") -> str:
        return f"/{self.repo.full_name}/resolve/{revision}/{path}"

    def api(self, rest: str = "") -> str:
        return f"/api/models/{self.repo.full_name}{rest}"

    @property
    def bearer(self) -> dict[str, str]:
        return bearer(self.secret)

    @property
    def stranger_bearer(self) -> dict[str, str]:
        return bearer(self.stranger_secret)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def make_world(folder: Path) -> World:
    now = timezone.now() - timedelta(hours=1)
    repo = make_repo("opt", family="OPT")
    make_folder(folder, **{"configs/a.json": "{}", "configs/deep/b.json": "[]"})
    revision = make_revision(repo, folder, now=now)
    grant = make_grant(repo, now=now)
    token, secret = make_token(grant.person, now=now)
    stranger = make_user()
    _, stranger_secret = make_token(stranger, now=now)
    return World(
        repo, folder, revision, grant, grant.person, token, secret, stranger, stranger_secret
    )
