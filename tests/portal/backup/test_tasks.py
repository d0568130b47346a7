"""Workers make a backup a day and rehearse its restore, and say in their log what failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent, EndingCopy
from portal.backup.history import is_due, last_sound_rehearsal
from portal.backup.making.backup import make_backup
from portal.backup.making.contents import snapshot
from portal.backup.places import FolderPlace
from tests.factories.accounts import make_user
from tests.portal.backup.keys import KEY, write_key

pytestmark = pytest.mark.django_db(transaction=True)
RECIPIENTS = [str(KEY.to_public())]


@pytest.fixture
def place(settings, tmp_path):
    settings.BACKUP_DESTINATION = str(tmp_path / "backups")
    settings.BACKUP_RECIPIENTS = RECIPIENTS
    return FolderPlace(tmp_path / "backups")


@pytest.fixture
def tasks():
    from workers import backup

    return backup


def test_one_a_day_is_made(place, tasks):
    tasks.back_up()
    tasks.back_up()
    [name] = place.names()
    assert AuditEvent.objects.get(type="backup.made").data["name"] == name


def test_the_next_is_due_at_the_same_hour_of_the_next_day(place, now):
    assert is_due(now)
    make_backup(place, recipients=RECIPIENTS, now=now)
    assert not is_due(now + timedelta(hours=23))
    assert is_due(now + timedelta(hours=24) - timedelta(minutes=1))


@pytest.mark.parametrize("setting", ["BACKUP_DESTINATION", "BACKUP_RECIPIENTS"])
def test_without_a_place_or_a_key_none_is_made(place, tasks, settings, setting):
    setattr(settings, setting, type(getattr(settings, setting))())
    tasks.back_up()
    assert place.names() == []


def test_a_fault_is_in_the_log_and_the_next_hour_tries_again(place, tasks, caplog):
    place.folder.write_text("a file, where a folder belongs")
    tasks.back_up()
    assert "There is no backup of today" in caplog.text
    place.folder.unlink()
    tasks.back_up()
    assert len(place.names()) == 1


@pytest.mark.django_db(transaction=True, databases=["default"])
def test_two_are_not_made_at_once(place, tasks, caplog):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def make():
        tasks.back_up()
        connection.close()

    with snapshot(), ThreadPoolExecutor(1) as another:
        another.submit(make).result(30)
    assert "Another backup is being made" in caplog.text
    assert place.names() == []


def test_the_newest_is_rehearsed_with_the_key_of_the_settings(place, tasks, settings, tmp_path):
    tasks.back_up()
    settings.REHEARSAL_KEY_FILE = str(write_key(tmp_path))
    tasks.rehearse()
    assert last_sound_rehearsal() is not None


def test_one_that_cannot_be_restored_is_in_the_log(place, tasks, settings, tmp_path, caplog):
    tasks.back_up()
    [name] = place.names()
    (place.folder / name).write_bytes(b"cut")
    settings.REHEARSAL_KEY_FILE = str(write_key(tmp_path))
    tasks.rehearse()
    assert f"{name} can't be restored" in caplog.text
    assert "No backup was found sound" in caplog.text


def test_an_ending_waits_while_its_log_cannot_be_written(tasks, settings, tmp_path, caplog):
    from portal.accounts.services.holding import change_password

    settings.ENDINGS_LOG = str(tmp_path / "elsewhere" / "endings")
    (tmp_path / "elsewhere").write_text("a file, where a folder belongs")
    change_password(person=make_user(), password="another, safer one", now=timezone.now())
    tasks.copy_waiting_endings()
    assert "what waits is tried again" in caplog.text
    assert EndingCopy.objects.filter(copied_at=None).count() == 1
    (tmp_path / "elsewhere").unlink()
    tasks.copy_waiting_endings()
    assert not EndingCopy.objects.filter(copied_at=None).exists()
