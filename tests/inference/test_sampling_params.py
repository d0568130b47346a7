import dataclasses

import pytest

from inference import SamplingParams


def test_defaults_are_vllms():
    params = SamplingParams()
    assert (params.n, params.temperature, params.top_p, params.top_k) == (1, 1.0, 1.0, 0)
    assert (params.max_tokens, params.stop_strings, params.seed) == (16, (), None)
    assert (params.logprobs, params.prompt_logprobs, params.ignore_eos) == (None, None, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0}, {"n": 1.5}, {"temperature": -0.1}, {"temperature": float("nan")},
        {"temperature": 10**400}, {"temperature": True}, {"top_p": 0}, {"top_p": 1.1},
        {"top_k": -2}, {"max_tokens": -1},
        {"stop": ""}, {"stop": ["a", 3]}, {"stop": ["x"] * 17}, {"seed": 2**63}, {"seed": 0.5},
        {"logprobs": -1}, {"prompt_logprobs": True},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SamplingParams(**wrong)


def test_one_stop_string_is_several():
    assert SamplingParams(stop="x").stop_strings == SamplingParams(stop=["x"]).stop_strings


def test_parameters_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SamplingParams().n = 2
