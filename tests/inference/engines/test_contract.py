"""One protocol, held to by every engine; what an engine doesn't declare it refuses by name."""

import time

import pytest

from inference import EngineRequest, SamplingParams
from inference.capabilities import Capability
from inference.errors import PromptTooLong, UnsupportedByEngine
from inference.interp.spec import Capture, Intervention
from tests.inference.engines.conftest import CONTEXT
from tests.inference.tiny_opts import greedy_reference, reference_logits
from tests.waiting import wait_until

PROMPTS = [[2], [2, 7, 9], [2, *range(20, 60)]]


def test_greedy_tokens_are_transformers_for_prompts_at_once(subject):
    outputs = subject.run(*[subject.request(prompt, temperature=0.0) for prompt in PROMPTS])
    for prompt, output in zip(PROMPTS, outputs, strict=True):
        assert output.outputs[0].token_ids == greedy_reference(subject.peer, prompt, 8)
        assert output.outputs[0].finish_reason == "length"


def test_logprobs_are_transformers_with_the_chosen_token_first(subject):
    subject.require(Capability.LOGPROBS)
    sample = subject.sample([2, 7, 9], seed=3, logprobs=2)
    text = [2, 7, 9, *sample.token_ids]
    expected = reference_logits(subject.peer, text).log_softmax(-1)
    assert len(sample.logprobs) == 8
    for place, (token, entries) in enumerate(zip(sample.token_ids, sample.logprobs, strict=True)):
        assert next(iter(entries)) == token
        assert 2 <= len(entries) <= 3
        for other, entry in entries.items():
            assert entry.logprob == pytest.approx(expected[place + 2][other].item(), abs=1e-3)


def test_logprobs_0_lists_the_chosen_token_alone(subject):
    subject.require(Capability.LOGPROBS)
    sample = subject.sample(seed=3, logprobs=0)
    assert [list(entries) for entries in sample.logprobs] == [[token] for token in sample.token_ids]


def test_prompts_are_scored_once_with_ranks(subject):
    subject.require(Capability.PROMPT_LOGPROBS)
    prompt = PROMPTS[2]
    events = subject.events(subject.request(prompt, prompt_logprobs=1, n=2))
    [scored] = [event for event in events if event.prompt_logprobs is not None]
    assert scored is next(event for event in events if event.index == 0)
    expected = reference_logits(subject.peer, prompt).log_softmax(-1)
    assert scored.prompt_logprobs[0] is None
    for place, token in enumerate(prompt[1:]):
        entries = scored.prompt_logprobs[place + 1]
        assert next(iter(entries)) == token
        own = expected[place][token]
        assert entries[token].logprob == pytest.approx(own.item(), abs=1e-3)
        assert entries[token].rank == pytest.approx(int((expected[place] > own).sum()) + 1, abs=1)


def test_max_tokens_0_only_scores(subject):
    subject.require(Capability.PROMPT_LOGPROBS)
    [output] = subject.run(subject.request(max_tokens=0, prompt_logprobs=0))
    assert output.outputs[0].token_ids == []
    assert output.outputs[0].finish_reason == "length"
    assert len(output.prompt_logprobs) == 3


def test_each_token_comes_in_one_event_whose_texts_join(subject):
    events = subject.events(subject.request(temperature=0.0, max_tokens=20))
    tokens = [token for event in events for token in event.token_ids]
    assert tokens == greedy_reference(subject.peer, [2, 7, 9], 20)
    assert len(events) > 1
    assert [event.finish_reason for event in events[:-1]] == [None] * (len(events) - 1)
    text = "".join(event.text for event in events)
    assert text.replace("\ufffd", "") == subject.engine.tokenizer.decode(tokens).replace(
        "\ufffd", ""
    )


def test_a_seed_says_the_same_again(subject):
    first, second = (subject.sample(seed=5, max_tokens=20) for _ in range(2))
    assert first.token_ids == second.token_ids
    assert subject.sample(seed=6, max_tokens=20).token_ids != first.token_ids


def test_a_sample_alone_is_the_one_among_several(subject):
    [output] = subject.run(subject.request(seed=5, n=3, max_tokens=12))
    samples = [sample.token_ids for sample in output.outputs]
    assert len({tuple(tokens) for tokens in samples}) == 3
    alone = subject.run(subject.request(seed=5, first_sample=2, max_tokens=12))
    assert alone[0].outputs[0].token_ids == samples[2]
    assert alone[0].outputs[0].index == 2


def test_a_stop_token_ends_the_sample_and_is_named(subject):
    third = greedy_reference(subject.peer, [2, 7, 9], 3)[2]
    sample = subject.sample(temperature=0.0, stop_token_ids=[third])
    assert sample.token_ids[-1] == third
    assert (sample.finish_reason, sample.stop_reason) == ("stop", third)


def test_an_end_token_ends_the_sample_unless_it_is_ignored(subject):
    biased = {"logit_bias": {2: 100.0}, "temperature": 0.0, "max_tokens": 3}
    sample = subject.sample(ignore_eos=False, **biased)
    assert (sample.token_ids, sample.finish_reason, sample.stop_reason) == ([2], "stop", None)
    assert subject.sample(ignore_eos=True, **biased).token_ids == [2, 2, 2]
    later = subject.sample(ignore_eos=False, min_tokens=2, **biased)
    assert 2 not in later.token_ids[:2]


