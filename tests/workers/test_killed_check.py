"""kill -9 in the middle of the check of a large commit: another worker ends it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from portal.catalog.models import Blob, RevisionCheck
from portal.catalog.quarantine.checking import TASK
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.statements import HostingStatement
from portal.embedded.demo.parts import ROOT
from portal.hub.models import Upload
from portal.queue import enqueue
from tests.portal.hub.desk import Desk, file_line, make_desk
from tests.waiting import wait_until

SHARD = "model.safetensors"
TENSOR_BYTES = 3 << 30  # of zeros, which take no room on the disk, and some seconds to be read
CARD = b"---\nlicense: other\n---\n# A model\n"
DOCUMENTS = {
    "README.md": CARD,
    "LICENSE": b"You may study it.\n",
    "config.json": b'{"model_type": "other"}',
    "tokenizer.json": b'{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}',
}


@pytest.fixture
def desk(transactional_db, client, settings) -> Desk:
    """Make a public repo, for which the bytes of a large shard were brought."""
    settings.CHECK_IN_REQUEST_BYTES = 64_000_000
    desk = make_desk(client, repo=False)
    desk.name = desk.create(private=False, visibility="public").json()["id"]
    statement, now = HostingStatement(), timezone.now()
    state_right(actor=desk.publisher, repo_id=desk.repo.pk, statement=statement, now=now)
    return desk


def bring_shard(desk: Desk) -> dict[str, object]:
    """Store a shard as an upload leaves it, under a name of its own. Return its commit line."""
    entry = {"dtype": "F32", "shape": [TENSOR_BYTES // 4], "data_offsets": [0, TENSOR_BYTES]}
    header = json.dumps({"weight": entry}).encode()
    sha256 = hashlib.sha256(header).hexdigest()
    path = settings.BLOB_DIR / sha256[:2] / sha256[2:4] / sha256
    path.parent.mkdir(parents=True)
    with path.open("wb") as shard:
        shard.write(len(header).to_bytes(8, "little") + header)
        shard.truncate(8 + len(header) + TENSOR_BYTES)
    size = path.stat().st_size
    blob = Blob.objects.create(sha256=sha256, git_sha1=sha256[:40], size_bytes=size)
    Upload.objects.create(
        repo=desk.repo, blob=blob, person=desk.publisher, arrived_at=timezone.now()
    )
    value = {"path": SHARD, "algo": "sha256", "oid": sha256, "size": size}
    return {"key": "lfsFile", "value": value}


def start_worker(queue: str, tmp_path: Path) -> subprocess.Popen[bytes]:
    """Start a real worker on the tests' own database, which hears the hints of one queue."""
    database = connection.settings_dict
    address = f"postgresql://{quote(database['USER'])}@/{database['NAME']}"
    environment = {
        "DATABASE_URL": f"{address}?host={quote(database['HOST'], safe='')}"
        f"&port={database['PORT'] or 5432}",
        "WEIGHTGATE_BLOB_DIR": str(settings.BLOB_DIR),
        "WEIGHTGATE_VAR": str(tmp_path / queue),
    }
    options = ("--pool", "threads", "--concurrency", "2", "-Q", queue, "-n", f"{queue}@test")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    with (tmp_path / f"{queue}.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "workers.app", "worker", *options, *quiet],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture
def workers(desk, tmp_path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start two at once: the first hears of the commit, the second what beat would repeat."""
    started = [start_worker(queue, tmp_path) for queue in ("weightgate", "another")]
    yield started
    for worker in started:
        worker.kill()
        worker.wait()


@pytest.mark.clients
@pytest.mark.timeout(180)
def test_another_worker_ends_the_check_of_one_that_was_killed(desk, workers):
    documents = [file_line(path, content) for path, content in DOCUMENTS.items()]
    answer = desk.commit(*documents, bring_shard(desk))
    commit = answer.json()["commitOid"]
    assert "being checked" in answer["X-HF-Warning"]
    page = f"/api/models/{desk.name}/revision/{commit}"
    progress = f"/api/v1/models/{desk.name}/revisions/main/check/"

    def midway():
        body = desk.call("get", progress).json()
        assert body["state"] == "checking", body
        return 0 < body["read_bytes"] < body["total_bytes"]

    wait_until(midway, 60, "progress")
    workers[0].kill()
    workers[0].wait()
    rows = RevisionCheck.objects.filter(revision__commit=commit)
    assert rows.get().state == "checking"
    assert desk.client.get(page).status_code == 404
    rows.update(lease_until=timezone.now())  # a minute passes
    enqueue(TASK, queue="another")
    wait_until(lambda: rows.get().state != "checking", 60, "an end of the check")
    assert (rows.get().state, rows.get().attempt) == ("passed", 2)
    assert desk.shown.commit == commit
    assert desk.client.get(page).status_code == 200
