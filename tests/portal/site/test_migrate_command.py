"""`manage.py migrate` refuses what would let it do nothing without a word."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal.site.management.commands.migrate import LOCK_SECONDS


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("tries", 0, "--tries is 1 or more"),
        ("tries", -1, "--tries is 1 or more"),
        ("lock_timeout", -1, "0 seconds or more"),
        ("statement_timeout", -1, "0 seconds or more"),
    ],
)
def test_a_number_that_cannot_be_is_refused(option, value, words):
    with pytest.raises(CommandError, match=words):
        call_command("migrate", **{option: value})


@pytest.mark.django_db
def test_a_migration_gives_way_before_postgresql_ends_a_reader_for_its_sake():
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout'")
        assert cursor.fetchone()[0] / 2 >= LOCK_SECONDS * 1000
