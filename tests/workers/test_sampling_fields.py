"""Fields that change the answer, from the row through the real engine to the reply."""

from __future__ import annotations

import json
from itertools import count
from uuid import uuid4

import pytest

from inference import Engine, SamplingParams
from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.jobs.openai.completions import Reply
from portal.jobs.openai.schemas import parse_completion
from tests.workers.test_neighbours import turns_until_ended
from workers.loop import EngineLoop

PLACES = 8
people = count(1)


@pytest.fixture(scope="module")
def engine(model):
    with Engine(model=model, max_num_seqs=PLACES) as engine:
        yield engine


@pytest.fixture
def run(engine):
    """Return what a request's samples come to in the worker's loop, turned by hand."""

    def events_of(**fields):
        completion = parse_completion({"model": "a/b", "prompt": [2, 7, 9], "seed": 7, **fields})
        job = Job(
            pk=uuid4(),
            attempt=1,
            person_id=next(people),
            prompts=list(completion.prompts),
            n=completion.n,
            params=completion.sampling,
            echo=completion.echo,
        )
        loop = EngineLoop(engine, PLACES, on_ended=lambda: None)
        loop.add(job)
        turns_until_ended(loop, job)
        [done] = loop.ended
        assert not done.error
        return done.result()

    return events_of


HONOURED = {
    "presence_penalty": 1.5,
    "frequency_penalty": -1.5,
    "repetition_penalty": 5,
    "min_p": 0.3,
    "min_tokens": 12,
    "stop_token_ids": [5, 9, 11, 13, 40, 41],
    "logit_bias": {"5": 100, "6": 99},
    "top_k": 2,
    "ignore_eos": True,
}


@pytest.mark.parametrize("name", HONOURED)
def test_each_field_reaches_the_engine_as_it_was_sent(run, engine, name):
    value = HONOURED[name]
    [event] = run(**{name: value}).events
    if name == "logit_bias":
        value = {int(token): bias for token, bias in value.items()}
    params = SamplingParams(seed=7, **{name: value})
    [alone] = engine.generate([[2, 7, 9]], params)
    [sample] = alone.outputs
    assert event.tokens == list(sample.token_ids)
    assert event.text == sample.text
    assert (event.finish_reason, event.stop_reason) == (sample.finish_reason, sample.stop_reason)


@pytest.mark.parametrize("include", [False, True])
def test_a_text_ends_before_its_stop_or_with_it_and_says_which(run, include):
    fields = {"max_tokens": 40, "ignore_eos": True}
    [whole] = run(**fields).events
    stop = whole.text[6:9]
    stops = {"stop": ["never said", stop], "include_stop_str_in_output": include}
    [event] = run(**fields, **stops).events
    end = whole.text.index(stop) + len(stop) * include
    assert event.text == whole.text[:end]
    assert (event.finish_reason, event.stop_reason) == ("stop", stop)


def mean(event):
    logprobs = [entries[0][1] for entries in event.logprobs]
    return sum(logprobs) / len(logprobs)


def test_best_of_answers_the_likeliest_samples_best_first(run):
    prompts = [[2, 7, 9], [2, 11]]
    every = run(prompt=prompts, n=6, logprobs=0, max_tokens=12)
    best = run(prompt=prompts, n=2, best_of=6, logprobs=0, max_tokens=12)
    likeliest = [
        event.tokens
        for first in (0, 6)
        for event in sorted(every.events[first : first + 6], key=mean, reverse=True)[:2]
    ]
    assert [event.tokens for event in best.events] == likeliest
    assert [event.choice for event in best.events] == [0, 1, 2, 3]
    assert best.completion_tokens == every.completion_tokens, "all that was drawn counts"


def test_whoever_sees_no_logprobs_gets_the_same_best_and_no_number(run):
    fields = {"n": 1, "best_of": 5, "max_tokens": 12}
    [seen], [unseen] = run(**fields, logprobs=0).events, run(**fields).events
    assert unseen.tokens == seen.tokens
    assert unseen.logprobs is None


def test_where_nothing_is_drawn_best_of_changes_nothing(run):
    result = run(n=2, best_of=5, max_tokens=0, echo=True)
    assert [(event.choice, event.tokens) for event in result.events] == [(0, []), (1, [])]


def test_the_prompts_scores_are_the_engines_in_each_answered_choice(run, engine):
    result = run(n=2, best_of=4, prompt_logprobs=3, max_tokens=2)
    [alone] = engine.generate([[2, 7, 9]], SamplingParams(max_tokens=1, prompt_logprobs=3))
    wanted = [None if entries is None else list(entries) for entries in alone.prompt_logprobs]
    for event in result.events:
        assert [
            entries and [entry[0] for entry in entries] for entries in event.prompt_logprobs
        ] == wanted


@pytest.mark.django_db
@pytest.mark.parametrize(("echoed", "scored"), [(1, 5), (5, 1), (0, 2), (None, 2)])
def test_an_echo_and_the_prompts_scores_are_each_as_wide_as_asked(run, hosted, echoed, scored):
    """The prompt is scored once, for the wider of both; each is what it would be alone."""
    served = hosted_model(hosted.revisions.get())

    def choice(**fields):
        fields = {"prompt": [2, 7, 9, 11, 5], "max_tokens": 1, "echo": True, **fields}
        completion = parse_completion({"model": "a/b", "seed": 7, **fields})
        job = Job(
            prompts=list(completion.prompts), params=completion.sampling, echo=True, prompt_tokens=5
        )
        job.keep_result([vars(event) for event in run(**fields).events])
        job.created_at = hosted.created_at
        [told] = json.loads(Reply(job, served).whole(job))["choices"]
        return told

    both = choice(logprobs=echoed, prompt_logprobs=scored)
    assert both["logprobs"] == choice(logprobs=echoed)["logprobs"]
    assert both["prompt_logprobs"] == choice(prompt_logprobs=scored)["prompt_logprobs"]
    first, *others = both["prompt_logprobs"]
    assert first is None
    for token, entries in zip((7, 9, 11, 5), others, strict=True):
        assert scored <= len(entries) <= scored + 1
        assert set(entries[str(token)]) == {"logprob", "rank", "decoded_token"}
        assert {entry["rank"] for entry in entries.values()} >= set(range(1, scored + 1))
