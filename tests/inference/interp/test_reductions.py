"""Reduced captures are what a hook's values come to when they are reduced afterwards."""

import pytest
import torch

from inference import Engine, EngineRequest, SamplingParams
from inference.interp import Capture, Captured, Last, Mean, Projection, TopK, ablate_heads
from tests.inference.interp.test_white_box import GREEDY, PROMPT, close, peers_view
from tests.inference.tiny_opts import RAGGED, make_opt, tokens_of

SITES = ("input", "attention_output", "neurons", "mlp_output", "output")
WIDTHS = {"neurons": 64, "logits": 99}
ANY_SITE = (*SITES, "attention", "heads", "logits")


def projection(site):
    units = WIDTHS.get(site, 32)
    matrix = torch.linspace(-1, 1, 3 * units).reshape(3, units)
    return Projection(matrix, torch.tensor([1.0, 0.0, -1.0]))


def reductions(site):
    whole = [Capture(site, reduce=reduction) for reduction in (Last(), Mean())]
    if site in ("attention", "heads"):
        return whole
    return [*whole, Capture(site, reduce=TopK(4)), Capture(site, reduce=projection(site))]


EVERY_REDUCTION = tuple(capture for site in ANY_SITE for capture in reductions(site))


def require_reduced(captured, seen, count):
    """All reductions are made of the first count positions that transformers saw."""
    everything = tuple(range(count))
    for (site, layer), there in seen.items():
        there = there[:count, :, :count] if site == "attention" else there[:count]
        close(captured.values(site, layer, "last"), there[-1:])
        assert captured.positions(site, layer, "last") == (count - 1,)
        close(captured.values(site, layer, "mean"), there.mean(dim=0, keepdim=True))
        assert captured.positions(site, layer, "mean") == everything
        if site in ("attention", "heads"):
            continue
        top = there.topk(4)
        assert captured.positions(site, layer, "top_k") == everything
        close(captured.values(site, layer, "top_k"), top.values)
        # units with equal values, such as neurons at 0, may come in any order
        close(there.gather(1, captured.indices(site, layer).long()), top.values)
        probe = projection(site)
        close(captured.values(site, layer, "projection"), there @ probe.matrix.T + probe.bias)


def test_reductions_are_of_what_transformers_hooks_see(opt):
    directory, peer = opt
    if peer.config.vocab_size != WIDTHS["logits"]:
        pytest.skip("the probe of the logits is as wide as the other vocabularies")
    with Engine(directory, max_num_seqs=8, max_num_batched_tokens=8) as engine:  # three chunks
        [output] = engine.generate([PROMPT], GREEDY, captures=EVERY_REDUCTION)
    [sample] = output.outputs
    tokens = [*PROMPT, *sample.token_ids[:-1]]
    require_reduced(sample.captured, peers_view(peer, tokens), len(tokens))


def test_of_the_last_and_the_mean_one_row_is_kept(engine):
    captures = [Capture("output", [0], reduce=Last()), Capture("neurons", [1], reduce=Mean())]
    [output] = engine.generate([PROMPT], GREEDY, captures=captures)
    captured = output.outputs[0].captured
    assert [len(snapshot.values) for snapshot in captured.snapshots] == [1, 1]
    assert captured.points() == [("output", 0, "last"), ("neurons", 1, "mean")]
    assert captured.values("neurons", 1, "mean").dtype == torch.float32


def test_positions_choose_what_is_reduced(engine):
    captures = [
        Capture("output", [0]),
        Capture("output", [0], [3, 5, 18], reduce=Mean()),
        Capture("output", [0], [5, 3], reduce=Last()),
        Capture("logits", positions=[2, 9], reduce=Last(), dtype="float16"),
    ]
    [output] = engine.generate([PROMPT], GREEDY, captures=captures)
    captured = output.outputs[0].captured
    whole = captured.values("output", 0)
    close(captured.values("output", 0, "mean")[0], whole[[3, 5, 18]].mean(dim=0))
    close(captured.values("output", 0, "last")[0], whole[5])
    assert captured.positions("logits", None, "last") == (9,)
    with pytest.raises(KeyError, match="nothing was captured at output of layer 1, reduced by"):
        captured.values("output", 1, "mean")


def test_of_the_last_logits_no_others_are_computed(engine):
    import inference.engine.model_runner as model_runner

    counts = []
    rows = model_runner._logit_rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            model_runner,
            "_logit_rows",
            lambda chunks: counts.append(len(rows(chunks))) or rows(chunks),
        )
        engine.generate([PROMPT], GREEDY, captures=[Capture("logits", reduce=Last())])
    assert set(counts) == {1}


def test_a_stream_puts_together_to_the_same(engine):
    [output] = engine.generate([PROMPT], GREEDY, captures=EVERY_REDUCTION)
    expected, streamed = output.outputs[0].captured, Captured()
    for event in engine.stream(PROMPT, GREEDY, captures=EVERY_REDUCTION):
        streamed.add(event.captured)
    assert streamed.points() == expected.points()
    for point in expected.points():
        assert streamed.positions(*point) == expected.positions(*point)
        close(streamed.values(*point), expected.values(*point))


