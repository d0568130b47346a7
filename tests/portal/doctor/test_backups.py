"""The check of backups names what is late, and how to mend it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from portal.access.holds.suspension import suspend_access
from portal.accounts.services import revoke_token
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.backup.endings.copying import copy_endings
from portal.doctor.backups import kept_and_tried
from tests.factories.accounts import make_token, make_user
from tests.portal.backup.keys import KEY

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _configured(settings, tmp_path):
    settings.BACKUP_DESTINATION = str(tmp_path / "backups")
    settings.BACKUP_RECIPIENTS = [str(KEY.to_public())]
    settings.ENDINGS_LOG = str(tmp_path / "endings")


def tell(event, at, **data):
    target = ContentType.objects.get_for_model(AuditEvent)
    with transaction.atomic():
        record(event, actor=None, target=target, at=at, **data)


def found() -> list[tuple[str, str]]:
    return [(str(finding.state), finding.message) for finding in kept_and_tried()]


def test_all_is_well():
    now = timezone.now()
    tell(EventType.BACKUP_MADE, now - HOUR)
    tell(EventType.BACKUP_REHEARSED, now - HOUR, is_sound=True)
    assert {state for state, _ in found()} == {"ok"}


def test_where_nothing_is_set_it_warns(settings):
    settings.BACKUP_DESTINATION = settings.ENDINGS_LOG = ""
    assert [state for state, _ in found()] == ["warning", "warning"]


def test_a_late_backup_is_a_fault():
    assert ("fault", "The newest backup is still to be made.") in found()
    tell(EventType.BACKUP_MADE, timezone.now() - 49 * HOUR)
    assert any(state == "fault" and "newest backup is of" in words for state, words in found())


@pytest.mark.parametrize(
    ("recipients", "state", "named"),
    [
        ([], "warning", "have no recipient"),
        (["garbage"], "fault", "no public key of age"),
        ([str(KEY)], "fault", "A secret key of age was given"),
    ],
)
def test_what_is_no_recipient_is_named_though_a_backup_is_fresh(settings, recipients, state, named):
    tell(EventType.BACKUP_MADE, timezone.now() - HOUR)
    settings.BACKUP_RECIPIENTS = recipients
    assert [level for level, words in found() if named in words] == [state]
    assert str(KEY)[15:] not in str(kept_and_tried())


def test_a_place_that_takes_no_backup_is_named_though_one_is_fresh(settings, tmp_path):
    tell(EventType.BACKUP_MADE, timezone.now() - HOUR)
    (tmp_path / "file").write_text("")
    settings.BACKUP_DESTINATION = str(tmp_path / "file" / "backups")
    assert any(state == "warning" and "is no folder" in words for state, words in found())


def test_an_overdue_rehearsal_is_named():
    now = timezone.now()
    tell(EventType.BACKUP_MADE, now - HOUR)
    tell(EventType.BACKUP_REHEARSED, now - HOUR, is_sound=False)
    assert any("No rehearsal" in words for _, words in found())


def revoke_an_hour_ago():
    person, ago = make_user(), timezone.now() - HOUR
    token, _ = make_token(person, now=ago)
    revoke_token(owner=person, token_id=token.pk, now=ago)


def test_a_log_that_was_just_set_is_being_copied_and_no_fault(settings, tmp_path):
    revoke_an_hour_ago()
    assert any(state == "warning" and "Nothing was copied" in words for state, words in found())
    (tmp_path / "file").write_text("")
    settings.ENDINGS_LOG = str(tmp_path / "file" / "endings")
    assert any(state == "fault" and "lacks ends" in words for state, words in found())


def test_an_ending_that_waits_for_the_log_is_a_fault():
    revoke_an_hour_ago()
    copy_endings(now=timezone.now())
    revoke_an_hour_ago()
    assert any(state == "fault" and "lacks ends" in words for state, words in found())
    copy_endings(now=timezone.now())
    assert not any("lacks ends" in words for _, words in found())


def test_a_suspension_is_a_fault():
    suspend_access(reason="Restored, to be looked at.", now=timezone.now())
    assert any(state == "fault" and "suspended" in words for state, words in found())
