"""Each failure that ends one request names it in the log, whatever failed."""

from __future__ import annotations

import pytest

from inference import Engine, EngineRequest, SamplingParams
from inference.engine import step
from inference.engine.model_runner import ModelRunner
from inference.engine.request import LiveSample


def fail(*args, **named):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ModelRunner, "forward"),
        (step, "_read"),
        (LiveSample, "_named"),
        (LiveSample, "_take"),
    ],
)
def test_a_failure_names_its_request(plain_opt, monkeypatch, caplog, owner, name):
    with Engine(model=plain_opt[0]) as engine:
        sampling = SamplingParams(max_tokens=2, logprobs=1)
        ids = [engine.submit(EngineRequest([2, 5], sampling, f"mine/{n}")) for n in range(2)]
        monkeypatch.setattr(owner, name, fail)
        ends = {event.request_id: event.finish_reason for event in engine.step()}
    assert ends == dict.fromkeys(ids, "error")
    failures = [record for record in caplog.records if record.exc_info]
    assert [record.engine_request_id for record in failures] == ids
    assert all(record.engine_request_id in record.getMessage() for record in failures)
