import threading
from dataclasses import replace

import pytest

from inference import Engine, EngineRequest, SamplingParams
from inference.errors import EngineClosed, PromptTooLong
from tests.inference.tiny_opts import RAGGED, tokens_of

GREEDY = SamplingParams(max_tokens=10, temperature=0.0, ignore_eos=True)
DRAWN = SamplingParams(max_tokens=10, temperature=1.0, seed=7, ignore_eos=True)


def drain(engine):
    events = []
    while engine.has_work:
        events += engine.step()
    return events


def tokens_by_id(events):
    tokens = {}
    for event in events:
        tokens.setdefault(event.request_id, []).extend(event.token_ids)
    return tokens


def test_batched_is_alone(engine):
    alone = [engine.generate([prompt], GREEDY)[0] for prompt in RAGGED]
    assert tokens_of(engine.generate(RAGGED, GREEDY)) == tokens_of(alone)


def test_prompts_in_pieces_are_prompts_whole(plain_opt, engine):
    with Engine(plain_opt[0], max_num_batched_tokens=512) as whole:
        assert tokens_of(engine.generate(RAGGED, GREEDY)) == tokens_of(
            whole.generate(RAGGED, GREEDY)
        )


def test_a_sample_asked_for_alone_is_the_one_among_several(engine):
    together = engine.generate([RAGGED[1]], replace(DRAWN, n=4))[0].outputs
    alone = engine.run([EngineRequest(RAGGED[1], DRAWN, first_sample=n) for n in range(4)])
    assert [[sample.index for sample in output.outputs] for output in alone] == [[0], [1], [2], [3]]
    assert [output.outputs[0].token_ids for output in alone] == [
        output.token_ids for output in together
    ]


def test_samples_are_numbered_from_nought(engine):
    with pytest.raises(ValueError, match="first_sample"):
        engine.submit(EngineRequest(RAGGED[1], GREEDY, first_sample=-1))


def test_more_requests_than_places_all_finish_as_if_alone(plain_opt):
    with Engine(plain_opt[0], max_num_seqs=2) as engine:
        outputs = engine.generate(RAGGED * 2, GREEDY)
        assert tokens_of(outputs) == tokens_of(engine.generate(RAGGED, GREEDY)) * 2
        assert engine.stats().free_blocks == engine.stats().total_blocks


def test_a_seeds_draws_do_not_depend_on_neighbours(engine):
    [alone] = engine.generate([RAGGED[1]], DRAWN)
    others = SamplingParams(max_tokens=10, top_p=0.5, top_k=3, seed=8, ignore_eos=True)
    outputs = engine.generate([*RAGGED, RAGGED[1]], [others] * len(RAGGED) + [DRAWN])
    assert outputs[-1].outputs[0].token_ids == alone.outputs[0].token_ids


def test_samples_of_one_request_differ_and_repeat(engine):
    params = SamplingParams(n=3, max_tokens=10, seed=7, ignore_eos=True)
    first, again = (tokens_of(engine.generate([RAGGED[1]], params)) for _ in range(2))
    assert first == again
    assert len({tuple(tokens) for tokens in first}) == 3


def test_without_a_seed_draws_differ(engine):
    params = SamplingParams(max_tokens=20, ignore_eos=True)
    one, other = tokens_of(engine.generate([RAGGED[1]] * 2, params))
    assert one != other


def test_a_request_may_join_a_running_batch(engine):
    [expected] = tokens_of(engine.generate([RAGGED[2]], GREEDY))
    engine.submit(EngineRequest(RAGGED[1], GREEDY, "first"))
    engine.step()
    engine.submit(EngineRequest(RAGGED[2], GREEDY, "second"))
    assert tokens_by_id(drain(engine))["second"] == expected


def test_lower_priority_numbers_go_first(plain_opt):
    with Engine(plain_opt[0], max_num_seqs=1) as engine:
        for name, priority in (("late", 5), ("soon", 1), ("next", 1)):
            engine.submit(EngineRequest(RAGGED[1], GREEDY, name, priority=priority))
        endings = [event.request_id for event in drain(engine) if event.finish_reason]
    assert endings == ["soon", "next", "late"]


def test_cancel_frees_blocks_at_once_and_is_told(engine):
    engine.submit(EngineRequest(RAGGED[1], GREEDY, "gone"))
    engine.submit(EngineRequest(RAGGED[2], GREEDY, "stays"))
    engine.step()
    assert engine.cancel("gone") is True
    assert engine.cancel("gone") is False
    stats = engine.stats()
    assert (stats.running, stats.total_blocks - stats.free_blocks) == (1, 2)  # 27 tokens
    events = drain(engine)
    assert [e.finish_reason for e in events if e.request_id == "gone"] == ["abort"]
    assert len(tokens_by_id(events)["stays"]) >= 9


def test_a_waiting_request_can_be_cancelled(plain_opt):
    with Engine(plain_opt[0], max_num_seqs=1) as engine:
        engine.submit(EngineRequest(RAGGED[1], GREEDY, "runs"))
        engine.submit(EngineRequest(RAGGED[1], GREEDY, "waits"))
        engine.step()
        engine.cancel("waits")
        assert engine.stats().waiting == 0
        assert len(tokens_by_id(drain(engine))["runs"]) == 9


