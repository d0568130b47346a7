"""A portal with somebody who downloads, to back up and to restore."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.access.grants.ending.revocation import revoke_grant
from portal.backup.endings.copying import copy_endings
from portal.backup.making.backup import make_backup
from portal.backup.places import FolderPlace, Place
from portal.backup.restoring.restore import restore
from portal.backup.restoring.source import BackupSource
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_revision
from tests.factories.grants import make_accepted, make_administrator
from tests.portal.backup.keys import KEY
from tests.upgrades.restoring import url_of

DAY = timedelta(days=1)


class Site:
    """A portal with somebody who downloads, its backups, and the log of endings beside."""

    def __init__(self, folder: Path, place: Place | None = None) -> None:
        end_connections_of_earlier_tests()
        self.now = timezone.now()
        self.place = place or FolderPlace(folder / "backups")
        self.operator = make_user("operator", superuser=True)
        self.repo = make_repo()
        self.revision = make_revision(self.repo, folder / "weights")
        self.grant = make_accepted(self.repo, now=self.now - 30 * DAY)
        self.token, self.secret = make_token(self.grant.person, now=self.now - 30 * DAY)
        self.administrator = make_administrator(self.repo)

    def back_up(self, **changed):
        options = {"recipients": [str(KEY.to_public())], "now": self.now} | changed
        return make_backup(self.place, **options)

    def restore(self, made, *, minutes: int = 5, identities=(KEY,), replace=True):
        source = BackupSource(self.place, made.name, list(identities))
        restored = restore(source, replace=replace, now=self.now + timedelta(minutes=minutes))
        if restored.old_database:
            drop(restored.old_database)
        return restored

    def revoke(self) -> None:
        revoke_grant(
            actor=self.administrator, grant_id=self.grant.pk, reason="Shared.", now=self.later
        )

    @property
    def later(self):
        return self.now + timedelta(minutes=1)

    def copy(self) -> None:
        copy_endings(now=self.later, mark_after=timedelta(0))

    def download(self, secret: str = ""):
        path = f"/{self.repo.full_name}/resolve/main/model-00001-of-00002.safetensors"
        return Client().get(path, headers={"Authorization": f"Bearer {secret or self.secret}"})


def end_connections_of_earlier_tests() -> None:
    """End what threads of earlier tests left open: a restore is refused while others are there."""
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)


def drop(name: str) -> None:
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}"')


def databases() -> set[str]:
    """List this worker's database, and those that stand beside it; other workers have theirs."""
    own = str(connection.settings_dict["NAME"])
    with psycopg.connect(url_of("postgres")) as server:
        names = {row[0] for row in server.execute("SELECT datname FROM pg_database")}
    return {name for name in names if name.startswith(own)}
