"""Jobs that look inside the model, through the real engine, dispatcher, database and store."""

from __future__ import annotations

import pytest
import torch

from inference import Engine, SamplingParams
from inference.interp import Capture, Intervention, Last, Mean, Projection, TopK
from portal.jobs.captures.keeping import captures_of
from portal.jobs.models import CapturedBlob, Job
from workers.captures import spool

PROMPT = [2, 7, 9, 11, 13]
GREEDY = {"prompt": PROMPT, "max_tokens": 4, "temperature": 0, "ignore_eos": True}
SITES = ("input", "attention", "heads", "attention_output", "neurons", "mlp_output", "output")
EVERYWHERE = [{"site": site} for site in (*SITES, "logits")]


def alone(model, captures=(), interventions=()):
    """Return what the engine by itself captures and writes."""
    with Engine(model=model) as engine:
        [request] = engine.generate(
            [PROMPT],
            SamplingParams(max_tokens=4, temperature=0.0, ignore_eos=True),
            captures=captures,
            interventions=interventions,
        )
    return request.outputs[0]


def assert_same(tensors, own):
    for site, layer, kind in own.points():
        name = ".".join(str(part) for part in (0, site, layer, kind) if part is not None)
        torch.testing.assert_close(tensors[name], own.values(site, layer, kind))
        assert tensors[f"{name}.positions"].tolist() == list(own.positions(site, layer, kind))


@pytest.mark.parametrize("held_bytes", [1, 16 << 20], ids=["on disk", "in memory"])
def test_every_site_is_as_the_engine_has_it(
    worker, model, submit, ended, captured, monkeypatch, held_bytes
):
    monkeypatch.setattr(spool, "HELD_BYTES", held_bytes)
    job = ended(submit(**GREEDY, capture=EVERYWHERE))
    assert job.state == Job.State.SUCCEEDED, job.error
    tensors = captured(job)
    assert_same(tensors, alone(model, [Capture(item["site"]) for item in EVERYWHERE]).captured)
    assert len(tensors) == 2 * (2 * len(SITES) + 1)
    assert 0 < job.capture_bytes == captures_of(job).blob.size_bytes <= job.reserved_capture_bytes


@pytest.mark.parametrize("held_bytes", [1, 16 << 20], ids=["on disk", "in memory"])
def test_reductions_leave_little(
    worker, model, submit, ended, captured, upload, monkeypatch, held_bytes
):
    monkeypatch.setattr(spool, "HELD_BYTES", held_bytes)
    probe = torch.randn(3, 32)
    matrix = {"file": upload(probe=probe, bias=[1.0, 2.0, 3.0]), "tensor": "probe"}
    bias = {"file": matrix["file"], "tensor": "bias"}
    asked_for = [
        {"site": "output", "layers": [0], "reduce": {"kind": "top_k", "k": 4}},
        {
            "site": "output",
            "layers": [1],
            "reduce": {"kind": "projection", "matrix": matrix, "bias": bias},
        },
        {"site": "neurons", "reduce": {"kind": "mean"}},
        {"site": "attention", "reduce": {"kind": "last"}},
    ]
    job = ended(submit(**GREEDY, capture=asked_for))
    assert job.state == Job.State.SUCCEEDED, job.error
    own = [
        Capture("output", [0], reduce=TopK(4)),
        Capture("output", [1], reduce=Projection(probe, [1.0, 2.0, 3.0])),
        Capture("neurons", reduce=Mean()),
        Capture("attention", reduce=Last()),
    ]
    assert_same(captured(job), alone(model, own).captured)
    assert captured(job)["0.output.1.projection"].shape == (8, 3)


def test_interventions_change_what_is_written(worker, model, submit, ended):
    change = {"site": "logits", "action": "add", "value": 100.0, "units": [17]}
    job = ended(submit(**GREEDY, interventions=[change]))
    assert job.events[0]["tokens"] == [17] * 4
    own = alone(model, (), [Intervention("logits", "add", 100.0, units=[17])])
    assert list(own.token_ids) == [17] * 4
    assert captures_of(job) is None
    assert job.capture_bytes == 0


def test_a_large_whole_number_is_a_number(worker, submit, ended):
    change = {"site": "logits", "action": "add", "value": [1e19], "units": [17]}
    job = ended(submit(**GREEDY, interventions=[change]))
    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.events[0]["tokens"] == [17] * 4


def test_an_earlier_completion_is_patched_into_another(worker, submit, ended, captured, public_id):
    source = ended(submit(**GREEDY, capture=[{"site": "output", "layers": [0]}]))
    value = {"completion": public_id(source), "tensor": "0.output.0", "positions": [4]}
    patch = {"site": "output", "action": "replace", "layer": 0, "positions": [2], "value": value}
    capture = [{"site": "output", "layers": [0], "positions": [2]}]
    fields = GREEDY | {"prompt": [2, 31, 33, 35, 37]}
    job = ended(submit(**fields, capture=capture, interventions=[patch]))
    here = captured(source)["0.output.0"][4]
    torch.testing.assert_close(captured(job)["0.output.0"][0], here)


def test_choices_have_their_own(worker, submit, ended, captured):
    capture = [{"site": "output", "layers": [1], "reduce": {"kind": "last"}}]
    fields = {"prompt": [PROMPT, PROMPT[:3]], "n": 2, "best_of": 3, "seed": 3, "max_tokens": 4}
    job = ended(submit(**fields, ignore_eos=True, capture=capture))
    names = {name for name in captured(job) if not name.endswith("positions")}
    assert names == {f"{choice}.output.1.last" for choice in range(4)}


def test_many_choices_fit_what_was_reserved(worker, submit, ended, captured):
    prompts = [[2, *range(7, 7 + length)] for length in (1, 9, 30)]
    fields = {"prompt": prompts, "n": 4, "seed": 3, "max_tokens": 12}  # some end sooner
    reduced = [{"site": "output", "reduce": {"kind": "top_k", "k": 2}}]
    job = ended(submit(**fields, capture=[*EVERYWHERE, *reduced]))
    assert job.state == Job.State.SUCCEEDED, job.error
    assert {name.split(".")[0] for name in captured(job)} == {str(n) for n in range(12)}
    assert job.capture_bytes <= job.reserved_capture_bytes


def test_poison_ends_its_own_job_alone(worker, hosted, submit, ended, upload):
    gigantic = {"site": "output", "action": "scale", "layer": 0, "value": 3e38}
    poisoned = submit(**GREEDY, interventions=[gigantic, gigantic | {"layer": 1}])
    others = [submit(**GREEDY) for _ in range(3)]
    job = ended(poisoned)
    assert job.state == Job.State.FAILED
    assert job.error
    assert "traceback" not in job.error.lower()
    texts = {ended(other).events[0]["text"] for other in others}
    assert len(texts) == 1
    assert {other.state for other in others} == {Job.State.SUCCEEDED}
    assert not CapturedBlob.objects.exists()
