"""A database that an earlier version made is brought up to date, or refused in one sentence."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import connection

from portal.database.checks import HALF_MIGRATED
from tests.upgrades.restoring import earlier_dump, manage, new_database, restore, schema, url_of

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
GRANTS = """
from portal.access.models import Grant
for grant in Grant.objects.select_related("repo", "person", "acceptance"):
    print(grant.repo.full_name, grant.person.username, grant.acceptance.text_sha256, sep="\\t")
"""


@pytest.fixture
def earlier():
    with new_database(f"earlier_{WORKER}") as url:
        restore(url, earlier_dump())
        yield url


def statements(dump: bytes) -> list[str]:
    """List the lines of a schema in an order of their own: columns may stand in any order."""
    lines = dump.decode().splitlines()
    return sorted(line.rstrip(",") for line in lines if line and line[0] not in "-\\")


def test_its_data_is_read_after_migrate(earlier):
    migrated = manage(earlier, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    verified = manage(earlier, "verify_audit")
    assert (verified.returncode, "133 events, unbroken" in verified.stdout) == (0, True)
    listed = manage(earlier, "shell", "--no-imports", "-c", GRANTS)
    assert "example-lab/opt-stdlib\tapproved\t" in listed.stdout, listed.stderr


@pytest.mark.django_db(transaction=True)
def test_it_has_the_schema_of_a_new_one(earlier):
    assert manage(earlier, "migrate").returncode == 0
    tested = connection.settings_dict["NAME"]
    with new_database(f"again_{WORKER}") as url, new_database(f"carried_{WORKER}") as carried:
        # Restoring a dump spells some expressions anew, those of later migrations too, so both
        # schemas go through it.
        restore(url, schema(url_of(tested)))
        restore(carried, schema(earlier))
        assert statements(schema(carried)) == statements(schema(url))


def test_one_that_was_not_brought_up_to_date_is_refused_in_words(earlier):
    with psycopg.connect(earlier) as database:
        database.execute("DELETE FROM django_migrations WHERE name LIKE '0016%'")
    refused = manage(earlier, "migrate")
    assert refused.returncode == 1
    assert HALF_MIGRATED in refused.stderr
    assert "The tables of access are from an earlier version" in refused.stderr
    assert "Traceback" not in refused.stderr
