"""A batch's captures come as a few files with an index, and none is lost on the way."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from safetensors.numpy import load, save

from portal.access.models import Grant
from portal.jobs.batches import capturing
from portal.jobs.batches.advancing import advance_batch
from portal.jobs.batches.retention import forget_files
from portal.jobs.captures.keeping import sweep_captures
from portal.jobs.models import Batch, CapturedBlob, CaptureFile, CaptureShard, StoredFile
from portal.storage import blob_store
from tests.factories import captures as factory
from tests.factories.batches import make_batch, request_line, written
from tests.factories.captures import ONE, make_captured

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    tensors = {
        "0.output.0": {"dtype": "float32", "shape": [2, 4]},
        "0.output.0.positions": {"dtype": "int64", "shape": [2]},
    }
    monkeypatch.setattr(factory, "TENSORS", tensors)


def content_of(number):
    return save(
        {
            "0.output.0": np.full((2, 4), number, dtype="<f4"),
            "0.output.0.positions": np.array([0, number], dtype="<i8"),
        }
    )


@pytest.fixture
def submit(hosted, guest, now):
    def send(count):
        lines = [request_line(hosted, f"id/{number}", capture=[ONE]) for number in range(count)]
        batch = make_batch(guest, lines, now=now)
        advance_batch(batch.pk, now)
        return batch

    return send


@pytest.fixture
def answer(hosted, now):
    """Answer the next line, whose number its captures hold."""

    def run():
        from portal.jobs.models import Job

        job = Job.objects.filter(state="queued").order_by("created_at", "pk").first()
        waiting = Job.objects.filter(state="queued").count()
        assert job is not None
        assert waiting
        return make_captured(hosted, now, content=content_of(waiting))

    return run


def shards_of(batch):
    return list(CaptureShard.objects.filter(batch=batch).order_by("number"))


def tensors_of(shard):
    with blob_store().open(shard.blob_id) as content:
        return load(io.BytesIO(content.read()).getvalue())


def finished(batch, now):
    advance_batch(batch.pk, now)
    batch = Batch.objects.get(pk=batch.pk)
    assert batch.state == Batch.State.COMPLETED
    return batch


def test_they_are_joined_under_each_lines_id(submit, answer, now):
    batch = submit(3)
    for _ in range(3):
        answer()
    batch = finished(batch, now)
    [shard] = shards_of(batch)
    tensors = tensors_of(shard)
    names = {f"id/{n}/0.output.0{end}" for n in range(3) for end in ("", ".positions")}
    assert set(tensors) == set(shard.tensors) == names
    assert {tensors[f"id/{n}/0.output.0"][0, 0] for n in range(3)} == {1, 2, 3}
    for number in range(3):
        held = tensors[f"id/{number}/0.output.0"][0, 0]
        assert tensors[f"id/{number}/0.output.0.positions"].tolist() == [0, held]
    assert not CaptureFile.objects.exists()
    assert shard.file.is_whole
    lines = written(batch.output_file_id)
    captured = lines[0]["response"]["body"]["x_weightgate"]["captures"]
    assert captured["prefix"] == f"{lines[0]['custom_id']}/"


def test_the_index_leads_to_the_shard_of_each_tensor(submit, answer, now, monkeypatch):
    monkeypatch.setattr(capturing, "SHARD_BYTES", 1)
    batch = submit(3)
    for _ in range(3):
        answer()
        advance_batch(batch.pk, now)
    batch = finished(batch, now)
    shards = shards_of(batch)
    assert len(shards) == 3
    [index] = written(batch.capture_index_id)
    assert index["metadata"]["total_size"] == sum(shard.blob.size_bytes for shard in shards)
    files = {shard.file.filename: tensors_of(shard) for shard in shards}
    assert len(index["weight_map"]) == 6
    assert all(name in files[file] for name, file in index["weight_map"].items())


def test_a_process_killed_before_the_shard_counts_loses_nothing(submit, answer, now, monkeypatch):
    batch = submit(2)
    for _ in range(2):
        answer()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(capturing, "_replace", killed)
        with pytest.raises(KeyboardInterrupt):
            advance_batch(batch.pk, now)
    assert CaptureFile.objects.count() == 2
    sweep_captures(now)
    [shard] = shards_of(finished(batch, now))
    assert len(tensors_of(shard)) == 4
    sweep_captures(now + timedelta(hours=1))
    assert list(CapturedBlob.objects.all()) == [shard.blob]
    assert blob_store().has(shard.blob_id)


class TestFiles:
    @pytest.fixture
    def batch(self, submit, answer, now):
        batch = submit(1)
        answer()
        return finished(batch, now)

    def test_the_batch_names_them(self, client, key, batch):
        shown = client.get(f"/v1/batches/batch_{batch.pk.hex}", headers=key).json()
        named = shown["x_weightgate"]
        [shard] = shards_of(batch)
        assert named["capture_file_ids"] == [f"file-{shard.file_id.hex}"]
        assert named["capture_index_id"] == f"file-{batch.capture_index_id.hex}"
        content = client.get(f"/v1/files/{named['capture_file_ids'][0]}/content", headers=key)
        assert len(b"".join(content.streaming_content)) == shard.blob.size_bytes
        index = client.get(f"/v1/files/{named['capture_index_id']}/content", headers=key)
        assert json.loads(b"".join(index.streaming_content))["weight_map"]

    def test_its_page_has_them_to_download(self, client, guest, batch):
        client.force_login(guest)
        own = f"/jobs/batches/batch_{batch.pk.hex}"
        page = client.get(own).text
        assert "Index of captures" in page
        assert "Captures, file 1" in page
        [shard] = shards_of(batch)
        content = client.get(f"{own}/captures-1")
        assert len(b"".join(content.streaming_content)) == shard.blob.size_bytes
        assert client.get(f"{own}/captures").status_code == 200
        assert client.get(f"{own}/captures-2").status_code == 404

    def test_whose_inside_is_closed_has_them_no_more(self, client, key, guest, batch):
        Grant.objects.filter(person=guest).update(conditions={"no_captures": True})
        [shard] = shards_of(batch)
        refused = client.get(f"/v1/files/file-{shard.file_id.hex}/content", headers=key)
        assert refused.status_code == 403

    def test_deleting_one_deletes_its_bytes(self, client, key, batch, now):
        [shard] = shards_of(batch)
        client.delete(f"/v1/files/file-{shard.file_id.hex}", headers=key)
        sweep_captures(now + timedelta(hours=1))
        assert not blob_store().has(shard.blob_id)

    def test_they_go_with_the_other_files(self, batch, now, settings):
        [shard] = shards_of(batch)
        later = now + timedelta(days=settings.PROMPT_DAYS + 1)
        forget_files(later)
        sweep_captures(later)
        assert not StoredFile.objects.exists()
        assert not CapturedBlob.objects.exists()
        assert not blob_store().has(shard.blob_id)
