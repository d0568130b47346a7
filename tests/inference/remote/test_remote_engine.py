"""RemoteEngine with a portal that is busy, away, or wrong."""

import hashlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load

from inference import EngineRequest, RemoteEngine, SamplingParams
from inference.errors import RemoteError, RemoteRefusal
from inference.interp import Capture, Captured, Intervention, Projection
from inference.interp.captured import Snapshot
from inference.interp.tensors_file import write_captured
from inference.interp.wire import TensorReference
from tests.inference.remote.scripted_portal import (
    ANSWER,
    CHOICE,
    Answer,
    refusal,
    scripted_portal,
)
from tests.inference.tiny_opts import ROOT

PROMPT = [2, 5, 7]
ONE = SamplingParams(max_tokens=1)
COMPLETIONS = "/v1/completions"


@pytest.fixture
def portal():
    with scripted_portal() as portal:
        yield portal


@pytest.fixture
def remote(portal):
    with RemoteEngine(f"{portal.base_url}/v1", "wg_1", "lab/opt", patience_seconds=20) as engine:
        yield engine


def bodies(portal):
    return [json.loads(body) for _, _, body in portal.at(COMPLETIONS)]


def test_busy_portals_are_waited_for(portal, remote):
    busy = [refusal(429, "Too many.", Retry_After="0"), refusal(503, "Loading.", Retry_After="0")]
    portal.answers[COMPLETIONS] = [*busy, Answer.of(ANSWER)]
    [output] = remote.generate([PROMPT], ONE)
    assert output.outputs[0].token_ids == [7]
    assert len(portal.at(COMPLETIONS)) == 3
    assert portal.at(COMPLETIONS)[0][1]["Authorization"] == "Bearer wg_1"


def test_nobody_waits_for_longer_than_their_patience(portal, remote):
    portal.answers[COMPLETIONS] = [
        refusal(429, "Today’s tokens are used.", "rate_limit_exceeded", Retry_After="3600")
    ]
    words = r"Today’s tokens are used\. Longer waits than 20 s"
    with pytest.raises(RemoteError, match=words) as busy:
        remote.generate([PROMPT], ONE)
    assert (busy.value.status, busy.value.code) == (429, "rate_limit_exceeded")
    assert len(portal.at(COMPLETIONS)) == 1


def test_a_job_that_failed_ends_its_own_request(portal, remote):
    portal.answers[COMPLETIONS] = [refusal(500, "The engine failed.", "job_failed")]
    [output] = remote.generate([PROMPT], SamplingParams(n=2, max_tokens=1))
    assert [sample.error for sample in output.outputs] == ["The engine failed."] * 2
    assert {sample.finish_reason for sample in output.outputs} == {"error"}


def test_a_refusal_names_the_request_and_the_field(portal, remote):
    portal.answers[COMPLETIONS] = [refusal(400, "capture 0: this grant has none.", param="capture")]
    with pytest.raises(RemoteRefusal, match="prompt 0: capture 0: this grant has none"):
        remote.generate([PROMPT], ONE, captures=[Capture("output")])


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ({"captures": [Capture("output", [2])]}, "prompt 0: capture 0: layers must be from 0 to 1"),
        ({"interventions": [Intervention("output", "add", [1.0], 9)]}, "intervention 0: layer"),
        ({"captures": [Capture("output", positions=[3])]}, "positions must be from 0 to 2"),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_sent(portal, remote, inside, reason):
    with pytest.raises(ValueError, match=reason):
        remote.generate([PROMPT], ONE, **inside)
    assert portal.at(COMPLETIONS) == []


def test_an_answer_that_is_no_json_is_told(portal, remote):
    portal.answers[COMPLETIONS] = [Answer.of(b"<html>")]
    with pytest.raises(RemoteError, match="answered with no JSON"):
        remote.generate([PROMPT], ONE)
    portal.answers[COMPLETIONS] = [Answer.of(b"<html>", 502)]
    with pytest.raises(RemoteError, match="the portal answered 502"):
        remote.generate([PROMPT], ONE)


