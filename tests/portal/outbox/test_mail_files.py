"""Letters kept as files hold live links, so that nobody else on the machine reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portal.outbox.services import deliver_due
from tests.portal.outbox.mails import queue


@pytest.fixture
def _open_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.django_db
@pytest.mark.usefixtures("_open_umask")
def test_folder_and_files_are_ours_alone(now, settings):
    settings.EMAIL_BACKEND = "portal.outbox.mail_files.EmailBackend"
    folder = Path(settings.EMAIL_FILE_PATH)
    folder.mkdir(mode=0o755)
    queue(now)
    assert deliver_due(now=now) == 1
    (letter,) = folder.iterdir()
    assert "Subject: Hello" in letter.read_text()
    assert (folder.stat().st_mode & 0o777, letter.stat().st_mode & 0o777) == (0o700, 0o600)
