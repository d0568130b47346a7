"""A batch’s lines capture what each of them captures as a job of its own."""

from __future__ import annotations

import torch
from django.utils import timezone
from safetensors.torch import load

from portal.jobs.batches import capturing
from portal.jobs.batches.advancing import advance_batch
from portal.jobs.models import Batch, CaptureShard
from portal.storage import blob_store
from tests.factories.batches import make_batch, request_line, written
from tests.waiting import wait_until

CAPTURE = [{"site": "output"}, {"site": "neurons", "reduce": {"kind": "top_k", "k": 3}}]
FIELDS = {"max_tokens": 4, "temperature": 0, "ignore_eos": True, "capture": CAPTURE}
PROMPTS = [[2, 7, 9 + number] for number in range(6)]


def tensors_of(shard):
    with blob_store().open(shard.blob_id) as content:
        return load(content.read())


def test_a_batchs_captures(worker, hosted, guest, submit, ended, captured, monkeypatch):
    monkeypatch.setattr(capturing, "SHARD_BYTES", 8000)
    lines = [
        request_line(hosted, f"line-{number}", prompt=prompt, **FIELDS)
        for number, prompt in enumerate(PROMPTS)
    ]
    batch = make_batch(guest, lines, now=timezone.now())

    def done():
        advance_batch(batch.pk, timezone.now())
        return Batch.objects.get(pk=batch.pk).state == Batch.State.COMPLETED

    wait_until(done, 60, "the end of the batch")
    shards = list(CaptureShard.objects.filter(batch=batch).select_related("file"))
    assert len(shards) > 1
    [index] = written(Batch.objects.get(pk=batch.pk).capture_index_id)
    files = {shard.file.filename: tensors_of(shard) for shard in shards}
    together = {name: files[file][name] for name, file in index["weight_map"].items()}
    for number, prompt in enumerate(PROMPTS):
        for name, values in captured(ended(submit(prompt=prompt, **FIELDS))).items():
            torch.testing.assert_close(together.pop(f"line-{number}/{name}"), values)
    assert not together