def test_large_values_are_uploaded_once(portal, remote):
    portal.answers[COMPLETIONS] = [Answer.of(ANSWER)]
    portal.answers["/v1/files"] = [Answer.of({"id": "file-1"}), Answer.of({"id": "file-2"})]
    rows = torch.arange(96.0 * 3).reshape(3, 96)[:, :32].contiguous().repeat(3, 1)
    probe = Projection(rows.numpy(), [0.0] * 9)
    requests = [
        EngineRequest(tuple(PROMPT * 4), ONE, captures=(Capture("output", reduce=probe),)),
        EngineRequest(
            tuple(PROMPT * 4),
            ONE,
            interventions=(
                Intervention("output", "add", rows, 0, range(9)),
                Intervention("output", "add", rows.tolist(), 1, range(9)),
                Intervention("output", "scale", 0.5, 1),
            ),
        ),
    ]
    remote.run(requests)
    remote.run(requests)
    [(_, _, upload)] = portal.at("/v1/files")
    assert b"tensors" in upload
    body = next(body for body in bodies(portal) if "interventions" in body)
    first, same, small = body["interventions"]
    assert first["value"]["file"] == "file-1"
    assert first["value"] == same["value"]
    assert small["value"] == 0.5
    start = upload.index(b"\r\n\r\n", upload.index(b".safetensors")) + 4
    stored = load(upload[start : upload.rindex(b"\r\n--")])
    torch.testing.assert_close(stored[first["value"]["tensor"]], rows)
    [capture] = next(body for body in bodies(portal) if "capture" in body)["capture"]
    assert capture["reduce"]["matrix"] == first["value"]
    assert capture["reduce"]["bias"] == [0.0] * 9


def test_a_reference_to_what_lies_with_the_portal_is_passed_on(portal, remote):
    portal.answers[COMPLETIONS] = [Answer.of(ANSWER)]
    rows = TensorReference("0.output.1", completion="cmpl-9", positions=(1,))
    remote.generate([PROMPT], ONE, interventions=[Intervention("output", "replace", rows, 1, [2])])
    [body] = bodies(portal)
    assert body["interventions"][0]["value"] == {
        "tensor": "0.output.1", "completion": "cmpl-9", "positions": [1],
    }  # fmt: skip
    probe = Projection(TensorReference("weight", file="file-9"))
    remote.generate([PROMPT], ONE, captures=[Capture("output", reduce=probe)])
    matrix = bodies(portal)[1]["capture"][0]["reduce"]["matrix"]
    assert matrix == {"tensor": "weight", "file": "file-9"}


def captures_answer(portal, data, sha256=None):
    described = {
        "url": f"{portal.base_url}/v1/completions/cmpl-1/captures",
        "size_bytes": len(data),
        "sha256": sha256 or hashlib.sha256(data).hexdigest(),
    }
    portal.answers["/v1/completions/cmpl-1/captures"] = [Answer.of(b"", 302, Location="/-/d/1")]
    return {"x_weightgate": {"captures": described}}


@pytest.fixture
def captured():
    values = torch.arange(96.0).reshape(3, 32)
    return Captured([Snapshot("output", 1, (0, 1, 2), values)])


def file_of(captured):
    write_captured(file := io.BytesIO(), {0: captured})
    return file.getvalue()


def test_captures_come_by_the_signed_link_without_the_token(portal, remote, captured):
    data = file_of(captured)
    portal.answers[COMPLETIONS] = [Answer.of({**ANSWER, **captures_answer(portal, data)})]
    portal.answers["/-/d/1"] = [Answer.of(data[:-4]), Answer.of(data)]  # at first cut short
    [output] = remote.generate([PROMPT], ONE, captures=[Capture("output", [1])])
    torch.testing.assert_close(
        output.outputs[0].captured.values("output", 1), captured.values("output", 1)
    )
    assert all("Authorization" not in headers for _, headers, _ in portal.at("/-/d/1"))


