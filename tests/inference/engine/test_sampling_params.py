import dataclasses

import pytest

from inference import SamplingParams


def test_defaults_are_vllms():
    params = SamplingParams()
    assert (params.n, params.temperature, params.top_p, params.top_k) == (1, 1.0, 1.0, 0)
    assert (params.max_tokens, params.stop_strings, params.seed) == (16, (), None)
    assert (params.logprobs, params.prompt_logprobs, params.ignore_eos) == (None, None, False)
    assert (params.presence_penalty, params.frequency_penalty) == (0.0, 0.0)
    assert (params.repetition_penalty, params.min_p, params.min_tokens) == (1.0, 0.0, 0)
    assert (params.stop_token_ids, params.logit_bias) == ((), None)
    assert params.include_stop_str_in_output is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0}, {"n": 1.5}, {"temperature": -0.1}, {"temperature": float("nan")},
        {"temperature": 10**400}, {"temperature": True}, {"top_p": 0}, {"top_p": 1.1},
        {"top_k": -2}, {"max_tokens": -1},
        {"stop": ""}, {"stop": 5},
        {"stop": ["a", 3]}, {"stop": ["x"] * 17}, {"seed": 2**63}, {"seed": 0.5},
        {"logprobs": -1}, {"prompt_logprobs": True}, {"n": 16385}, {"ignore_eos": 1},
        {"presence_penalty": 2.1}, {"presence_penalty": "1"}, {"frequency_penalty": -2.1},
        {"repetition_penalty": 0}, {"repetition_penalty": float("inf")}, {"min_p": 1.1},
        {"min_p": -0.1}, {"min_tokens": -1}, {"min_tokens": 17}, {"stop_token_ids": [-1]},
        {"stop_token_ids": "12"}, {"stop_token_ids": 5}, {"stop_token_ids": [True]},
        {"stop_token_ids": range(1025)}, {"include_stop_str_in_output": "no"},
        {"logit_bias": {3: 101}}, {"logit_bias": {3: float("nan")}}, {"logit_bias": {-1: 1}},
        {"logit_bias": {"3": 1}}, {"logit_bias": [3]},
        {"logit_bias": dict.fromkeys(range(1025), 0)},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SamplingParams(**wrong)


def test_one_stop_string_is_several():
    assert SamplingParams(stop="x").stop_strings == SamplingParams(stop=["x"]).stop_strings


def test_collections_are_copied():
    bias, stops = {3: 1}, [4, 5, 4]
    params = SamplingParams(logit_bias=bias, stop_token_ids=stops)
    bias[4], stops[0] = 2, 7
    assert (params.logit_bias, params.stop_token_ids) == ({3: 1}, (4, 5))


def test_parameters_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SamplingParams().n = 2
