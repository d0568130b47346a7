"""A chat is turned into the ids that the model gets of it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.jobs.chat.schemas import parse_chat
from portal.jobs.models import Job
from portal.jobs.services import submit
from portal.redis_client import redis_client
from tests.factories.accounts import make_user
from tests.factories.jobs import make_guest, make_hosted
from tests.factories.llamas import CONTEXT_LENGTH, TOOL_TEMPLATE, tiny_llama
from tests.portal.jobs.tokens.test_tokenize import asking

PATH = "/v1/tokenize"
SAYS = [{"role": "user", "content": "The \0 water?"}]
TOOLS = [{"type": "function", "function": {"name": "sluice"}}]


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("tokenized") / "model", TOOL_TEMPLATE)


@pytest.fixture
def hosted(db, llama):
    redis_client().flushdb()
    return make_hosted(llama, tool_parser="hermes")


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def ask(client, hosted, guest):
    return asking(client, hosted, guest)


@pytest.mark.parametrize("more", [{}, {"tools": TOOLS}])
def test_the_ids_are_those_that_a_chat_has(ask, hosted, guest, more):
    answer = ask(PATH, {"messages": SAYS, **more})
    assert not Job.objects.exists()
    chat, completion = parse_chat({"model": hosted.full_name, "messages": SAYS, **more})
    now = timezone.now()
    job = submit(caller=Caller(guest), completion_request=completion, now=now, chat=chat).job
    assert [answer["tokens"]] == job.prompts
    assert (answer["count"], answer["max_model_len"]) == (job.prompt_tokens, CONTEXT_LENGTH)
    assert answer["token_strs"] is None


def text_of(ask, **body):
    tokens = ask(PATH, {"messages": SAYS, **body})["tokens"]
    return ask("/v1/detokenize", {"tokens": tokens})["prompt"]


def test_the_place_of_an_answer_may_be_left_out(ask):
    assert text_of(ask) == "</s>user: The \0 water?\nassistant: "
    assert text_of(ask, add_generation_prompt=False) == "</s>user: The \0 water?\n"


def test_special_tokens_are_the_templates_own_unless_asked_for(ask):
    assert text_of(ask, add_special_tokens=True).startswith("</s></s>user")
    answer = ask(PATH, {"messages": SAYS, "return_token_strs": True})
    assert answer["token_strs"][0] == "</s>"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages"),
        ({"messages": SAYS, "prompt": "x"}, "prompt"),
        ({"messages": SAYS, "add_generation_prompt": 1}, "add_generation_prompt"),
        ({"messages": SAYS, "continue_final_message": True}, "continue_final_message"),
        ({"messages": SAYS, "chat_template": "{{ 1 }}"}, "chat_template"),
        ({"messages": SAYS, "tools": [{}]}, "tools"),
        ({"messages": [{"role": "user", "content": "x" * 9000}]}, "messages"),
    ],
)
def test_a_bad_field_is_named(ask, body, field):
    assert ask(PATH, body, status=400)["param"] == field


def test_it_counts_with_the_prompts(ask, settings):
    settings.PROMPT_BYTES_PER_MINUTE = 20
    ask(PATH, {"messages": SAYS})
    assert "20 bytes" in ask(PATH, {"messages": SAYS}, status=429)["message"]
    many = [{"role": "user", "content": "x" * 21}]
    assert ask(PATH, {"messages": many}, status=400)["param"] == "messages"


def test_who_may_not_prompt_the_model_is_refused(ask):
    assert ask(PATH, {"messages": SAYS}, make_user(), status=403)["code"] == "no_access"
