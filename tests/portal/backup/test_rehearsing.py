"""A rehearsal restores the newest backup beside the portal, and leaves only its result."""

from __future__ import annotations

from datetime import timedelta

import pyrage
import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from portal.backup.history import is_overdue
from portal.backup.making.backup import make_backup
from portal.backup.places import FolderPlace
from portal.backup.restoring.rehearsal import rehearse_restore
from tests.factories.accounts import make_user
from tests.factories.grants import make_accepted
from tests.portal.backup.keys import KEY, write_key
from tests.portal.backup.site import databases

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def place(tmp_path):
    return FolderPlace(tmp_path / "backups")


@pytest.fixture
def made(place, now):
    make_user("operator", superuser=True)
    make_accepted(now=now - DAY)
    return make_backup(place, recipients=[str(KEY.to_public())], now=now)


def rehearse(place, now, key=KEY):
    return rehearse_restore(place, [key], now=now)


def test_a_sound_backup_is_on_record_and_nothing_else_stays(place, made, now):
    before = databases()
    rehearsal = rehearse(place, now)
    assert (rehearsal.name, rehearsal.problem) == (made.name, "")
    assert rehearsal.events == made.manifest.head[0]
    assert AuditEvent.objects.get(type="backup.rehearsed").data["is_sound"] is True
    assert databases() == before


def test_the_newest_is_taken(place, made, now):
    newer = make_backup(place, recipients=[str(KEY.to_public())], now=now + DAY)
    assert rehearse(place, now + DAY).name == newer.name


def test_one_that_cannot_be_read_is_on_record_too(place, made, now):
    rehearsal = rehearse(place, now, pyrage.x25519.Identity.generate())
    assert "doesn’t open" in rehearsal.problem
    assert AuditEvent.objects.get(type="backup.rehearsed").data["is_sound"] is False


def test_one_of_another_record_is_found_out(place, made, now):
    AuditEvent.objects.filter(sequence=made.manifest.head[0]).update(hash="0" * 64)
    assert "another event" in rehearse(place, now).problem


def test_it_is_overdue_until_one_was_sound_in_the_last_days(place, made, now):
    assert is_overdue(now)
    rehearse(place, now)
    assert not is_overdue(now + 7 * DAY)
    assert is_overdue(now + 9 * DAY)


def test_the_metrics_have_it(place, made, now, client, settings):
    settings.METRICS_TOKEN = "of-the-scraper"
    rehearse(place, now)
    answer = client.get("/metrics", headers={"Authorization": "Bearer of-the-scraper"})
    figures = dict(
        line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if line[0] != "#"
    )
    assert float(figures["weightgate_rehearsal_last_sound_timestamp_seconds"]) == now.timestamp()
    assert float(figures["weightgate_backup_last_timestamp_seconds"]) == now.timestamp()
    assert figures["weightgate_access_suspended"] == "0.0"


def test_the_command_ends_with_1_where_there_is_none(tmp_path):
    with pytest.raises(CommandError, match="There is no backup"):
        call_command("rehearse_restore", str(tmp_path), "--identity", write_key(tmp_path))


def test_the_command_takes_one_backup_too(place, made, now, capsys, tmp_path):
    make_backup(place, recipients=[str(KEY.to_public())], now=now + DAY)
    file = place.folder / made.name
    call_command("rehearse_restore", str(file), "--identity", write_key(tmp_path))
    assert f"{made.name} can be restored" in capsys.readouterr().out


def test_the_command_says_that_it_can_be_restored(place, made, capsys, tmp_path):
    call_command("rehearse_restore", str(place.folder), "--identity", write_key(tmp_path))
    assert "can be restored" in capsys.readouterr().out
