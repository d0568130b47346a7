"""Every door refuses bytes for which the disk has no room, before they are read."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from portal.hub.models import Upload
from portal.hub.uploads.streaming import _begin
from portal.storage import blob_store
from portal.storage.incoming import FOLDER
from tests.factories.catalog import make_folder
from tests.portal.hub.desk import Desk, file_line, make_desk
from tests.portal.hub.publishing.test_api_uploads import bring, start

pytestmark = pytest.mark.django_db
CONTENT = b"numbers " * 1000
NEEDED, FREE = "This takes 8.0\u00a0kB", "are free here"


@pytest.fixture
def desk(client) -> Desk:
    return make_desk(client)


@pytest.fixture
def full(desk, settings) -> Desk:
    """Return a desk whose files were brought as long as there was room; now there is none."""
    settings.UPLOAD_RESERVE_BYTES = 10**18
    return desk


def stored() -> int:
    return len(list(blob_store().stored()))


def test_the_api_names_what_is_needed_and_free(full):
    answer = start(full, ("a.bin", 5000), ("b.bin", 3000))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (507, "no_room")
    assert NEEDED in error["message"]
    assert FREE in error["message"]


def test_the_batch_of_the_hubs_clients_says_so_for_each_file(desk, settings):
    bring(desk, "here.bin", CONTENT)
    settings.UPLOAD_RESERVE_BYTES = 10**18
    (here,) = desk.batch(CONTENT).json()["objects"]
    assert "error" not in here
    (other,) = desk.batch(CONTENT[::-1]).json()["objects"]
    assert (other["error"]["code"], "actions" in other) == (507, False)
    assert NEEDED in other["error"]["message"]


def test_an_upload_is_refused_before_it_is_read(desk, settings):
    link = desk.link(CONTENT)
    before = stored()
    settings.UPLOAD_RESERVE_BYTES = 10**18
    answer = desk.client.put(link, CONTENT, content_type="")
    assert (answer.status_code, NEEDED in answer.json()["error"]) == (507, True)
    assert list(settings.BLOB_DIR.glob(f"{FOLDER}/*")) == []
    assert (stored(), Upload.objects.count()) == (before, 0)
    settings.UPLOAD_RESERVE_BYTES = 0
    assert desk.client.put(link, CONTENT, content_type="").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_process_that_takes_uploads_in_opens_no_file(desk, settings):
    signed = urlsplit(desk.link(CONTENT)).path.rpartition("/")[2]
    settings.UPLOAD_RESERVE_BYTES = 10**18
    assert _begin(signed, str(len(CONTENT))) is None
    assert list(settings.BLOB_DIR.glob(f"{FOLDER}/*")) == []
    settings.UPLOAD_RESERVE_BYTES = 0
    incoming = _begin(signed, str(len(CONTENT)))
    assert incoming is not None
    incoming.discard()


def test_a_commit_with_files_in_it_is_refused_before_it_is_read(full):
    before, head = stored(), full.head
    answer = full.commit(file_line("notes.txt", CONTENT))
    assert answer.status_code == 507
    assert FREE in answer["X-Error-Message"].replace("\u00a0", " ")
    assert (stored(), full.head) == (before, head)


def test_publishing_a_folder_is_refused_before_a_file_is_copied(full, tmp_path, settings):
    settings.VAR = tmp_path / "var"
    folder, before = make_folder(tmp_path / "in"), stored()
    with pytest.raises(CommandError, match=FREE):
        call_command(
            "publish",
            folder,
            "--repo",
            full.name,
            "--as",
            full.publisher.username,
            "--licensor",
            "--no-load-check",
            "Not now.",
        )
    assert stored() == before
    assert not AuditEvent.objects.filter(type="hosting.stated").exists()