def test_captures_with_other_bytes_are_not_believed(portal, remote, captured):
    data = file_of(captured)
    portal.answers[COMPLETIONS] = [Answer.of({**ANSWER, **captures_answer(portal, data, "0" * 64)})]
    portal.answers["/-/d/1"] = [Answer.of(data)]
    with pytest.raises(RemoteError, match="other bytes than the portal hashed, 3 times"):
        remote.generate([PROMPT], ONE, captures=[Capture("output", [1])])


def sse(*items):
    return "".join(f"data: {json.dumps(item)}\n\n" for item in items)


def test_a_stream_brings_its_captures_with_the_last_event(portal, remote, captured):
    data = file_of(captured)
    first = {**ANSWER, "choices": [{**CHOICE, "finish_reason": None}]}
    last = {**ANSWER, "choices": [], **captures_answer(portal, data)}
    lines = f": waiting\n\n{sse(first, ANSWER, last)}data: [DONE]\n\n"
    portal.answers[COMPLETIONS] = [Answer.of(lines.encode())]
    portal.answers["/-/d/1"] = [Answer.of(data)]
    before, after = remote.stream(PROMPT, ONE, captures=[Capture("output", [1])])
    assert before.captured == ()
    assert after.finish_reason == "length"
    assert after.captured[0].positions == (0, 1, 2)


def test_a_stream_that_fails_or_breaks_off_is_told(portal, remote):
    first = {**ANSWER, "choices": [{**CHOICE, "finish_reason": None}]}
    failed = {"error": {"message": "The engine failed.", "code": "job_failed"}}
    portal.answers[COMPLETIONS] = [
        Answer.of(sse(first, failed).encode()),
        Answer.of(sse(first).encode()),
    ]
    _, last = remote.stream(PROMPT, ONE)
    assert (last.finish_reason, last.error) == ("error", "The engine failed.")
    with pytest.raises(RemoteError, match="the stream ended before the text did"):
        list(remote.stream(PROMPT, ONE))


def test_a_model_without_sizes_or_readable_files_is_told(portal):
    portal.answers["/v1/models/lab/opt"] = [Answer.of({"id": "lab/opt"})]
    with pytest.raises(RemoteError, match=r"this token can't read its config\.json: ask its lab"):
        RemoteEngine(portal.base_url, "wg_1", "lab/opt")
    portal.answers["/v1/models/lab/opt"] = [Answer.of({"x_weightgate": {"config": {}}})]
    with pytest.raises(RemoteError, match="lab/opt is no model of the family: 'num_hidden_layers'"):
        RemoteEngine(portal.base_url, "wg_1", "lab/opt")


ALONE = """
import importlib.util, sys
BLOCKED = ("torch", "django", "celery", "transformers", "safetensors", "redis", "boto3")
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in BLOCKED else find(name)
for name in BLOCKED:
    sys.modules[name] = None

from inference import RemoteEngine, SamplingParams
from inference.interp import Capture

with RemoteEngine(sys.argv[1], "wg_1", "lab/opt") as engine:
    params = SamplingParams(max_tokens=1)
    [output] = engine.generate([[2, 5, 7]], params, captures=[Capture("output", [1])])
values = output.outputs[0].captured.values("output", 1)
print(type(values).__module__, values.shape, values.sum())
"""


def test_it_runs_without_torch_django_and_the_rest_of_the_server(portal, captured):
    data = file_of(captured)
    portal.answers[COMPLETIONS] = [Answer.of({**ANSWER, **captures_answer(portal, data)})]
    portal.answers["/-/d/1"] = [Answer.of(data)]
    run = subprocess.run(
        [sys.executable, "-c", ALONE, portal.base_url],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    total = float(np.arange(96, dtype=np.float32).sum())
    assert run.stdout == f"numpy (3, 32) {total}\n"
