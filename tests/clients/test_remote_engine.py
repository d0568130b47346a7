"""RemoteEngine against the running demo: what Engine says of the same files, over HTTP."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from huggingface_hub import snapshot_download

from inference import Engine, EngineRequest, RemoteEngine, SamplingParams
from inference.errors import EngineClosed, PromptTooLong, RemoteError, RemoteRefusal
from inference.interp import (
    Capture,
    Captured,
    Intervention,
    Last,
    Mean,
    Projection,
    TopK,
    ablate_heads,
    ablate_neurons,
)
from inference.interp.wire import TensorReference
from inference.remote.served_model import ServedTokenizer
from inference.tokenizer import Tokenizer

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

GREEDY = SamplingParams(max_tokens=6, temperature=0.0, ignore_eos=True)


@pytest.fixture
def name(stack):
    return stack.demo["hosted_model"]


@pytest.fixture
def remote(stack, name):
    with RemoteEngine(stack.base_url, stack.account("approved")["token"], name) as engine:
        yield engine


@pytest.fixture
def local(stack, name, tmp_path):
    """Return an Engine of the same files, fetched as anybody fetches them."""
    folder = snapshot_download(
        name,
        endpoint=stack.base_url,
        token=stack.account("approved")["token"],
        cache_dir=tmp_path / "hub",
    )
    with Engine(folder) as engine:
        yield engine


def seen(output):
    """Return what the outputs say, without ids of requests and without what was captured."""
    fields = asdict(output)
    fields.pop("request_id")
    for sample in fields["outputs"]:
        sample.pop("captured")
    return fields


@pytest.mark.parametrize(
    "params",
    [
        GREEDY,
        SamplingParams(n=2, max_tokens=12, seed=5),
        SamplingParams(max_tokens=20, seed=1, stop=["e", "\n"], include_stop_str_in_output=True),
        SamplingParams(max_tokens=9, seed=2, top_k=4, repetition_penalty=1.3, logit_bias={5: 3.0}),
    ],
)
def test_the_same_script_says_the_same(remote, local, params):
    prompts = ["import os\n", "def main("]
    ours, theirs = (engine.generate(prompts, params) for engine in (remote, local))
    assert [seen(output) for output in ours] == [seen(output) for output in theirs]


def test_logprobs_are_by_id_with_ranks_as_far_as_they_are_listed(remote, local):
    params = SamplingParams(max_tokens=5, seed=3, logprobs=2, prompt_logprobs=1)
    [ours], [theirs] = (engine.generate("import os\n", params) for engine in (remote, local))
    assert ours.outputs[0].token_ids == theirs.outputs[0].token_ids
    require_same_scores(ours.outputs[0].logprobs, theirs.outputs[0].logprobs, most=2)
    assert ours.prompt_logprobs[0] is theirs.prompt_logprobs[0] is None
    require_same_scores(ours.prompt_logprobs[1:], theirs.prompt_logprobs[1:], most=None)


def require_same_scores(ours, theirs, most):
    for here, there in zip(ours, theirs, strict=True):
        assert list(here) == list(there)
        for token, entry in there.items():
            assert here[token].logprob == pytest.approx(entry.logprob, abs=1e-4)
            assert here[token].decoded_token == entry.decoded_token
            listed = most is None or entry.rank <= most
            assert here[token].rank == (entry.rank if listed else None)


def test_a_prompt_is_only_scored(remote, local):
    params = SamplingParams(max_tokens=0, prompt_logprobs=0)
    [ours], [theirs] = (engine.generate("import os\n", params) for engine in (remote, local))
    assert (ours.outputs[0].text, ours.outputs[0].token_ids) == ("", [])
    assert ours.outputs[0].finish_reason == theirs.outputs[0].finish_reason == "length"
    require_same_scores(ours.prompt_logprobs[1:], theirs.prompt_logprobs[1:], most=None)


def test_without_max_tokens_it_writes_until_the_context_is_full(remote):
    prompt = [2] * (remote.max_model_len - 2)
    [output] = remote.generate([prompt], SamplingParams(max_tokens=None, ignore_eos=True, seed=1))
    assert len(output.outputs[0].token_ids) == 2


def test_a_stream_says_what_the_whole_says(remote, local):
    params = SamplingParams(n=2, max_tokens=12, seed=5, logprobs=1)
    [whole] = remote.generate("import os\n", params)
    events = list(remote.stream("import os\n", params))
    for sample in whole.outputs:
        own = [event for event in events if event.index == sample.index]
        assert "".join(event.text for event in own) == sample.text
        assert [token for event in own for token in event.token_ids] == sample.token_ids
        assert [entry for event in own for entry in event.logprobs] == sample.logprobs
        assert own[-1].finish_reason == sample.finish_reason
        assert {event.finish_reason for event in own[:-1]} <= {None}


def test_leaving_a_stream_frees_its_place(remote):
    params = SamplingParams(max_tokens=1500, ignore_eos=True)
    for _ in range(10):  # more than may be open at once
        events = remote.stream("import os\n", params)
        next(events)
        events.close()
    assert remote.generate("import os\n", GREEDY)


def test_many_requests_are_answered_in_their_order(remote, local):
    requests = [
        EngineRequest((2, 40 + number), SamplingParams(max_tokens=4, seed=number))
        for number in range(12)
    ]
    ours, theirs = remote.run(requests), local.run(requests)
    assert [seen(output) for output in ours] == [seen(output) for output in theirs]


def test_config_and_tokenizer_are_the_models(remote, local):
    for size in ("num_hidden_layers", "hidden_size", "vocab_size", "head_dim", "ffn_dim"):
        assert getattr(remote.config, size) == getattr(local.config, size)
    assert remote.max_model_len == local.max_model_len
    assert isinstance(remote.tokenizer, Tokenizer)
    text = "import ünï\n"
    assert remote.prompt_token_ids(text) == local.prompt_token_ids(text)
    served = ServedTokenizer(remote._connection, remote.model, remote.config.vocab_size)
    assert served.encode(text) == local.tokenizer.encode(text)
    assert served.decode(served.encode(text, special_tokens=False)) == text
    assert served.name(40) == local.tokenizer.name(40)


@pytest.mark.parametrize(
    ("prompts", "params", "reason"),
    [
        ([""], GREEDY, None),  # a text has its start token, so that it isn't empty
        ([[]], GREEDY, "prompt 0: the prompt is empty; it needs one token at least"),
        (["a", [10**9]], GREEDY, "prompt 1: 1000000000 is not a token id from 0 to"),
        (["a"], SamplingParams(max_tokens=10**6), "over the model's"),
        (["a"], SamplingParams(stop_token_ids=[10**6]), "prompt 0: stop_token_ids names token"),
        (["a", "b"], [GREEDY], "2 prompts need as many SamplingParams, not 1"),
    ],
)
def test_what_engine_refuses_is_refused_in_the_same_words(remote, local, prompts, params, reason):
    for engine in (remote, local):
        if reason is None:
            assert engine.generate(prompts, params)
        else:
            with pytest.raises(ValueError, match=reason):
                engine.generate(prompts, params)


def test_what_the_portal_alone_refuses_names_its_field(remote):
    with pytest.raises(RemoteRefusal, match=r"prompt 0: .*temperature") as refused:
        remote.generate("a", SamplingParams(temperature=3.0))
    assert refused.value.field == "temperature"
    with pytest.raises(RemoteRefusal, match="prompt_logprobs can’t be streamed"):
        list(remote.stream("a", SamplingParams(prompt_logprobs=0)))
    with pytest.raises(ValueError, match="deadline is decided by the portal: leave it out"):
        remote.run([EngineRequest((2,), GREEDY, deadline=1.0)])
    with pytest.raises(PromptTooLong):
        remote.generate([[2] * remote.max_model_len], GREEDY)


def test_errors_say_what_to_do(stack, name, remote):
    token = stack.account("approved")["token"]
    with pytest.raises(RemoteError, match="Make a token of the scope “infer” at http") as unknown:
        RemoteEngine(stack.base_url, "wg_mistyped", name)
    assert (unknown.value.status, unknown.value.code) == (401, "invalid_api_key")
    with pytest.raises(RemoteError, match=r"no/such.* is not hosted here") as missing:
        RemoteEngine(stack.base_url, token, "no/such")
    assert missing.value.status == 404
    with pytest.raises(RemoteError, match=r"cannot reach .*check base_url and the network"):
        RemoteEngine("http://127.0.0.1:9", token, name)
    with pytest.raises(ValueError, match="base_url must begin with https"):
        RemoteEngine("portal.example.org", token, name)
    remote.close()
    with pytest.raises(EngineClosed):
        remote.generate("a", GREEDY)


def looked_into(engine):
    """Capture, steer, patch and probe: a script that knows nothing of where the model runs."""
    clean, corrupt = "import os\n", "import re\n"
    every_site = [
        Capture(site)
        for site in (
            *("input", "attention", "heads", "attention_output", "neurons", "mlp_output"),
            *("output", "logits"),
        )
    ]
    [source] = engine.generate([clean], GREEDY, captures=every_site)
    assert source.outputs[0].error is None
    captured, width = source.outputs[0].captured, engine.config.hidden_size
    direction = captured.values("output", 0, None)[-1] - captured.values("output", 0)[0]
    patch = captured.patch("output", 0, [2], at=[1])
    requests = [
        {"interventions": [Intervention("output", "add", 4 * direction, 0)]},
        {"interventions": [patch, Intervention("logits", "add", [-100.0], units=[2])]},
        {"interventions": [ablate_heads(0, [1]), ablate_neurons(1, range(100))]},
        {"interventions": [captured.patch("logits", None, [1, 2])]},  # too large to be inline
        {"captures": reductions(captured.values("output", 0)[:3].repeat(4, 1), width)},
        {"captures": [Capture("output", [1], [1, 2], "bfloat16")], "interventions": [patch]},
    ]
    prompt = tuple(engine.prompt_token_ids(corrupt))
    outputs = engine.run(
        [
            EngineRequest(prompt, SamplingParams(n=2, max_tokens=5, seed=4), **_tuples(inside))
            for inside in requests
        ]
    )
    return [source, *outputs]


def reductions(matrix, width):
    return [
        Capture("output", reduce=Last()),
        Capture("output", [0], reduce=Mean()),
        Capture("logits", reduce=TopK(5)),
        Capture("output", [1], reduce=Projection(matrix, [0.0, 1.0, 2.0] * 4)),
        Capture("neurons", [1], reduce=Projection([[1.0] * (4 * width)])),
    ]


def _tuples(inside):
    return {name: tuple(items) for name, items in inside.items()}


def test_the_same_script_looks_into_a_hosted_model(remote, local):
    ours, theirs = looked_into(remote), looked_into(local)
    assert [seen(output) for output in ours] == [seen(output) for output in theirs]
    for here, there in zip(ours, theirs, strict=True):
        for sample, expected in zip(here.outputs, there.outputs, strict=True):
            require_same_captures(sample.captured, expected.captured)


def require_same_captures(ours, theirs):
    assert set(ours.points()) == set(theirs.points())
    for point in theirs.points():
        assert ours.positions(*point) == theirs.positions(*point)
        assert ours.values(*point).dtype == theirs.values(*point).dtype
        here, there = ours.values(*point), theirs.values(*point)
        rounding = 2**-7 if there.dtype == torch.bfloat16 else 0
        torch.testing.assert_close(here, there, atol=1e-4, rtol=rounding)


def test_a_stream_brings_the_same_captures(remote, local):
    captures = [Capture("output"), Capture("logits", reduce=Mean())]
    for engine_captured in zip(
        *(captured_by_stream(engine, captures) for engine in (remote, local)), strict=True
    ):
        require_same_captures(*engine_captured)


def captured_by_stream(engine, captures):
    samples = [Captured(), Captured()]
    params = SamplingParams(n=2, max_tokens=5, seed=4)
    for event in engine.stream("import os\n", params, captures=captures):
        samples[event.index].add(event.captured)
    return samples


def test_rows_of_an_earlier_completion_are_patched_in_without_a_download(remote):
    [source] = remote.generate(["import os\n"], GREEDY, captures=[Capture("output", [0])])
    rows = TensorReference("0.output.0", completion=source.request_id, positions=(2,))
    by_value = source.outputs[0].captured.patch("output", 0, [2])
    by_name = Intervention("output", "replace", rows, 0, [2])
    one, other = (
        remote.generate(["import re\n"], GREEDY, interventions=[patch])
        for patch in (by_value, by_name)
    )
    assert one[0].outputs[0].token_ids == other[0].outputs[0].token_ids
