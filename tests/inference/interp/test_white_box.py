"""Captures and interventions against hooks on transformers' model."""

from contextlib import contextmanager

import pytest
import torch

from inference import Engine, EngineRequest, SamplingParams
from inference.interp.spec import Capture, Intervention, ablate_heads, ablate_neurons
from tests.inference.tiny_opts import RAGGED, make_opt, tokens_of

GREEDY = SamplingParams(max_tokens=6, temperature=0.0, ignore_eos=True)
PROMPT = RAGGED[2]
LAYER_SITES = ("input", "attention", "heads", "attention_output", "neurons", "mlp_output", "output")
EVERYTHING = tuple(Capture(site) for site in (*LAYER_SITES, "logits"))


def places(peer):
    """Return, by site and layer, the module, and whether the site is the module's input."""
    for number, layer in enumerate(peer.model.decoder.layers):
        yield ("input", number), layer, True
        yield ("heads", number), layer.self_attn.out_proj, True
        yield ("attention_output", number), layer.self_attn.out_proj, False
        yield ("neurons", number), layer.fc2, True
        yield ("mlp_output", number), layer.fc2, False
        yield ("output", number), layer, False
    yield ("logits", None), peer.lm_head, False


@contextmanager
def hooked(peer, edits=()):
    """Return the values at every site, after edits: (site, layer, function of [tokens, …])."""
    seen, handles = {}, []

    def passed(point, there):
        rows = there.view(-1, there.shape[-1])
        if point[0] == "heads":
            rows = rows.view(len(rows), peer.config.num_attention_heads, -1)
        for site, layer, edit in edits:
            if (site, layer) == point:
                rows = edit(rows.clone())
        seen[point] = rows
        return rows.reshape(there.shape)

    for point, module, before in places(peer):
        if before:

            def hook(_module, args, point=point):
                return (passed(point, args[0]), *args[1:])

            handles.append(module.register_forward_pre_hook(hook))
        else:

            def hook(_module, _args, output, point=point):
                return passed(point, output)

            handles.append(module.register_forward_hook(hook))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def peers_view(peer, tokens, edits=()):
    """Return transformers' values at every site for these tokens, attention too."""
    peer.set_attn_implementation("eager")
    with hooked(peer, edits) as seen:
        attentions = peer(torch.tensor([tokens]), output_attentions=True).attentions
    for number, weights in enumerate(attentions):
        seen["attention", number] = weights[0].transpose(0, 1)  # [tokens, heads, keys]
    return seen


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def require_same(output, seen, count):
    """All that the sample captured is what transformers saw at the first count positions."""
    for (site, layer), values in seen.items():
        if site == "attention":
            values = values[:, :, :count]
        assert output.captured.positions(site, layer) == tuple(range(count))
        close(output.captured.values(site, layer), values[:count])


def run(engine, *requests):
    """Run requests in one shared batch, and return their outputs."""
    return engine.run([EngineRequest(PROMPT, GREEDY, **inside) for inside in requests])


def test_everything_captured_is_what_transformers_hooks_see(opt):
    directory, peer = opt
    with Engine(directory, max_num_seqs=8, max_num_batched_tokens=8) as engine:
        [output] = engine.generate([PROMPT], GREEDY, captures=EVERYTHING)
    [sample] = output.outputs
    tokens = [*PROMPT, *sample.token_ids[:-1]]  # the last drawn is never computed
    require_same(sample, peers_view(peer, tokens), len(tokens))


def test_only_what_was_asked_for_comes_in_its_dtype(engine):
    captures = [
        Capture("output", layers=[1], positions=range(3, 40, 6), dtype="float16"),
        Capture("logits", positions=[0, 18]),
    ]
    params = SamplingParams(max_tokens=30, temperature=0.0, ignore_eos=True)
    [output] = engine.generate([PROMPT], params, captures=captures)
    captured = output.outputs[0].captured
    assert captured.positions("output", 1) == (3, 9, 15, 21, 27, 33, 39)
    assert captured.values("output", 1).dtype == torch.float16
    assert captured.positions("logits") == (0, 18)
    with pytest.raises(KeyError, match="nothing was captured at output of layer 0"):
        captured.values("output", 0)


def test_captures_of_the_prompt_come_with_the_first_event(engine):
    events = list(engine.stream(PROMPT, GREEDY, captures=[Capture("output", layers=[0])]))
    positions_by_event = [[snapshot.positions for snapshot in event.captured] for event in events]
    assert positions_by_event == [[tuple(range(17))], [(17,)], [(18,)], [(19,)], [(20,)], [(21,)]]


