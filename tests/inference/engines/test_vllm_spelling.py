"""Requests to vLLM, and its answers, as vLLM 0.32 spells them."""

import pytest

from inference import EngineRequest, SamplingParams
from inference.engine.sampling_params import MAX_SEED
from inference.vllm.metrics import stats_of
from inference.vllm.server import environment
from inference.vllm.spelling import body_of, event_of, prompt_logprobs_of, scoring_body

CHUNK = {
    "index": 0,
    "text": "wa",
    "logprobs": {
        "text_offset": [0],
        "token_logprobs": [-5.8],
        "tokens": ["token_id:187"],
        "top_logprobs": [{"token_id:187": -5.8, "token_id:266": -5.2}],
    },
    "finish_reason": "stop",
    "stop_reason": 187,
    "token_ids": [187],
}
METRICS = """
# HELP vllm:num_requests_running Number of requests in model execution batches.
vllm:num_requests_running{engine="0",model_name="model"} 3.0
vllm:num_requests_waiting{engine="0",model_name="model"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="model"} 0.25
vllm:num_preemptions_total{engine="0",model_name="model"} 4.0
vllm:num_preemptions_created{engine="0",model_name="model"} 1.7961037588636239e+09
vllm:cache_config_info{block_size="128",engine="0",num_cpu_blocks="None",num_gpu_blocks="8192"} 1.0
"""


def request(**fields):
    return EngineRequest([2, 7], SamplingParams(**fields), "http/job/1/5")


def name(token):
    return f"<{token}>"


def test_every_sampling_parameter_is_passed_on():
    body = body_of(
        request(
            max_tokens=9, min_tokens=2, temperature=0.5, top_p=0.9, top_k=4, min_p=0.1, seed=7,
            stop=["a"], stop_token_ids=[3], include_stop_str_in_output=True, ignore_eos=True,
            logprobs=2, presence_penalty=0.1, frequency_penalty=0.2, repetition_penalty=1.1,
            logit_bias={5: -1.0}, structured_outputs={"regex": "a"},
        ),
        0,
    )  # fmt: skip
    passed = {
        "prompt": [2, 7], "stream": True, "max_tokens": 9, "min_tokens": 2, "temperature": 0.5,
        "top_p": 0.9, "top_k": 4, "min_p": 0.1, "seed": 7, "stop": ["a"], "stop_token_ids": [3],
        "include_stop_str_in_output": True, "ignore_eos": True, "logprobs": 2,
        "presence_penalty": 0.1, "frequency_penalty": 0.2, "repetition_penalty": 1.1,
        "logit_bias": {"5": -1.0}, "structured_outputs": {"regex": "a"},
    }  # fmt: skip
    assert body | passed == body
    fields = set(SamplingParams.__dataclass_fields__) - {"n", "prompt_logprobs"}
    assert fields <= set(body)


def test_samples_have_seeds_of_their_own_within_vllms_bounds():
    assert [body_of(request(seed=4), sample)["seed"] for sample in (0, 1)] == [4, 5]
    assert body_of(request(seed=MAX_SEED), 1)["seed"] == -MAX_SEED - 1
    assert "seed" not in body_of(request(), 1)


def test_only_samples_of_one_job_share_cached_prefixes():
    salts = [
        body_of(EngineRequest([2], request_id=request_id), 0)["cache_salt"]
        for request_id in ("a/one/1/0", "a/one/1/1", "a/two/1/0", "alone")
    ]
    assert salts[0] == salts[1]
    assert len(set(salts)) == 3


def test_a_chunk_is_an_event():
    event = event_of(CHUNK, request(logprobs=1), 2, name)
    assert (event.request_id, event.index, event.token_ids, event.text) == (
        "http/job/1/5", 2, (187,), "wa",
    )  # fmt: skip
    assert (event.finish_reason, event.stop_reason) == ("stop", 187)
    [entries] = event.logprobs
    assert [(t, e.logprob, e.decoded_token) for t, e in entries.items()] == [
        (187, -5.8, "<187>"), (266, -5.2, "<266>"),
    ]  # fmt: skip


def test_a_scored_prompt_has_its_own_tokens_first():
    rows = {"9": {"logprob": -1.0, "rank": 1, "decoded_token": "&"},
            "7": {"logprob": -5.0, "rank": 30, "decoded_token": "$"}}  # fmt: skip
    scores = prompt_logprobs_of({"prompt_logprobs": [None, rows]}, request(), lambda _: None)
    assert scores[0] is None
    assert [(t, e.rank, e.decoded_token) for t, e in scores[1].items()] == [
        (7, 30, "$"), (9, 1, "&"),
    ]  # fmt: skip
    assert scoring_body(request(prompt_logprobs=3))["prompt_logprobs"] == 3


def test_its_metrics_are_read():
    stats = stats_of(METRICS)
    assert (stats.running, stats.waiting, stats.preemptions) == (3, 2, 4)
    assert (stats.total_blocks, stats.free_blocks, stats.block_size) == (8192, 6144, 128)


def test_metrics_that_are_not_there_are_0():
    assert stats_of("").total_blocks == 0


@pytest.mark.parametrize("name", ["WEIGHTGATE_SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"])
def test_vllm_gets_none_of_our_secrets(name):
    passed = environment(
        {name: "secret", "CUDA_VISIBLE_DEVICES": "0", "VLLM_LOGGING_LEVEL": "INFO"}
    )
    assert name not in passed
    assert passed["CUDA_VISIBLE_DEVICES"] == "0"
    assert passed["VLLM_LOGGING_LEVEL"] == "INFO"
    assert passed["HF_HUB_OFFLINE"] == "1"