def test_a_batch_and_a_preempted_request_reduce_the_same(plain_opt):
    params = SamplingParams(max_tokens=40, temperature=0.0, ignore_eos=True)
    requests = [EngineRequest(prompt, params, captures=EVERY_REDUCTION) for prompt in RAGGED]
    with Engine(plain_opt[0], max_num_batched_tokens=24) as engine:
        alone = [engine.run([request])[0] for request in requests]
    few = 6 * 16 * 2 * 2 * 32 * 4
    with Engine(plain_opt[0], max_num_batched_tokens=24, kv_cache_memory_bytes=few) as engine:
        together = engine.run(requests)
        assert engine.stats().preemptions > 0
    assert tokens_of(together) == tokens_of(alone)
    for one, other in zip(together, alone, strict=True):
        require_same_captures(one.outputs[0].captured, other.outputs[0].captured)


def require_same_captures(ours, theirs):
    assert set(ours.points()) == set(theirs.points())
    for point in theirs.points():
        assert ours.positions(*point) == theirs.positions(*point)
        close(ours.values(*point), theirs.values(*point))


@pytest.mark.parametrize(("tensor", "pipeline"), [(2, 1), (1, 2), (2, 2)])
def test_ranks_reduce_as_one_rank_does(tmp_path, tensor, pipeline):
    peer = make_opt(tmp_path)
    requests = [
        EngineRequest(prompt, GREEDY, captures=EVERY_REDUCTION, interventions=changes)
        for prompt, changes in zip(RAGGED, [(), (ablate_heads(0, [1]),), (), ()], strict=True)
    ]
    with Engine(tmp_path, tensor, pipeline, max_num_batched_tokens=40) as engine:
        outputs = engine.run(requests)
    with Engine(tmp_path, max_num_batched_tokens=40) as engine:
        expected = engine.run(requests)
    assert tokens_of(outputs) == tokens_of(expected)
    for one, other in zip(outputs, expected, strict=True):
        require_same_captures(one.outputs[0].captured, other.outputs[0].captured)
    [sample] = outputs[2].outputs
    tokens = [*RAGGED[2], *sample.token_ids[:-1]]
    require_reduced(sample.captured, peers_view(peer, tokens), len(tokens))


def test_what_is_kept_is_what_is_counted(plain_opt):
    """22 positions: 32 * 4 bytes of a row, and 22 * (4 * 8 + 3 * 4) of the others."""
    kept = (*reductions("output"), *reductions("input"))
    with Engine(plain_opt[0], max_capture_bytes=2 * 2 * (2 * 128 + 22 * 44)) as engine:
        engine.generate([PROMPT], GREEDY, captures=kept)
        with pytest.raises(ValueError, match="over the engine's 4896: name layers and positions"):
            engine.generate([PROMPT], GREEDY, captures=[*kept, Capture("neurons", reduce=Last())])


@pytest.mark.parametrize(
    ("captures", "reason"),
    [
        ([Capture("output", reduce="mean")], "capture 0: reduce must be Last"),
        ([Capture("output", reduce=TopK(33))], "k must be from 1 to the 32 units, not 33"),
        ([Capture("output", reduce=TopK(0))], "k must be from 1"),
        ([Capture("output", reduce=TopK(2.0))], "k must be from 1"),
        ([Capture("heads", reduce=TopK(1))], "top_k needs a site with one vector"),
        ([Capture("attention", reduce=projection("output"))], "projection needs a site with one"),
        ([Capture("logits", reduce=projection("output"))], r"matrix of shape \(3, 32\) must be"),
        ([Capture("output", reduce=Projection([1.0] * 32))], r"must be \[out, 32\]"),
        ([Capture("output", reduce=Projection([[1.0] * 32], [1, 2]))], "a number for each row"),
        ([Capture("output", reduce=Projection([[1.0] * 31 + [True]]))], "matrix is no number"),
        ([Capture("output", reduce=Projection([[1.0], [1, 2]]))], "matrix is no list of numbers"),
        ([Capture("output", reduce=Projection([[1e39] * 32]))], "matrix holds NaN or infinity"),
        (
            [Capture("output", reduce=Projection(torch.full((1, 32), torch.nan)))],
            "capture 0: matrix holds NaN",
        ),
        (
            [Capture("output"), Capture("output", [1], [3])],
            "capture 1: output of layer 1 is captured by capture 0 already",
        ),
        (
            [Capture("logits", reduce=Mean()), Capture("logits"), Capture("logits", reduce=Mean())],
            "capture 2: logits is captured by capture 0",
        ),
    ],
)
def test_what_cannot_be_reduced_is_refused_before_anything_runs(engine, captures, reason):
    with pytest.raises(ValueError, match=reason):
        engine.submit(EngineRequest(PROMPT, GREEDY, captures=tuple(captures)))
    assert not engine.has_work


def test_a_matrix_may_change_once_it_is_handed_over(engine):
    probe = projection("output")
    captures = (Capture("output", [1], reduce=probe),)
    [before] = engine.generate([PROMPT], GREEDY, captures=captures)
    engine.submit(EngineRequest(PROMPT, GREEDY, captures=captures))
    probe.matrix.zero_()
    captured = Captured()
    while engine.has_work:
        captured.add([snapshot for event in engine.step() for snapshot in event.captured])
    require_same_captures(captured, before.outputs[0].captured)