def test_each_sample_of_a_request_is_looked_into(engine):
    params = SamplingParams(n=2, max_tokens=4, seed=1, ignore_eos=True)
    [output] = engine.generate([PROMPT], params, captures=[Capture("output", [1])])
    one, other = (sample.captured.values("output", 1) for sample in output.outputs)
    assert len(one) == len(other) == 20
    close(one[:17], other[:17])
    assert not torch.allclose(one[17], other[17])  # they drew different tokens


VECTOR = torch.linspace(-1, 1, 32)


def set_at(index, value):
    def edit(rows):
        rows[index] = value if not callable(value) else value(rows[index])
        return rows

    return edit


EDITS = {
    "steering": (
        Intervention("output", "add", VECTOR, layer=0),
        lambda rows: rows + VECTOR,
    ),
    "scaled from a position on": (
        Intervention("attention_output", "scale", 1.5, layer=1, positions=range(5, 20)),
        set_at(slice(5, 20), lambda rows: rows * 1.5),
    ),
    "replaced coordinates": (
        Intervention("input", "replace", [3.0, -3.0], layer=1, positions=[2, 16], units=[7, 1]),
        lambda rows: set_at(
            (torch.tensor([[2], [16]]), torch.tensor([7, 1])), torch.tensor([3.0, -3.0])
        )(rows),
    ),
    "a row for each position": (
        Intervention("mlp_output", "replace", [[0.5] * 32, [2.0] * 32], layer=0, positions=[9, 4]),
        lambda rows: set_at(4, 2.0)(set_at(9, 0.5)(rows)),
    ),
    "ablated heads": (
        ablate_heads(0, [1, 3]),
        set_at((slice(None), torch.tensor([1, 3])), 0.0),
    ),
    "a head's vector": (
        Intervention("heads", "add", torch.arange(8.0), layer=1, units=[2]),
        set_at((slice(None), 2), lambda there: there + torch.arange(8.0)),
    ),
    "ablated neurons": (
        ablate_neurons(1, range(10, 40), positions=[0, 1, 2]),
        set_at((slice(0, 3), slice(10, 40)), 0.0),
    ),
    "biased logits": (
        Intervention("logits", "add", [4.0, -50.0], units=[93, 5]),
        set_at(
            (slice(None), torch.tensor([93, 5])), lambda there: there + torch.tensor([4.0, -50.0])
        ),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_intervention_does_what_a_hook_does(opt, name):
    directory, peer = opt
    intervention, edit = EDITS[name]
    edits = [(intervention.site, intervention.layer, edit)]
    with Engine(directory, max_num_seqs=8, max_num_batched_tokens=8) as engine:
        [output] = engine.generate(
            [PROMPT], GREEDY, captures=EVERYTHING, interventions=[intervention]
        )
    [sample] = output.outputs
    # hooks that run where the prompt ends have no later positions to change
    tokens = [*PROMPT, *sample.token_ids[:-1]]
    seen = peers_view(peer, tokens, edits)
    require_same(sample, seen, len(tokens))
    assert sample.token_ids == seen["logits", None][len(PROMPT) - 1 :].argmax(-1).tolist()


def test_each_request_of_a_batch_has_its_own_and_leaves_the_others_alone(engine):
    interventions = [() for _ in EDITS] + [(intervention,) for intervention, _ in EDITS.values()]
    requests = [{"interventions": changes, "captures": EVERYTHING} for changes in interventions]
    alone = [run(engine, changes)[0] for changes in requests]
    together = run(engine, *requests)
    assert tokens_of(together) == tokens_of(alone)
    assert len({tuple(tokens) for tokens in tokens_of(alone)}) > 4
    for batched, expected in zip(together, alone, strict=True):
        for site in LAYER_SITES:
            close(
                batched.outputs[0].captured.values(site, 1),
                expected.outputs[0].captured.values(site, 1),
            )


def test_a_patch_from_another_request_makes_it_go_on_like_that_one(engine):
    clean, corrupt = PROMPT, [*PROMPT[:-1], 90]
    source = engine.generate([clean], GREEDY, captures=[Capture("output")])[0].outputs[0]
    [other] = tokens_of(engine.generate([corrupt], GREEDY))
    assert other != source.token_ids
    last = [len(clean) - 1]
    patches = [source.captured.patch("output", layer, last) for layer in (0, 1)]
    patched = engine.generate([corrupt], GREEDY, interventions=patches)
    assert tokens_of(patched)[0][0] == source.token_ids[0]
    moved = source.captured.patch("output", 0, [3, 4], at=[5, 6])
    [found] = engine.generate(
        [corrupt], GREEDY, interventions=[moved], captures=[Capture("output", [0], [6, 5])]
    )
    close(
        found.outputs[0].captured.values("output", 0), source.captured.values("output", 0)[[3, 4]]
    )


def test_preempted_requests_capture_once_and_the_same(plain_opt):
    requests = [
        EngineRequest(
            prompt,
            SamplingParams(max_tokens=40, temperature=0.0, ignore_eos=True, prompt_logprobs=0),
            captures=EVERYTHING,
            interventions=(EDITS["steering"][0],),
        )
        for prompt in RAGGED
    ]
    with Engine(plain_opt[0], max_num_batched_tokens=24) as engine:
        undisturbed = engine.run(requests)
    few = 6 * 16 * 2 * 2 * 32 * 4
    with Engine(plain_opt[0], max_num_batched_tokens=24, kv_cache_memory_bytes=few) as engine:
        disturbed = engine.run(requests)
        assert engine.stats().preemptions > 0
    assert tokens_of(disturbed) == tokens_of(undisturbed)
    for preempted, expected in zip(disturbed, undisturbed, strict=True):
        for site in LAYER_SITES:
            here, there = preempted.outputs[0].captured, expected.outputs[0].captured
            assert here.positions(site, 1) == there.positions(site, 1)
            close(here.values(site, 1), there.values(site, 1))
        assert len(preempted.prompt_logprobs) == len(preempted.prompt_token_ids)


def test_what_blows_up_ends_its_own_request(engine):
    blown = Intervention("output", "scale", 3e38, layer=0)
    bad, good = run(engine, {"interventions": (blown,)}, {})
    assert "not finite" in bad.outputs[0].error
    assert tokens_of([good]) == tokens_of(engine.generate([PROMPT], GREEDY))


def test_steps_that_nobody_looks_into_have_no_probe(engine, monkeypatch):
    import inference.engine.model_runner

    made = []
    hooks = inference.engine.model_runner.ForwardHooks
    monkeypatch.setattr(
        inference.engine.model_runner,
        "ForwardHooks",
        lambda *given: made.append(1) or hooks(*given),
    )
    engine.generate([PROMPT], GREEDY)
    assert made == []
    layers = engine._executor.model.layers.values()
    inside = [Capture("input", positions=[3])], [ablate_heads(0, [1], positions=[20])]
    engine.generate([PROMPT], GREEDY, captures=inside[0], interventions=inside[1])
    assert len(made) == 2 * 2  # for the layers and for the logits, in the steps of 3 and of 20
    assert all(layer.hook is None for layer in layers)


WIDTH = [0.0] * 32


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ({"captures": (Capture("mind"),)}, "capture 0: site must be one of input, attention"),
        ({"captures": (Capture("output", [2]),)}, "layers must be from 0 to 1, not 2"),
        ({"captures": (Capture("logits", [0]),)}, "logits have no layers"),
        ({"captures": (Capture("output", positions=[22]),)}, "positions must be from 0 to 21"),
        ({"captures": (Capture("output", positions=range(10**15)),)}, "22 there are"),
        ({"captures": (Capture("output", dtype="int4"),)}, "dtype must be one of float32"),
        (
            {"captures": (Capture("input"), Capture("logits"))},
            "come to 14344 bytes, over the engine's 9000",
        ),
        ({"interventions": (Intervention("attention", "scale", 0, 0),)}, "captured, not changed"),
        ({"interventions": (Intervention("output", "add", WIDTH),)}, "only logits have none"),
        ({"interventions": (Intervention("logits", "add", 1, 0),)}, "only logits have none"),
        ({"interventions": (Intervention("output", "add", WIDTH, 5),)}, "layer must be from 0"),
        ({"interventions": (Intervention("output", "melt", 0, 0),)}, "action must be one of add"),
        ({"interventions": (ablate_heads(0, [4]),)}, "units must be from 0 to 3, not 4"),
        ({"interventions": (ablate_heads(0, [1, 1]),)}, "units must be different"),
        ({"interventions": (Intervention("output", "add", WIDTH[1:], 0),)}, "does not broadcast"),
        ({"interventions": (Intervention("output", "add", [WIDTH] * 2, 0),)}, "needs positions"),
        ({"interventions": (Intervention("output", "add", float("nan"), 0),)}, "holds NaN"),
        ({"interventions": (Intervention("output", "add", "much", 0),)}, "value is no number"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(plain_opt, inside, reason):
    with Engine(plain_opt[0], max_capture_bytes=9000) as engine:
        with pytest.raises(ValueError, match=reason):
            engine.submit(EngineRequest(PROMPT, GREEDY, **inside))
        assert not engine.has_work


def test_bfloat16_is_looked_into_as_well(tmp_path):
    make_opt(tmp_path)
    edit = Intervention("output", "replace", 0.0, layer=1)
    with Engine(tmp_path, dtype="bfloat16") as engine:
        [output] = engine.generate(
            [PROMPT], GREEDY, captures=[Capture("output")], interventions=[edit]
        )
    captured = output.outputs[0].captured
    assert captured.values("output", 1).count_nonzero() == 0
    assert captured.values("output", 0).dtype == torch.float32
