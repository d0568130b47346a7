"""A job that needs what isn’t there when it runs ends alone, in words."""

from __future__ import annotations

import pytest
import torch

from portal.accounts.tokens.authentication import Caller
from portal.jobs import hosting
from portal.jobs.batches.files import delete_file
from portal.jobs.models import Job

FIELDS = {"prompt": [2, 7, 9, 11, 13], "max_tokens": 2}
STEER = {"site": "output", "action": "add", "layer": 0}


@pytest.fixture
def waiting(hosted):
    """Have the model be served by nobody yet: what is sent waits."""
    hosting.beat(hosted.full_name, state=hosting.LOADING, commit="")


def test_a_deleted_file(hosted, waiting, start_worker, submit, ended, upload, guest):
    file_id = upload(steer=torch.ones(32))
    value = {"file": file_id, "tensor": "steer"}
    job = submit(**FIELDS, interventions=[{**STEER, "value": value}])
    delete_file(caller=Caller(guest), public_id=file_id)
    other = submit(**FIELDS)
    start_worker()
    assert ended(job).state == Job.State.FAILED
    assert "This can’t be run: intervention 0: there is no file of tensors" in job.error
    assert ended(other).state == Job.State.SUCCEEDED


def test_a_position_that_was_not_captured(worker, submit, ended, public_id):
    """Fail the job where its file alone tells; other positions are refused as they are sent."""
    last = {"site": "output", "layers": [0], "reduce": {"kind": "last"}}
    source = ended(submit(**FIELDS, capture=[last]))
    value = {"completion": public_id(source), "tensor": "0.output.0.last", "positions": [90]}
    job = submit(**FIELDS, interventions=[{**STEER, "positions": [1], "value": value}])
    assert ended(job).state == Job.State.FAILED
    assert "no values at position 90" in job.error


def test_a_disk_without_room(worker, submit, ended, settings):
    settings.UPLOAD_RESERVE_BYTES = 1 << 60
    job = ended(submit(**FIELDS, capture=[{"site": "output"}]))
    assert job.state == Job.State.FAILED
    assert "are free here" in job.error
    assert ended(submit(**FIELDS)).state == Job.State.SUCCEEDED  # which keeps nothing