def test_a_stream_left_early_frees_its_blocks(engine):
    for _event in engine.stream(RAGGED[1], GREEDY):
        break
    assert engine.stats().free_blocks == engine.stats().total_blocks
    assert not engine.has_work


def test_streams_side_by_side_keep_their_own_events(engine):
    expected = tokens_of(engine.generate([RAGGED[1], RAGGED[2]], GREEDY))
    pairs = zip(engine.stream(RAGGED[1], GREEDY), engine.stream(RAGGED[2], GREEDY), strict=True)
    both = [(*first.token_ids, *second.token_ids) for first, second in pairs]
    assert [list(tokens) for tokens in zip(*both, strict=True)] == expected


def test_a_failing_sequence_ends_alone(plain_opt):
    with Engine(plain_opt[0]) as engine:
        model = engine._executor.model
        model.embed_positions.weight[20 + 2] = float("nan")
        expected = tokens_of(engine.generate([RAGGED[1]], GREEDY))
        bad, good = engine.generate([RAGGED[3], RAGGED[1]], GREEDY)
        assert bad.outputs[0].finish_reason == "error"
        assert "not finite" in bad.outputs[0].error
        assert tokens_of([good]) == expected
        assert tokens_of(engine.generate([RAGGED[1]] * 8, GREEDY)) == expected * 8  # on its blocks


def test_when_the_whole_batch_fails_only_its_cause_ends(engine, monkeypatch):
    expected = tokens_of(engine.generate([RAGGED[1]], GREEDY))
    forward = engine._executor.forward

    def failing(batch):
        if any(len(row.sequence.prompt_token_ids) == 17 for row in batch):
            raise RuntimeError("secret path")
        return forward(batch)

    monkeypatch.setattr(engine._executor, "forward", failing)
    bad, good = engine.generate([RAGGED[2], RAGGED[1]], GREEDY)
    assert bad.outputs[0].error == "the model failed on this sequence (RuntimeError)"
    assert tokens_of([good]) == expected


def test_max_tokens_zero_scores_the_prompt(engine):
    params = SamplingParams(max_tokens=0, prompt_logprobs=1)
    [output] = engine.generate([RAGGED[3]], params)
    assert output.outputs[0].token_ids == []
    assert output.outputs[0].finish_reason == "length"
    assert len(output.prompt_logprobs) == 32
    assert output.prompt_logprobs[0] is None
    assert all(t in e for t, e in zip(RAGGED[3][1:], output.prompt_logprobs[1:], strict=True))


def test_prompt_logprobs_come_once_on_the_first_event(engine):
    params = SamplingParams(n=2, max_tokens=3, prompt_logprobs=0, ignore_eos=True)
    engine.submit(EngineRequest(RAGGED[3], params))
    carrying = [n for n, event in enumerate(drain(engine)) if event.prompt_logprobs]
    assert carrying == [0]


def test_max_tokens_none_runs_to_the_models_length(engine):
    params = SamplingParams(max_tokens=None, temperature=0.0, ignore_eos=True)
    assert len(tokens_of(engine.generate([RAGGED[2]], params))[0]) == 96 - 17


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [([], "empty"), ([2, 99], "99 is not a token id"), ("text", "no tokenizer.json"), ([-1], "-1")],
)
def test_a_bad_prompt_is_named_and_none_runs(engine, prompt, reason):
    with pytest.raises(ValueError, match=f"prompt 1: .*{reason}"):
        engine.generate([[2], prompt], GREEDY)
    assert not engine.has_work


def test_what_can_never_fit_the_cache_is_refused(plain_opt):
    two_blocks = 2 * 16 * 2 * 2 * 32 * 4
    with Engine(plain_opt[0], kv_cache_memory_bytes=two_blocks) as engine:
        assert engine.stats().total_blocks == 2
        with pytest.raises(PromptTooLong, match="which holds 32"):
            engine.submit(EngineRequest([2] * 20, SamplingParams(max_tokens=13)))
        engine.submit(EngineRequest([2] * 20, SamplingParams(max_tokens=12)))


def test_an_id_in_use_is_refused(engine):
    engine.submit(EngineRequest([2], GREEDY, "same"))
    with pytest.raises(ValueError, match="in use"):
        engine.submit(EngineRequest([2], GREEDY, "same"))


def test_a_closed_engine_refuses(engine):
    engine.submit(EngineRequest([2], GREEDY))
    engine.close()
    assert not engine.has_work
    with pytest.raises(EngineClosed):
        engine.submit(EngineRequest([2], GREEDY))


def test_submit_and_cancel_from_other_threads(engine):
    def visit(number):
        for turn in range(5):
            name = f"{number}-{turn}"
            engine.submit(EngineRequest(RAGGED[1], GREEDY, name))
            if turn % 2:
                engine.cancel(name)

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    events = []
    while any(thread.is_alive() for thread in threads) or engine.has_work:
        events += engine.step()
    for thread in threads:
        thread.join()
    endings = [event.request_id for event in events if event.finish_reason]
    assert sorted(endings) == sorted(f"{n}-{turn}" for n in range(3) for turn in range(5))
    assert engine.stats().free_blocks == engine.stats().total_blocks