def test_a_stop_string_is_left_out_or_written(subject):
    tokenizer = subject.engine.tokenizer
    [token] = tokenizer.encode("the", special_tokens=False)
    biased = {"logit_bias": {token: 100.0}, "temperature": 0.0, "stop": ["ethe"]}
    sample = subject.sample(**biased)
    assert (sample.text, sample.finish_reason, sample.stop_reason) == ("th", "stop", "ethe")
    assert subject.sample(include_stop_str_in_output=True, **biased).text == "thethe"


def test_without_text_there_are_tokens(subject):
    sample = subject.sample(temperature=0.0, detokenize=False)
    assert (sample.text, len(sample.token_ids)) == ("", 8)


def test_a_cancelled_request_ends_with_an_abort(subject):
    request_id = subject.engine.submit(subject.request(max_tokens=90))
    other = subject.request(temperature=0.0)
    subject.engine.submit(other)
    assert subject.engine.cancel(request_id)
    assert not subject.engine.cancel(request_id)
    events = []
    while subject.engine.has_work:
        events += subject.engine.step()
    ends = {event.request_id: event.finish_reason for event in events if event.finish_reason}
    assert ends == {request_id: "abort", other.request_id: "length"}


def test_a_request_ends_at_its_deadline(subject):
    events = subject.events(subject.request(max_tokens=90, deadline=time.monotonic()))
    assert events[-1].finish_reason == "deadline"


def test_another_priority_is_taken_or_declined(subject):
    request_id = subject.engine.submit(subject.request(max_tokens=60))
    can = Capability.DISPLACEMENT in subject.engine.capabilities
    assert subject.engine.set_priority(request_id, 9) == can
    assert subject.engine.set_priority("unknown", 9) is False
    subject.engine.cancel(request_id)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"prompt": []}, ValueError, "empty"),
        ({"prompt": [2, 10**6]}, ValueError, "1000000 is not a token id"),
        ({"max_tokens": CONTEXT}, PromptTooLong, f"over the model's {CONTEXT}"),
        ({"stop_token_ids": [10**6]}, ValueError, "stop_token_ids names token 1000000"),
        ({"stop": ["x"], "detokenize": False}, ValueError, "stop strings need"),
        ({"first_sample": -1}, ValueError, "first_sample"),
    ],
)
def test_what_can_never_run_is_refused_at_once(subject, fields, error, words):
    with pytest.raises(error, match=words):
        subject.engine.submit(subject.request(**fields))


def test_an_id_in_use_is_refused(subject):
    request = subject.request(max_tokens=60)
    subject.engine.submit(request)
    with pytest.raises(ValueError, match="in use"):
        subject.engine.submit(request)
    subject.engine.cancel(request.request_id)


@pytest.mark.parametrize(
    ("capability", "more"),
    [
        (Capability.CAPTURE, {"captures": (Capture("output"),)}),
        (Capability.INTERVENTIONS, {"interventions": (Intervention("output", "scale", 2.0, 0),)}),
        (Capability.STRUCTURED_OUTPUTS, {"structured_outputs": {"regex": "[ab]{5}"}}),
    ],
)
def test_what_an_engine_does_not_declare_it_refuses_by_name(subject, capability, more):
    if capability in subject.engine.capabilities:
        pytest.skip(f"this engine has {capability}")
    with pytest.raises(UnsupportedByEngine, match=capability):
        subject.engine.submit(subject.request(**more))


def test_text_is_held_to_a_form(subject):
    subject.require(Capability.STRUCTURED_OUTPUTS)
    form = {"structured_outputs": {"regex": "[ab]{5}"}}
    assert set(subject.sample(max_tokens=20, ignore_eos=False, **form).text) <= {"a", "b"}


def test_the_tokens_computed_are_counted_by_request(subject):
    request, counted = subject.request(n=2, max_tokens=6), 0
    request_id, left = subject.engine.submit(request), 2
    while left:
        for event in subject.engine.step():
            left -= event.finish_reason is not None
        counted += subject.engine.stats().num_scheduled_tokens.get(request_id, 0)
    # The last token of a sample is never computed; vLLM doesn't say so, and counts it.
    assert 2 * (3 + 5) <= counted <= 2 * (3 + 6)


def test_its_load_and_its_cache_are_told(subject):
    subject.sample()
    wait_until(lambda: subject.engine.stats().running == 0, 20, "nothing running")
    stats = subject.engine.stats()
    assert stats.waiting == 0
    assert stats.total_blocks >= stats.free_blocks > 0
    assert stats.block_size > 0


def test_requests_may_have_no_id(subject):
    request = EngineRequest([2, 7], SamplingParams(max_tokens=2, ignore_eos=True))
    request_id = subject.engine.submit(request)
    events = []
    while subject.engine.has_work:
        events += subject.engine.step()
    assert {event.request_id for event in events} == {request_id}
