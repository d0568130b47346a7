"""Fields of other servers that would change the answer are refused by name, never ignored."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from portal.jobs.errors import BadParameter
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.openai.unsupported import UNSUPPORTED

SOUND = {"model": "a/b", "prompt": "x"}
DOCS = Path(__file__).parents[4] / "docs" / "api.md"

# Each with a value as the server that knows it would be sent it.
SENT = {
    "suffix": "end",
    "truncate_prompt_tokens": 8,
    "bad_words": ["weir"],
    "allowed_token_ids": [5, 6],
    "guided_choice": ["yes", "no"],
    "guided_json": {},
    "json_schema": {"type": "object"},
    "max_completion_tokens": 4,
    "use_beam_search": True,
    "length_penalty": 0.5,
    "early_stopping": True,
    "return_tokens_as_token_ids": True,
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "add_special_tokens": False,
    "prompt_embeds": "AAAA",
    "priority": 5,
    "no_repeat_ngram_size": 2,
    "typical_p": 0.5,
    "mirostat": 2,
    "messages": [{"role": "user", "content": "x"}],
    "tools": [{"type": "function"}],
    "n_predict": -1,
    "n_probs": 3,
    "grammar": "root ::= 'x'",
    "repeat_penalty": 1.1,
    "do_sample": False,
    "details": True,
    "top_n_tokens": 2,
    "extra_body": {"top_k": 5},
    "captures": [{"layer": 1}],
    "hidden_states": True,
    "lora": [{"id": 0, "scale": 1.0}],
}


@pytest.mark.parametrize("name", SENT)
def test_what_would_change_the_answer_is_refused_by_name(name):
    with pytest.raises(BadParameter, match=rf"^{name} is not supported\. \w") as refused:
        parse_completion({**SOUND, name: SENT[name]})
    assert refused.value.field == name


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_any_other_value_of_each_is_refused(name):
    with pytest.raises(BadParameter) as refused:
        parse_completion({**SOUND, name: {"something": ["else"]}})
    assert refused.value.field == name
    assert refused.value.message.endswith(".")


def test_null_and_what_happens_anyway_pass():
    assert parse_completion({**SOUND, **dict.fromkeys(UNSUPPORTED)})
    neutral = [(name, value) for name, known in UNSUPPORTED.items() for value in known.neutral]
    for name, value in neutral:
        assert parse_completion({**SOUND, name: value}), name


def test_the_docs_list_each_with_what_passes():
    documented = {}
    for fields, advice in re.findall(r"^\| (`.*) \| (.*) \|$", DOCS.read_text(), re.MULTILINE):
        for name, passes in re.findall(r"`(\w+)`(?: \((`.*?`)\))?(?:, |$)", fields):
            documented[name] = (re.findall("`(.*?)`", passes), advice)
    for name, known in UNSUPPORTED.items():
        assert documented[name] == ([json.dumps(value) for value in known.neutral], known.advice)
