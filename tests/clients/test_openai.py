"""The unmodified openai client against the running demo."""

from __future__ import annotations

import openai
import pytest

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]


@pytest.fixture
def connect(stack):
    def client(role="approved", **options):
        key = options.pop("api_key", None) or stack.account(role)["token"]
        options = {"max_retries": 0, "timeout": 60, **options}
        return openai.OpenAI(base_url=f"{stack.base_url}/v1", api_key=key, **options)

    return client


@pytest.fixture
def client(connect):
    return connect(max_retries=2)


@pytest.fixture
def name(stack):
    return stack.demo["hosted_model"]


@pytest.fixture
def complete(client, name):
    def ask(prompt="def main(", **fields):
        return client.completions.create(model=name, prompt=prompt, **fields)

    return ask


def joined(chunks, index=0):
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.text for choice in choices), choices


def test_models_are_listed_and_retrieved(client, name):
    assert name in [model.id for model in client.models.list()]
    assert client.models.retrieve(name).id == name


def test_a_completion(complete, name):
    reply = complete(max_tokens=5, temperature=0)
    [choice] = reply.choices
    assert (reply.object, reply.model, choice.index) == ("text_completion", name, 0)
    assert choice.finish_reason in ("length", "stop")
    assert choice.logprobs is None
    assert reply.usage.completion_tokens <= 5
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_outputs_carry_the_licences_terms(client, complete, name):
    licence = complete(max_tokens=1).x_weightgate["licence"]
    assert len(licence["sha256"]) == 64
    assert "noncommercial" in licence["outputs"]
    assert "©" in licence["attribution"]
    for options in ({}, {"stream_options": {"include_usage": True}}):
        *_, last = complete(max_tokens=2, stream=True, **options)
        assert last.x_weightgate["licence"] == licence
    raw = client.completions.with_raw_response.create(model=name, prompt="x", max_tokens=1)
    assert raw.headers["Link"] == f'<{licence["url"]}>; rel="license"'
    assert raw.headers["X-Licence-Attribution"].isascii()


def test_texts_get_the_start_token_and_ids_do_not(complete):
    assert complete("x", max_tokens=1).usage.prompt_tokens == 2
    assert complete([5], max_tokens=1).usage.prompt_tokens == 1
    assert complete([[5], [6, 7]], max_tokens=1).usage.prompt_tokens == 3


