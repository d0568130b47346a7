import pytest

from inference import Engine
from inference.config import OptConfig
from inference.engine.chunks import Chunk, split_chunks
from inference.errors import LayoutError
from inference.model.layout import Layout, ranks_within, require_splits, split_dim
from inference.plan import named_config


def test_ranks_of_one_stage_follow_each_other():
    places = [Layout(2, 2, rank) for rank in range(4)]
    assert [(layout.stage, layout.tensor_rank) for layout in places] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    assert [layout.is_first_stage for layout in places] == [True, True, False, False]
    assert [list(layout.layers(6)) for layout in places[1:3]] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("layers", "stages", "counts"),
    [
        (3, 2, [1, 2]),
        (4, 3, [1, 2, 1]),
        (5, 3, [1, 2, 2]),
        (48, 5, [9, 10, 10, 10, 9]),
        (7, 4, [1, 2, 2, 2]),
        (12, 4, [3, 3, 3, 3]),
    ],
)
def test_inner_stages_have_more_layers_then_the_last(layers, stages, counts):
    layers_by_stage = [Layout(2, stages, 2 * stage).layers(layers) for stage in range(stages)]
    assert [len(own_layers) for own_layers in layers_by_stage] == counts
    assert [layer for own_layers in layers_by_stage for layer in own_layers] == list(range(layers))


@pytest.mark.parametrize(("size", "ranks"), [(56, 3), (509, 2), (5, 4), (3, 3), (100, 7)])
def test_shares_are_whole_units_that_differ_by_one_and_leave_nothing_out(size, ranks):
    shares = [Layout(ranks, rank=rank).share(size) for rank in range(ranks)]
    assert [index for share in shares for index in share] == list(range(size))
    lengths = [len(share) for share in shares]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] - lengths[-1] <= 1
    wide = [Layout(ranks, rank=rank).share(8 * size, 8) for rank in range(ranks)]
    assert [(share.start, share.stop) for share in wide] == [
        (8 * share.start, 8 * share.stop) for share in shares
    ]


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("model.decoder.layers.3.self_attn.q_proj.weight", 0),
        ("model.decoder.layers.3.self_attn.v_proj.bias", 0),
        ("model.decoder.layers.3.self_attn.out_proj.weight", 1),
        ("model.decoder.layers.3.self_attn.out_proj.bias", None),
        ("model.decoder.layers.3.fc1.bias", 0),
        ("model.decoder.layers.3.fc2.weight", 1),
        ("model.decoder.layers.3.fc2.bias", None),
        ("model.decoder.layers.3.final_layer_norm.weight", None),
        ("model.decoder.embed_tokens.weight", 0),
        ("model.decoder.embed_positions.weight", None),
        ("model.decoder.project_in.weight", None),
        ("lm_head.weight", 0),
    ],
)
def test_what_splits_and_how(name, dim):
    assert split_dim(name) == dim


@pytest.mark.parametrize(("tensor", "pipeline"), [(16, 1), (8, 2), (5, 7), (96, 96), (1, 1)])
def test_opt_175b_splits_over_any_ranks_that_leave_none_empty(tensor, pipeline):
    require_splits(named_config("opt-175b"), tensor, pipeline)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ((5, 1), "^4 attention heads are fewer than 5 tensor ranks; 1 to 4 would do$"),
        ((65, 1), r"; 64 inner neurons \(ffn_dim\) are fewer than 65 tensor ranks; 1 to 64 would"),
        ((1, 4), "^3 layers are fewer than 4 pipeline ranks; 1 to 3 would do$"),
        ((0, 1), "tensor_parallel_size must be 1 or more, not 0"),
        ((1, -1), "pipeline_parallel_size must be 1 or more, not -1"),
    ],
)
def test_what_is_too_small_to_split_is_named_with_what_would_do(sizes, reason):
    config = OptConfig(100, 32, 3, 64, 4, 96, 32)
    with pytest.raises(LayoutError, match=reason):
        require_splits(config, *sizes)


@pytest.mark.parametrize(
    ("asked", "devices", "found"),
    [
        ((3, 2), None, (3, 2)),
        ((16, 8), None, (4, 3)),
        ((16, 1), 2, (2, 1)),
        ((2, 8), 5, (2, 2)),
        ((8, 2), 0, (1, 1)),
    ],
)
def test_ranks_are_cut_to_the_models_parts_and_the_devices(asked, devices, found):
    config = OptConfig(100, 32, 3, 64, 4, 96, 32)
    assert ranks_within(config, *asked, devices) == found


def test_an_engine_that_cannot_be_split_starts_nothing(plain_opt, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(ValueError, match="4 attention heads are fewer than 5 tensor ranks"):
        Engine(plain_opt[0], tensor_parallel_size=5)


@pytest.mark.parametrize("size", range(1, 12))
def test_runs_are_the_same_work_in_the_same_order(size):
    chunks = [
        Chunk([7], 5, (0,), 1),
        Chunk(list(range(10)), 3, (1, 2), 4),
        Chunk([1, 2], 0, (3,), 0),
        Chunk(list(range(5)), 0, (4,), 5),
    ]
    runs = split_chunks(chunks, size)
    assert all(sum(len(chunk.tokens) for chunk in run) == size for run in runs[:-1])
    flat = [chunk for run in runs for chunk in run]
    assert wanted(flat) == wanted(chunks)
    assert all(chunk.tokens and 0 <= chunk.logit_count <= len(chunk.tokens) for chunk in flat)


def wanted(chunks):
    """Each token with its place, and whether its logits are wanted."""
    return [
        (chunk.block_table, chunk.start + n, token, n >= len(chunk.tokens) - chunk.logit_count)
        for chunk in chunks
        for n, token in enumerate(chunk.tokens)
    ]
