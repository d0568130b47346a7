"""Tools of a chat: what is offered, written into the prompt, required, answered and forgotten."""

from __future__ import annotations

import json
import logging

import pytest
from django.utils import timezone
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from portal.jobs.chat.answers import ChatReply
from portal.jobs.chat.schemas import parse_chat
from portal.jobs.chat.tools.fields import LARGEST_TOOLS_BYTES, MOST_TOOLS
from portal.jobs.errors import BadParameter
from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.jobs.own.again import run_again
from portal.jobs.services.forgetting import forget
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.llamas import TOOL_TEMPLATE, tiny_llama
from tests.portal.jobs.chat.conftest import SAYS, answered

SOUND = {"model": "a/b", "messages": SAYS}
SCHEMA = {
    "type": "object", "properties": {"by": {"type": "integer"}}, "required": ["by"],
}  # fmt: skip
SLUICE = {
    "type": "function",
    "function": {
        "name": "sluice",
        "description": "Opens it.",
        "parameters": SCHEMA,
        "strict": True,
    },
}
WEIR = {"type": "function", "function": {"name": "weir"}}
TOOLS = [SLUICE, WEIR]
NAMED = {"type": "function", "function": {"name": "sluice"}}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "sluice", "arguments": '{"by": 2}'},
}
TALK = [
    *SAYS,
    {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
    {"role": "tool", "tool_call_id": "call_1", "content": "done"},
]
WRITTEN = 'So: <tool_call>{"name": "sluice", "arguments": {"by": 2}}</tool_call>'
NO_TOOLS = {"type": "object", "properties": {}}


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("tools") / "model", TOOL_TEMPLATE)