def test_a_stream_says_what_the_whole_says(complete):
    fields = {"max_tokens": 24, "seed": 4, "temperature": 1.0, "logprobs": 2}
    whole = complete(**fields)
    chunks = list(complete(**fields, stream=True))
    text, choices = joined(chunks)
    assert text == whole.choices[0].text
    reasons = [choice.finish_reason for choice in choices]
    assert reasons[-1] == whole.choices[0].finish_reason
    assert set(reasons[:-1]) <= {None}
    for part in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        streamed = [value for choice in choices for value in getattr(choice.logprobs, part)]
        assert streamed == getattr(whole.choices[0].logprobs, part)
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_in_a_last_chunk_on_request(complete):
    chunks = list(complete(max_tokens=4, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert 1 <= chunks[-1].usage.completion_tokens <= 4
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_text_is_tokenized_as_a_prompt_is(client, complete, name):
    fields = {"model": name, "prompt": "import os"}
    answer = client.post("/tokenize", body=fields, cast_to=object)
    assert answer["count"] == complete("import os", max_tokens=1).usage.prompt_tokens
    ids = {"model": name, "tokens": answer["tokens"]}
    assert client.post("/detokenize", body=ids, cast_to=object)["prompt"].endswith("import os")


def test_echo_repeats_the_prompt_and_scores_it(complete):
    [choice] = complete("import os", max_tokens=2, echo=True, logprobs=1, temperature=0).choices
    logprobs = choice.logprobs
    assert choice.text.startswith("import os")
    lengths = {len(logprobs.tokens), len(logprobs.token_logprobs), len(logprobs.top_logprobs)}
    assert lengths == {len(logprobs.text_offset)}
    assert logprobs.token_logprobs[0] is None
    assert logprobs.top_logprobs[0] is None
    for own, best in zip(logprobs.token_logprobs[-2:], logprobs.top_logprobs[-2:], strict=True):
        assert own == max(best.values()), "greedy is the best, exactly"


def test_a_prompt_is_scored_as_it_was_generated(complete):
    [made] = complete([2, 40], max_tokens=6, temperature=0, logprobs=0, echo=True).choices
    ids = [2, 40]
    [scored] = complete(ids, max_tokens=0, echo=True, logprobs=0).choices
    assert scored.logprobs.token_logprobs == made.logprobs.token_logprobs[: len(ids)]
    assert scored.finish_reason == "length"


def test_one_more_token_than_the_prompt_for_evaluations(complete):
    prompt = [[2, 40, 41], [2, 42]]
    reply = complete(prompt, max_tokens=1, echo=True, logprobs=1, temperature=0, seed=1234)
    for choice, ids in zip(reply.choices, prompt, strict=True):
        assert len(choice.logprobs.token_logprobs) == len(ids) + 1


def test_several_prompts_and_samples_are_numbered(complete):
    reply = complete(["a", "b"], n=3, max_tokens=8, seed=1)
    assert [choice.index for choice in reply.choices] == list(range(6))
    assert len({choice.text for choice in reply.choices[:3]}) > 1
    chunks = list(complete(["a", "b"], n=3, max_tokens=8, seed=1, stream=True))
    for choice in reply.choices:
        assert joined(chunks, choice.index)[0] == choice.text


def test_a_seed_repeats(complete):
    texts = {complete(max_tokens=16, seed=9).choices[0].text for _ in range(3)}
    assert len(texts) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_text_ends_before_a_stop_string(complete, stream):
    whole = complete(max_tokens=40, seed=2).choices[0].text
    stop = whole[5:7]
    reply = complete(max_tokens=40, seed=2, stop=[stop, "never said"], stream=stream)
    text, choices = joined(list(reply)) if stream else (reply.choices[0].text, reply.choices)
    assert text == whole[: whole.index(stop)]
    assert choices[-1].finish_reason == "stop"


def test_a_stop_may_stay_in_the_text_and_is_named(complete):
    whole = complete(max_tokens=40, seed=2).choices[0].text
    more = {"include_stop_str_in_output": True}
    [choice] = complete(max_tokens=40, seed=2, stop=whole[5:7], extra_body=more).choices
    assert choice.text == whole[: whole.index(whole[5:7]) + 2]
    assert choice.stop_reason == whole[5:7]


def test_the_likeliest_of_several_samples_is_answered(complete):
    fields = {"max_tokens": 12, "seed": 3, "logprobs": 0}
    every, best = complete(n=5, **fields), complete(best_of=5, **fields)

    def mean(choice):
        return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs)

    assert best.choices[0].text == max(every.choices, key=mean).text
    assert best.usage.completion_tokens == every.usage.completion_tokens
    with pytest.raises(openai.BadRequestError, match="streamed"):
        complete(best_of=5, stream=True, **fields)


def test_biases_and_penalties_change_what_is_written(complete):
    [forced] = complete(max_tokens=8, temperature=0, logprobs=0, logit_bias={"5": 100}).choices
    assert len(set(forced.logprobs.tokens)) == 1, "nothing but the token of the bias"
    [choice] = complete(
        max_tokens=8,
        temperature=0,
        logprobs=0,
        logit_bias={"5": 10},
        frequency_penalty=2,
        presence_penalty=2,
        extra_body={"repetition_penalty": 2.0, "min_tokens": 8},
    ).choices
    assert len(choice.logprobs.tokens) == 8
    assert len(set(choice.logprobs.tokens)) > 1


def test_a_prompt_is_scored_by_id_as_it_is_echoed(complete):
    prompt = [2, 40, 41]
    scored = {"prompt_logprobs": 1}
    [choice] = complete(prompt, max_tokens=1, echo=True, logprobs=0, extra_body=scored).choices
    first, *others = choice.prompt_logprobs
    assert first is None
    scores = [
        entries[str(token)]["logprob"] for entries, token in zip(others, prompt[1:], strict=True)
    ]
    assert scores == choice.logprobs.token_logprobs[1:3]
    assert all(any(entry["rank"] == 1 for entry in entries.values()) for entries in others)


def test_ids_come_beside_the_text_on_request(complete, name, client):
    fields = {"max_tokens": 9, "temperature": 0, "logprobs": 2}
    [whole] = complete([2, 40], **fields, extra_body={"return_token_ids": True}).choices
    ids = whole.token_ids
    text = client.post("/detokenize", body={"model": name, "tokens": ids}, cast_to=object)
    assert whole.text == text["prompt"]
    assert whole.prompt_token_ids == [2, 40]
    for token, logprob, by_id in zip(
        ids, whole.logprobs.token_logprobs, whole.logprobs_by_id, strict=True
    ):
        assert by_id[str(token)]["logprob"] == logprob
        assert sorted(entry["rank"] for entry in by_id.values()) == [1, 2]
    chunks = list(complete([2, 40], **fields, extra_body={"return_token_ids": True}, stream=True))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert [token for choice in choices for token in choice.token_ids] == ids
    assert [entry for choice in choices for entry in choice.logprobs_by_id] == whole.logprobs_by_id
    assert choices[0].prompt_token_ids == [2, 40]
    assert not hasattr(complete(max_tokens=1).choices[0], "token_ids")


def test_leaving_a_stream_frees_its_place(complete, client, name):
    for _ in range(10):  # more than may be open at once
        with complete(max_tokens=1500, stream=True, extra_body={"ignore_eos": True}) as chunks:
            next(iter(chunks))
    assert complete(max_tokens=1).choices


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"logprobs": 9}, "logprobs"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [10**9]}, "prompt"),
        ({"max_tokens": 5000}, "max_tokens"),
        ({"suffix": "end"}, "suffix"),
        ({"n": 128, "max_tokens": 1900}, "max_tokens"),
        ({"extra_body": {"bad_words": ["x"]}}, "bad_words"),
        ({"extra_body": {"response_format": {"type": "json_object"}}}, "response_format"),
        ({"extra_body": {"stop_token_ids": [10**9]}}, "stop_token_ids"),
        ({"logit_bias": {"1000000000": 1}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
    ],
)
def test_a_bad_field_is_a_bad_request(complete, fields, param):
    with pytest.raises(openai.BadRequestError) as refused:
        complete(**fields)
    assert refused.value.param == param


def test_errors_have_their_classes(connect, name):
    ask = {"model": name, "prompt": "x", "max_tokens": 1}
    with pytest.raises(openai.AuthenticationError) as unknown:
        connect(api_key="wg_mistyped").completions.create(**ask)
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError):
        connect("newcomer").completions.create(**ask)
    with pytest.raises(openai.NotFoundError) as missing:
        connect().completions.create(**{**ask, "model": "no/such"})
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        connect().models.retrieve("no/such")
    with pytest.raises(openai.BadRequestError, match="/v1/completions"):
        connect().chat.completions.create(model=name, messages=[{"role": "user", "content": "x"}])
