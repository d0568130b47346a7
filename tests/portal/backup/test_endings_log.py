"""Each end of an access is copied to the log of endings, line by line, and none is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from portal.access.grants.ending.revocation import revoke_grant
from portal.accounts.services import revoke_token
from portal.audit.models import AuditEvent, EndingCopy
from portal.backup.endings.copying import copy_endings
from portal.backup.endings.lines import read_lines
from portal.backup.endings.logs import endings_log
from portal.backup.errors import LogUnreadable
from tests.factories.accounts import make_token
from tests.factories.grants import make_accepted, make_administrator

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def path(settings, tmp_path) -> Path:
    settings.ENDINGS_LOG = str(tmp_path / "endings.jsonl")
    return Path(settings.ENDINGS_LOG)


@pytest.fixture
def grant(now):
    return make_accepted(now=now - 30 * DAY)


def revoke(grant, now):
    actor = make_administrator(grant.repo)
    return revoke_grant(actor=actor, grant_id=grant.pk, reason="Weights shared.", now=now)


def lines(log):
    return list(read_lines(log.texts(1)))


def events(log):
    return [line.event.type for line in lines(log) if line.event]


class TestALine:
    def test_it_names_the_event_of_a_revocation(self, log, grant, now):
        revoke(grant, now)
        assert copy_endings(now=now) == 1
        event = AuditEvent.objects.get(type="grant.revoked")
        (line,) = lines(log)
        assert (line.event.sequence, line.event.hash) == (event.sequence, event.hash)
        assert (line.event.target_id, line.at) == (str(grant.pk), event.at)

    def test_each_is_copied_once_in_the_order_of_the_record(self, log, grant, now):
        token, _ = make_token(grant.person, now=now)
        revoke_token(owner=grant.person, token_id=token.pk, now=now)
        revoke(grant, now)
        copy_endings(now=now)
        assert copy_endings(now=now) == 0
        assert events(log) == ["token.revoked", "grant.revoked"]

    def test_an_hour_without_endings_is_marked(self, log, grant, now):
        revoke(grant, now)
        copy_endings(now=now)
        for minutes in (10, 70, 80, 140):
            copy_endings(now=now + timedelta(minutes=minutes))
        marks = [line.at for line in lines(log) if line.event is None]
        assert marks == [now + timedelta(minutes=70), now + timedelta(minutes=140)]

    def test_what_is_undone_is_never_copied(self, log, grant, now):
        with transaction.atomic():
            revoke(grant, now)
            transaction.set_rollback(True)
        copy_endings(now=now)
        assert events(log) == []


class TestNothingIsLost:
    def test_a_log_that_cannot_be_written_gets_it_later(self, path, grant, now):
        path.mkdir()
        revoke(grant, now)
        with pytest.raises(OSError, match="directory"):
            copy_endings(now=now)
        path.rmdir()
        assert copy_endings(now=now) == 1

    def test_one_configured_later_gets_what_came_before(self, settings, tmp_path, grant, now):
        revoke(grant, now)
        assert copy_endings(now=now) == 0
        settings.ENDINGS_LOG = str(tmp_path / "log")
        assert copy_endings(now=now) == 1

    def test_half_a_line_of_a_crash_is_passed_over(self, path, grant, now):
        copy_endings(now=now)
        with path.open("a") as log:
            log.write('{"line":2,"previ')
        revoke(grant, now)
        copy_endings(now=now)
        assert events(endings_log()) == ["grant.revoked"]

    def test_a_line_that_no_row_knows_of_is_written_again(self, path, grant, now):
        revoke(grant, now)
        copy_endings(now=now)
        EndingCopy.objects.update(line=None, copied_at=None)
        copy_endings(now=now)
        assert [line.number for line in lines(endings_log())] == [1, 2]

    def test_nobody_else_reads_the_file(self, path, now):
        copy_endings(now=now)
        assert path.stat().st_mode & 0o777 == 0o600


class TestTampering:
    @pytest.fixture
    def written(self, path, grant, now):
        revoke(grant, now)
        copy_endings(now=now)
        copy_endings(now=now + DAY)
        copy_endings(now=now + 2 * DAY)
        return path.read_text().splitlines()

    def read(self, path, written):
        path.write_text("\n".join(written) + "\n")
        return lines(endings_log())

    @pytest.mark.parametrize("missing", [0, 1])
    def test_a_line_that_was_taken_out_is_missed(self, path, written, missing):
        del written[missing]
        with pytest.raises(LogUnreadable, match="broken after line"):
            self.read(path, written)

    def test_an_event_that_was_changed_does_not_match_its_hash(self, path, written):
        content = json.loads(written[0])
        content["event"]["target_id"] = "0"
        with pytest.raises(LogUnreadable, match="Line 1"):
            self.read(path, [json.dumps(content)])
