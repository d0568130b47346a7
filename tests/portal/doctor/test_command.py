"""`manage.py doctor` says what is wrong and what to do, whatever else is away."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal.doctor.examination import DoctorCheck, examine
from portal.doctor.findings import FindingState, ok
from tests.hosts.accounts import UIDS
from tests.live import free_port
from tests.upgrades.restoring import manage, url_of

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "127.0.0.1"


def doctor(*arguments: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Return the exit status, and the findings of each check."""
    out, status = io.StringIO(), 0
    try:
        call_command("doctor", *arguments, "--json", stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    by_check: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(out.getvalue())["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return status, by_check


def states(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["state"] for finding in findings]


def test_what_is_well_is_said_to_be(keys, settings):
    settings.BLOB_DIR.mkdir(parents=True)
    names = ("database", "migrations", "broker", "storage", "keys")
    status, findings = doctor(*names)
    assert status == 0
    assert {name: states(findings[name]) for name in names} == {key: ["ok"] for key in names}
    assert list(settings.BLOB_DIR.iterdir()) == []


def test_what_is_away_hides_nothing_else(keys, settings):
    settings.REDIS_URL = f"redis://{NOWHERE}:{free_port()}/0"
    settings.BASE_URL = f"http://{NOWHERE}:{free_port()}"
    status, findings = doctor("database", "broker", "address", "streams")
    assert status == 1
    assert states(findings["database"]) == ["ok"]
    assert states(findings["broker"]) == states(findings["address"]) == ["fault"]
    assert "REDIS_URL" in findings["broker"][0]["remedy"]
    assert states(findings["streams"]) == ["skipped"]


def test_a_database_that_is_away_is_one_fault(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", NOWHERE)
    monkeypatch.setitem(connection.settings_dict, "PORT", str(free_port()))
    status, findings = doctor("database", "migrations", "backups")
    assert status == 1
    assert "DATABASE_URL" in findings["database"][0]["remedy"]
    assert states(findings["migrations"]) == states(findings["backups"]) == ["skipped"]


def test_a_role_without_rights_is_told_what_to_run(tmp_path):
    name = f"plain_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN")
    database = urlsplit(url_of(str(connection.settings_dict["NAME"])))
    url = database._replace(netloc=f"{name}@{database.netloc.rpartition('@')[2]}").geturl()
    try:
        ran = manage(url, "doctor", "migrations", "backups")
        backup = manage(url, "backup", str(tmp_path), "--unencrypted")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP ROLE {name}")
    assert ran.stdout.count(f"ON ALL TABLES IN SCHEMA public TO {name}") == 2
    assert f"ON ALL TABLES IN SCHEMA public TO {name}" in backup.stderr
    assert "Traceback" not in ran.stderr + backup.stderr


@pytest.mark.parametrize("command", ["doctor database", "backup --unencrypted .", "migrate --plan"])
def test_a_database_that_is_away_is_a_sentence_with_the_cause(command, monkeypatch):
    monkeypatch.setenv("WEIGHTGATE_DB_POOL", "4")  # as an installation has it
    ran = manage("postgresql:///any?host=/nowhere", *command.split())
    assert ran.returncode == 1
    assert "/nowhere/.s.PGSQL.5432" in ran.stdout + ran.stderr
    assert "No such file or directory" in ran.stdout + ran.stderr
    assert len(ran.stderr.splitlines()) <= 1


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a folder to another account")
def test_root_is_told_as_whom_to_run_it_on_the_folders_of_another(tmp_path, monkeypatch):
    os.chown(tmp_path, UIDS["web"], UIDS["web"])
    monkeypatch.setenv("WEIGHTGATE_VAR", str(tmp_path))
    monkeypatch.setenv("WEIGHTGATE_BLOB_DIR", str(tmp_path / "blobs"))
    url = url_of(str(connection.settings_dict["NAME"]))
    looked, checked = manage(url, "doctor", "storage"), manage(url, "check")
    assert looked.returncode == 2
    assert f"{tmp_path} belongs to" in looked.stderr
    assert "manage doctor storage" in looked.stderr
    assert list(tmp_path.iterdir()) == []
    assert checked.returncode == 0, checked.stderr
    assert "belongs to" in checked.stderr


def test_migrations_that_are_to_run_are_counted():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'away' WHERE app = 'sessions'")
    try:
        status, findings = doctor("migrations")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET app = 'sessions' WHERE app = 'away'")
    assert status == 1
    assert findings["migrations"][0]["message"].startswith("1 migration")
    assert "migrate" in findings["migrations"][0]["remedy"]


def test_tables_of_a_later_version_are_told():
    later = ("access", "9999_later")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations VALUES (DEFAULT, %s, %s, now())", later)
    try:
        status, findings = doctor("migrations")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", later)
    assert (status, states(findings["migrations"])) == (0, ["warning"])
    assert "newer than this version: 1 migration" in findings["migrations"][0]["message"]


def test_a_check_that_hangs_or_fails_is_a_fault_and_no_end():
    def fail() -> None:
        raise RuntimeError("nobody foresaw this")

    for_ever = threading.Event()
    checks = (
        DoctorCheck("slow", "Slow", for_ever.wait),  # type: ignore[arg-type]
        DoctorCheck("wrong", "Wrong", fail),  # type: ignore[arg-type]
        DoctorCheck("good", "Good", lambda: [ok("It is.")]),
    )
    findings = examine(checks, seconds=0.3)
    for_ever.set()
    assert [finding.check for finding in findings] == ["slow", "wrong", "good"]
    assert [finding.state for finding in findings] == [
        FindingState.FAULT,
        FindingState.FAULT,
        FindingState.OK,
    ]
    assert "0.3 seconds" in findings[0].message
    assert "nobody foresaw this" in findings[1].message


@pytest.mark.parametrize("arguments", [("nonsense",), ("keys", "--mail-to", "nobody")])
def test_a_wrong_use_ends_with_2_and_checks_nothing(arguments):
    with pytest.raises(CommandError) as refused:
        call_command("doctor", *arguments)
    assert refused.value.returncode == 2


def test_lines_for_people_have_the_remedy_below(settings):
    settings.DEBUG = True
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "settings", stdout=out)
    assert "→ Set it to 0." in out.getvalue()
