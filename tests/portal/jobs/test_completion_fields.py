from __future__ import annotations

import pytest

from portal.jobs.errors import BadParameter
from portal.jobs.schemas import MAX_N, parse_completion

SOUND = {"model": "a/b", "prompt": "x"}


def test_defaults_are_openais():
    asked = parse_completion(SOUND)
    assert (asked.max_tokens, asked.temperature, asked.top_p, asked.n) == (16, 1.0, 1.0, 1)
    assert (asked.seed, asked.stop, asked.logprobs) == (None, (), None)
    assert (asked.echo, asked.stream, asked.include_usage) == (False, False, False)


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


BAD = [
    ("model", None),
    ("model", ""),
    ("model", 3),
    ("model", "a/\ud800"),
    ("max_tokens", -1),
    ("max_tokens", 0),
    ("max_tokens", 1.5),
    ("max_tokens", True),
    ("max_tokens", "9"),
    ("temperature", -0.1),
    ("temperature", 2.1),
    ("temperature", "hot"),
    ("temperature", float("nan")),
    ("temperature", 10**400),
    ("top_p", 0),
    ("top_p", 1.01),
    ("top_p", -(10**400)),
    ("top_k", -2),
    ("n", 0),
    ("n", MAX_N + 1),
    ("n", 10**30),
    ("seed", "x"),
    ("seed", 2**63),
    ("stop", 3),
    ("stop", ["a", 3]),
    ("stop", ["a"] * 17),
    ("stop", "\0"),
    ("logprobs", -1),
    ("logprobs", 6),
    ("logprobs", True),
    ("echo", "yes"),
    ("stream", 1),
    ("stream_options", {"include_usage": True}),
    ("suffix", "end"),
    ("best_of", 2),
    ("presence_penalty", 0.5),
    ("frequency_penalty", -1),
    ("logit_bias", {"5": 100}),
]


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
        {"suffix": None, "presence_penalty": 0, "logit_bias": {}},
        {"nobody": "knows this"},
        {"stream": True, "stream_options": {"include_usage": True}},
    ],
)
def test_sound_fields_are_taken(fields):
    assert parse_completion({**SOUND, **fields})
