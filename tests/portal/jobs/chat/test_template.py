"""Chat templates, rendered as transformers does, and bounded."""

from __future__ import annotations

import json
import os

import pytest

from portal.jobs.chat.template import MOST_TEMPLATE_CHARACTERS, ChatTemplate, template_in
from portal.jobs.errors import BadParameter
from tests.factories.llamas import CHAT_TEMPLATE

MESSAGES = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Does the sluice open? <é>"},
]
# Of the shapes that published models have.
TEMPLATES = {
    "ours": CHAT_TEMPLATE,
    "chatml": (
        "{%- for message in messages %}\n    {{- '<|im_start|>' + message['role'] + '\\n' + "
        "message['content'] | trim + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n"
        "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}"
    ),
    "loop controls, tojson and namespaces": (
        "{% set ns = namespace(count=0) %}{% for m in messages %}{% if m.role == 'system' %}"
        "{% continue %}{% endif %}{% set ns.count = ns.count + 1 %}{{ m | tojson }}{% endfor %}"
        "{{ ns.count }}{{ eos_token }}"
    ),
    "generation": (
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    ),
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_messages_are_written_as_transformers_writes_them(name):
    from transformers.utils.chat_template_utils import render_jinja_template

    expected, _ = render_jinja_template(
        [MESSAGES], chat_template=TEMPLATES[name], add_generation_prompt=True, **TOKENS
    )
    assert ChatTemplate(TEMPLATES[name], TOKENS).render(MESSAGES, {}) == expected[0]


def test_variables_of_the_request_reach_it():
    template = ChatTemplate("{% if thinking %}think{% else %}answer{% endif %}")
    assert template.render(MESSAGES, {"thinking": True}) == "think"
    assert template.render(MESSAGES, {}) == "answer"


def test_a_templates_refusal_is_passed_on():
    template = ChatTemplate("{{ raise_exception('Roles must alternate.') }}")
    with pytest.raises(BadParameter, match=r"refuses these messages: Roles must alternate\.") as no:
        template.render(MESSAGES, {})
    assert no.value.field == "messages"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 99999999999 }}",
        "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
        "{% endfor %}{{ ns.s }}",
        "{% for a in range(99999) %}{{ 'a' * 999 }}{% endfor %}",
        "{% for",
        "{{ messages.nothing.more }}",
    ],
    ids=["time", "memory at once", "memory by doubling", "length", "syntax", "undefined"],
)
def test_a_template_that_fails_or_takes_too_much_is_a_refusal(source):
    with pytest.raises(BadParameter, match="can’t write these messages"):
        ChatTemplate(source).render(MESSAGES, {})


def test_a_template_reaches_neither_the_interpreter_nor_our_environment(monkeypatch):
    monkeypatch.setenv("WEIGHTGATE_SECRET_KEY", "a-secret")
    for source in (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append({'role': 'user'}) }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ raise_exception.__globals__ }}",
    ):
        assert written(source) in ("", "refused")
    assert os.environ["WEIGHTGATE_SECRET_KEY"] == "a-secret"


def written(source):
    try:
        return ChatTemplate(source).render(MESSAGES, {})
    except BadParameter:
        return "refused"


def files(**contents):
    return {
        name.replace("__", "."): text.encode()
        if isinstance(text, str)
        else json.dumps(text).encode()
        for name, text in contents.items()
    }


def test_the_template_is_taken_from_where_transformers_takes_it():
    config = {"chat_template": "config", "bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "named"}]
    in_config = template_in(files(tokenizer_config__json=config))
    assert (in_config.source, in_config.special_tokens) == ("config", TOKENS)
    assert template_in(files(tokenizer_config__json={"chat_template": named})).source == "named"
    both = files(tokenizer_config__json=config, chat_template__jinja="file")
    assert template_in(both).source == "file"


@pytest.mark.parametrize(
    "contents",
    [
        {},
        {"tokenizer_config__json": {}},
        {"tokenizer_config__json": "{"},
        {"tokenizer_config__json": {"chat_template": [{"name": "tool_use", "template": "x"}]}},
        {"chat_template__jinja": "x" * (MOST_TEMPLATE_CHARACTERS + 1)},
    ],
)
def test_without_one_that_can_be_used_a_model_has_none(contents):
    assert template_in(files(**contents)) is None
