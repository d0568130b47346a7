from __future__ import annotations

import pytest

from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import MAX_STOP_CHARACTERS
from portal.jobs.openai.schemas import parse_completion
from tests.portal.jobs.completions.bad_fields import BAD

SOUND = {"model": "a/b", "prompt": "x"}


def test_defaults_are_openais():
    completion = parse_completion(SOUND)
    assert (completion.max_tokens, completion.temperature, completion.top_p, completion.n) == (
        16,
        1.0,
        1.0,
        1,
    )
    assert (completion.seed, completion.stop, completion.logprobs) == (None, (), None)
    assert (completion.echo, completion.stream, completion.include_usage) == (False, False, False)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("text", ("text",)),
        ("", ("",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ([1, 2],)),
        ([[1], [2, 3]], ([1], [2, 3])),
    ],
)
def test_four_shapes_of_prompt(prompt, expected):
    assert parse_completion({**SOUND, "prompt": prompt}).prompts == expected


@pytest.mark.parametrize(
    "prompt",
    [None, [], [[]], [[1], []], ["a", 1], [1, "a"], [[1], "a"], [1.5], [True], {}, 3, "\ud800"],
)
def test_other_prompts_are_refused(prompt):
    with pytest.raises(BadParameter) as refused:
        parse_completion({**SOUND, "prompt": prompt})
    assert refused.value.field == "prompt"


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_bad_field_is_refused_by_name(field, value):
    with pytest.raises(BadParameter) as refused:
        parse_completion({**SOUND, field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("options", ["x", {"include_usage": "yes"}])
def test_bad_stream_options_are_refused(options):
    with pytest.raises(BadParameter) as refused:
        parse_completion({**SOUND, "stream": True, "stream_options": options})
    assert refused.value.field == "stream_options"


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 0, "echo": True},
        {"temperature": 0},
        {"temperature": 2, "top_p": 1},
        {"stop": []},
        {"stop": None, "seed": None, "logprobs": None, "n": None},
        {"best_of": 2, "n": 2},
        {"best_of": 3, "n": 2},
        {"prompt_logprobs": 0},
        {"presence_penalty": -2, "frequency_penalty": 2, "repetition_penalty": 5, "min_p": 1},
        {"min_tokens": 16, "stop_token_ids": [5, 5], "logit_bias": {"0": -100, "5": 100}},
        {"presence_penalty": None, "min_tokens": None, "stop_token_ids": None, "logit_bias": None},
        {"stop": ["x" * MAX_STOP_CHARACTERS] * 16},
        {"nobody": "knows this"},
        {"user": "me", "metadata": {"a": "b"}, "store": True, "service_tier": "auto"},
        {"stream": True, "stream_options": {"include_usage": True}},
    ],
)
def test_sound_fields_are_taken(fields):
    assert parse_completion({**SOUND, **fields})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"prompt": ["x"] * 9, "best_of": 128}, "best_of"),
        ({"prompt": ["x"] * 9, "n": 128}, "n"),
        ({"n": 2, "best_of": 3, "stream": True}, "best_of"),
        ({"prompt_logprobs": 0, "stream": True}, "prompt_logprobs"),
        ({"stream": True, "stream_options": {"continuous_usage_stats": True}}, "stream_options"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields, field):
    with pytest.raises(BadParameter) as refused:
        parse_completion({**SOUND, **fields})
    assert refused.value.field == field


def test_samples_of_which_nothing_is_drawn_are_no_more_than_choices():
    completion = parse_completion({**SOUND, "n": 2, "best_of": 9, "max_tokens": 0, "echo": True})
    assert (completion.best_of, completion.samples) == (2, 2)
