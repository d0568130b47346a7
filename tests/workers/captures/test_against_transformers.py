"""A job's captures are those of hooks on transformers' model, on one device and over ranks."""

from __future__ import annotations

import pytest
import torch
from transformers import OPTForCausalLM

from portal.jobs import hosting
from portal.jobs.models import Job
from tests.inference.interp.test_white_box import LAYER_SITES, peers_view
from tests.waiting import wait_until

PROMPT = [2, 7, 9, 11, 13]
EVERYWHERE = [{"site": site} for site in (*LAYER_SITES, "logits")]
STEER = {"site": "output", "action": "scale", "layer": 0, "value": 0.5, "positions": [1, 2]}


@pytest.fixture(scope="module")
def peer(model):
    return OPTForCausalLM.from_pretrained(model, dtype=torch.float32).eval()


def halved(rows):
    rows[[1, 2]] *= 0.5
    return rows


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("tensor", "pipeline"), [(1, 1), (2, 1), (1, 2)], ids=["one", "tensor 2", "pipeline 2"]
)
def test_every_site_changed_or_not_is_as_transformers_has_it(
    hosted, start_worker, submit, ended, captured, peer, settings, tensor, pipeline
):
    settings.ENGINE_TENSOR_PARALLEL_SIZE = tensor
    settings.ENGINE_PIPELINE_PARALLEL_SIZE = pipeline
    start_worker()
    wait_until(lambda: hosting.ready_commit(hosted.full_name), 120, "a loaded model")
    fields = {"prompt": PROMPT, "max_tokens": 4, "temperature": 0, "ignore_eos": True}
    plain = submit(**fields, capture=EVERYWHERE)
    changed = submit(**fields, capture=EVERYWHERE, interventions=[STEER])
    others = [submit(**fields) for _ in range(2)]  # in the same batch
    for job, edits in ((plain, ()), (changed, [("output", 0, halved)])):
        ended(job)
        assert job.state == Job.State.SUCCEEDED, job.error
        computed = PROMPT + job.events[0]["tokens"][:-1]
        theirs = peers_view(peer, computed, edits)
        tensors = captured(job)
        assert len(tensors) == 2 * len(theirs)
        for (site, layer), values in theirs.items():
            ours = tensors[f"0.{site}" if layer is None else f"0.{site}.{layer}"]
            torch.testing.assert_close(ours, values.reshape(ours.shape), atol=1e-4, rtol=0)
    texts = {ended(job).events[0]["text"] for job in (plain, *others)}
    assert len(texts) == 1
