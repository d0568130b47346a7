"""System checks that `manage.py migrate` runs before it touches a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import Error, Tags, register
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

HALF_MIGRATED = "portal.E001"


@register(Tags.database)
def check_squashed_migrations(
    databases: Sequence[str] | None = None, **options: Any
) -> list[Error]:
    """Refuse a database that has only some of the migrations that an app's first one replaces.

    Django leaves such an app out of its plan without a word: the earlier migrations are no longer
    in the code, and the one that replaces them can't run over the tables that are there.
    """
    half_migrated = [half_migrated_apps(alias) for alias in databases or ()]
    return [_half_migrated_error(apps) for apps in half_migrated if apps]


def _half_migrated_error(apps: Sequence[str]) -> Error:
    return Error(
        f"The tables of {', '.join(apps)} are from an earlier version of Weightgate, "
        "and this one no longer has the migrations between the two.",
        hint="Migrate once with the last version that had them, or use a new database.",
        id=HALF_MIGRATED,
    )


def half_migrated_apps(alias: str) -> list[str]:
    """Name the apps whose replaced migrations the database has recorded in part."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    half_migrated = []
    for key, migration in loader.disk_migrations.items():
        replaced = set(migration.replaces)
        if applied & {key, *replaced} and replaced - applied:
            half_migrated.append(key[0])
    return sorted(half_migrated)
