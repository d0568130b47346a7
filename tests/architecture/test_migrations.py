"""A migration is one that a portal in use can bear: squawk reads the SQL of each new one."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.django_db
SQUAWK = Path(sys.executable).with_name("squawk")
# The last migration of each app that was there before any was checked.
BASELINE = {
    "access": "0010_suspension_after_a_restore",
    "accounts": "0002_account_manager",
    "audit": "0002_endings_are_copied",
    "catalog": "0010_collections_are_deleted",
    "delivery": "0001_initial",
    "hub": "0001_initial",
    "jobs": "0001_initial",
    "outbox": "0001_initial",
}
# Left to us: Django names types and keys, and `migrate` sets the time-outs and the transaction.
EXCLUDED = (
    *("prefer-robust-stmts", "prefer-text-field", "prefer-bigint-over-int", "prefer-identity"),
    *("require-timeout-settings", "prefer-bigint-over-smallint", "identifier-too-long"),
)

ACCEPTED = {
    # The table has a row for each commit, so that the index takes milliseconds. One that is made
    # concurrently and meets the time-out for locks would stay behind, invalid.
    "catalog.0011_checks_not_passed": {"require-concurrent-index-creation"},
    # The column comes empty with its key, so that PostgreSQL has no row to check.
    "jobs.0003_fair_shares": {"adding-foreign-key-constraint"},
    # It holds only what is queued; to make it, the jobs are read once, without their texts.
    "jobs.0007_jobs_in_lanes": {"require-concurrent-index-creation"},
    "jobs.0009_batches": {"adding-foreign-key-constraint"},
    # It holds only lines of batches, which came with this release; the jobs are read once for it.
    "jobs.0012_jobs_of_batches": {"require-concurrent-index-creation"},
    # It holds only jobs with captures, which came with this release; the jobs are read once.
    "jobs.0015_jobs_with_captures": {"require-concurrent-index-creation"},
}


def new_migrations() -> list[tuple[str, str]]:
    return [
        (app, name)
        for app, name in sorted(MigrationLoader(connection).disk_migrations)
        if apps.get_app_config(app).name.startswith("portal.") and name > BASELINE.get(app, "")
    ]


def faults_of(app: str, name: str, *, folder: Path) -> set[str]:
    """Return the rules that the SQL of a migration breaks, by squawk's names."""
    sql = StringIO()
    call_command("sqlmigrate", app, name, stdout=sql)
    file = folder / f"{app}_{name}.sql"
    file.write_text(sql.getvalue())
    options = ["--reporter", "json", "--pg-version", "15.0", "--exclude", ",".join(EXCLUDED)]
    done = subprocess.run([SQUAWK, *options, file], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {finding["rule_name"] for finding in json.loads(done.stdout)}


def test_each_new_migration_is_safe_while_the_portal_runs(tmp_path):
    faults = {
        f"{app}.{name}": faults_of(app, name, folder=tmp_path)
        - ACCEPTED.get(f"{app}.{name}", set())
        for app, name in new_migrations()
    }
    assert {name: rules for name, rules in faults.items() if rules} == {}


def test_what_an_older_version_could_not_bear_is_found(tmp_path):
    """A column that must be filled breaks the inserts of a version that doesn't know it."""
    faults = faults_of("catalog", "0009_checks_wait_for_consent", folder=tmp_path)
    assert faults
