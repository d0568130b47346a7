from __future__ import annotations

import io

import pytest
import torch
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from safetensors.torch import load, save

from portal.accounts.tokens.authentication import Caller
from portal.jobs.batches.files import store_file
from portal.jobs.batches.public_ids import COMPLETION_PREFIX, FILE_PREFIX, spelt
from portal.jobs.captures.keeping import captures_of
from portal.jobs.models import StoredFile
from portal.storage import blob_store


@pytest.fixture
def captured():
    """Read the file of a job's captures: its tensors by name."""

    def read(job):
        captures = captures_of(job)
        assert captures is not None, job.error
        with blob_store().open(captures.blob_id) as content:
            return load(io.BytesIO(content.read()).getvalue())

    return read


@pytest.fixture
def upload(guest):
    """Store a file of tensors, and return its public id."""

    def store(person=None, **tensors):
        content = save({name: torch.as_tensor(value) for name, value in tensors.items()})
        file = store_file(
            caller=Caller(person or guest),
            uploaded=SimpleUploadedFile("tensors.safetensors", content),
            now=timezone.now(),
            purpose=StoredFile.Purpose.TENSORS,
        )
        return spelt(FILE_PREFIX, file.pk)

    return store


@pytest.fixture
def public_id():
    return lambda job: spelt(COMPLETION_PREFIX, job.pk)