@pytest.fixture
def calling(hosted):
    hosted.tool_parser = "hermes"
    hosted.save()
    return hosted


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("tools", {"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
        ("tools", {"tools": [{"type": "function", "function": {"name": "no blanks"}}]}),
        ("tools", {"tools": [{"type": "function"}]}),
        ("tools", {"tools": [WEIR, WEIR]}),
        ("tools", {"tools": [WEIR] * (MOST_TOOLS + 1)}),
        ("tools", {"tools": "sluice"}),
        (
            "tools",
            {"tools": [{"type": "function", "function": {
                "name": "f", "description": "x" * LARGEST_TOOLS_BYTES}}]},
        ),
        ("tool_choice", {"tools": TOOLS, "tool_choice": "perhaps"}),
        ("tool_choice", {"tools": TOOLS, "tool_choice": {"type": "allowed_tools"}}),
        ("tool_choice", {"tools": TOOLS, "tool_choice": {**NAMED, "function": {"name": "f"}}}),
        ("tool_choice", {"tool_choice": "required"}),
        ("tool_choice", {"tool_choice": NAMED}),
        ("parallel_tool_calls", {"tools": TOOLS, "parallel_tool_calls": "yes"}),
        ("response_format", {"tools": TOOLS, "response_format": {"type": "json_object"}}),
        ("structured_outputs", {"tools": TOOLS, "structured_outputs": {"regex": "a"}}),
        ("messages", {"messages": [{"role": "user", "content": "x", "tool_calls": [CALL]}]}),
        (
            "messages",
            {"messages": [{"role": "assistant", "tool_calls": [
                {**CALL, "function": {"name": "f", "arguments": "[]"}}]}]},
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(field, more):
    with pytest.raises(BadParameter) as refused:
        parse_chat({**SOUND, **more})
    assert refused.value.field == field


def test_a_required_call_is_held_to_a_list_of_the_tools():
    _, completion = parse_chat({**SOUND, "tools": TOOLS, "tool_choice": "required"})
    schema = completion.structure["json"]
    names = [call["properties"]["name"]["enum"] for call in schema["items"]["anyOf"]]
    assert (schema["type"], schema["minItems"], names) == ("array", 1, [["sluice"], ["weir"]])
    parameters = [call["properties"]["parameters"] for call in schema["items"]["anyOf"]]
    assert parameters == [SCHEMA, NO_TOOLS]
    assert "maxItems" not in schema
    alone = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    _, completion = parse_chat({**SOUND, **alone})
    assert completion.structure["json"]["maxItems"] == 1


def test_a_named_call_is_held_to_its_arguments():
    _, completion = parse_chat({**SOUND, "tools": TOOLS, "tool_choice": NAMED})
    assert completion.structure == {"json": SCHEMA}


def defining(name, definition):
    schema = {"$defs": {"part": definition}, "type": "object"}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def test_what_schemas_define_is_gathered_at_the_root_unless_they_differ():
    tools = [defining("a", {"type": "string"}), defining("b", {"type": "string"})]
    _, completion = parse_chat({**SOUND, "tools": tools, "tool_choice": "required"})
    assert completion.structure["json"]["$defs"] == {"part": {"type": "string"}}
    differing = [tools[0], defining("b", {"type": "number"})]
    with pytest.raises(BadParameter, match="define part") as refused:
        parse_chat({**SOUND, "tools": differing, "tool_choice": "required"})
    assert refused.value.field == "tools"


def test_a_required_call_of_huge_schemas_is_refused():
    huge = defining("f", {"type": "string", "description": "x" * 70_000})
    parse_chat({**SOUND, "tools": [huge]})
    for choice in ("required", {"type": "function", "function": {"name": "f"}}):
        with pytest.raises(BadParameter, match="65,536 bytes") as refused:
            parse_chat({**SOUND, "tools": [huge], "tool_choice": choice})
        assert refused.value.field == "tools"


def prompt_of(job):
    [prompt] = job.prompts
    return hosted_model(job.revision).tokenizer.decode(prompt, special_tokens=True)


def test_the_template_writes_tools_calls_and_their_answers(calling, ask):
    assert prompt_of(ask(TALK, tools=TOOLS, max_tokens=4)) == (
        "</s>tools: sluice weir\nuser: The water?\nassistant:  sluice{\"by\": 2}\n"
        "tool: done\nassistant: "
    )  # fmt: skip
    silent = ask(tools=TOOLS, tool_choice="none", max_tokens=4)
    assert prompt_of(silent) == "</s>user: The water?\nassistant: "


def test_calls_by_the_models_choice_need_its_tool_parser(ask):
    with pytest.raises(BadParameter, match=r"hermes, llama3_json") as refused:
        ask(tools=TOOLS, max_tokens=4)
    assert refused.value.field == "tools"
    assert not Job.objects.exists()


def test_required_calls_need_an_engine_that_holds_text_to_a_structure(hosted, ask):
    hosted.engine = "native"
    hosted.save()
    for choice in ("required", NAMED):
        with pytest.raises(BadParameter, match="the engine that serves it") as refused:
            ask(tools=TOOLS, tool_choice=choice, max_tokens=4)
        assert refused.value.field == "tool_choice"


def test_tools_count_with_the_messages(calling, ask):
    many = [{"type": "function", "function": {"name": f"f{n}", "description": "x" * 200}}
            for n in range(40)]  # fmt: skip
    with pytest.raises(BadParameter, match="A message of") as refused:
        ask(tools=many)
    assert refused.value.field == "messages"


def whole(job):
    answer = json.loads(ChatReply(job, hosted_model(job.revision)).whole(job))
    [choice] = ChatCompletion.model_validate(answer).choices
    return choice


def streamed(job, text, finish="stop"):
    """Return the answer that OpenAI's client puts together of a stream, a character each."""
    job.stream = True
    reply, state = ChatReply(job, hosted_model(job.revision)), ChatCompletionStreamState()
    events = [ChoiceEvent(0, at, at, [5], character) for at, character in enumerate(text)]
    end = ChoiceEvent(0, len(text), len(text), finish_reason=finish)
    for event in [*events, end]:
        if chunk := reply.chunk(event):
            state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    [choice] = state.get_final_completion().choices
    return choice


def seen(choice):
    message = choice.message
    calls = [(call.id, call.function.name, json.loads(call.function.arguments))
             for call in message.tool_calls or ()]  # fmt: skip
    return message.content, calls, choice.finish_reason


@pytest.mark.parametrize(
    ("fields", "text", "content", "calls", "finish"),
    [
        ({}, WRITTEN, "So: ", [("sluice", {"by": 2})], "tool_calls"),
        ({}, "It is low.", "It is low.", [], "stop"),
        ({}, WRITTEN * 2, "So: So: ", [("sluice", {"by": 2})] * 2, "tool_calls"),
        (
            {"parallel_tool_calls": False},
            f"{WRITTEN}{WRITTEN[4:]}",
            "So: ",
            [("sluice", {"by": 2})],
            "tool_calls",
        ),
        (
            {"tool_choice": "required"},
            '[{"name": "weir", "parameters": {}}]',
            None,
            [("weir", {})],
            "tool_calls",
        ),
        ({"tool_choice": NAMED}, '{"by": 2}', None, [("sluice", {"by": 2})], "tool_calls"),
        ({"tool_choice": "none"}, WRITTEN, WRITTEN, [], "stop"),
    ],
)
def test_an_answer_is_what_openais_client_expects(
    calling, ask, fields, text, content, calls, finish
):
    job = ask(tools=TOOLS, max_tokens=4, **fields)
    event = ChoiceEvent(0, 0, 0, [5] * 9, text, finish_reason="stop")
    answered(job, calling, event)
    choice = whole(job)
    said, called, ended = seen(choice)
    assert (said, [call[1:] for call in called], ended) == (content, calls, finish)
    assert len({call[0] for call in called}) == len(calls)
    of_stream = seen(streamed(job, text))
    assert (of_stream[0] or None, *of_stream[1:]) == seen(choice)


def test_an_answer_that_was_cut_off_says_so(calling, ask):
    job = ask(tools=TOOLS, max_tokens=4, tool_choice=NAMED)
    answered(job, calling, ChoiceEvent(0, 0, 0, [5], '{"by', finish_reason="length"))
    choice = whole(job)
    assert choice.finish_reason == "length"
    assert choice.message.tool_calls[0].function.arguments == '{"by'


def test_each_answer_has_its_own_calls(calling, ask):
    job = ask(tools=TOOLS, max_tokens=4, n=2)
    events = [ChoiceEvent(n, 0, 0, [5], WRITTEN, finish_reason="stop") for n in range(2)]
    answered(job, calling, *events)
    answer = json.loads(ChatReply(job, hosted_model(job.revision)).whole(job))
    ids = [choice["message"]["tool_calls"][0]["id"] for choice in answer["choices"]]
    assert len(set(ids)) == 2


def test_a_chat_is_kept_as_its_prompt_is_and_run_again_with_it(calling, ask, caller):
    job = ask([{"role": "user", "content": "The \0 water?"}], tools=TOOLS, max_tokens=4)
    assert job.chat["messages"][0]["content"] == "The \0 water?"
    answered(job, calling, ChoiceEvent(0, 0, 0, [5], WRITTEN, finish_reason="stop"))
    again = run_again(caller=caller, job_id=job.pk, now=timezone.now(), source=Job.Source.API)
    assert (again.prompts, again.chat) == (job.prompts, job.chat)
    forget(Job.objects.filter(pk=job.pk))
    job.refresh_from_db()
    assert (job.prompts, job.chat, job.chat_json) == ([], None, "")


def test_the_schema_that_an_answer_was_held_to_is_forgotten_too(calling, ask):
    job = ask(tools=TOOLS, max_tokens=4, tool_choice="required")
    answered(job, calling, ChoiceEvent(0, 0, 0, [5], "[", finish_reason="length"))
    forget(Job.objects.filter(pk=job.pk))
    job.refresh_from_db()
    assert "structured_outputs" not in job.params


def test_no_log_has_a_tool_or_an_argument(calling, ask, caplog):
    caplog.set_level(logging.DEBUG)
    ask(TALK, tools=TOOLS, max_tokens=4)
    assert not {"sluice", "Opens it.", '"by"'} & set(caplog.text.split())
