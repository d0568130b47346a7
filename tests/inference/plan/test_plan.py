import json
import re
import subprocess
import sys

import pytest

from inference.__main__ import main
from inference.config import OptConfig
from inference.errors import InferenceError
from inference.plan import (
    Machine,
    gpu_of_memory,
    named_config,
    named_gpu,
    named_shape,
    parameter_count,
    plan,
    plan_best,
)
from inference.plan.gpus import Links
from inference.plan.shapes import OPT_NAMES
from tests.inference.tiny_opts import ROOT

PARAMETERS = [
    125_239_296, 331_196_416, 1_315_758_080, 2_651_596_800, 6_658_473_984, 12_853_473_280,
    29_974_540_288, 65_719_701_504, 174_604_468_224,
]  # fmt: skip


def over_all(name, gpus, gpu, dtype="float16"):
    """Split over all GPUs by tensor ranks."""
    return plan(named_shape(name), Machine(gpus, named_gpu(gpu), gpus), dtype)


@pytest.mark.parametrize(("name", "count"), list(zip(OPT_NAMES, PARAMETERS, strict=True)))
def test_published_shapes_have_their_parameters(name, count):
    assert parameter_count(named_config(name)) == named_shape(name).parameters == count


@pytest.mark.parametrize(
    ("name", "billions"), [("gpt-3-175b", 174.60), ("mt-nlg-530b", 529.60), ("palm-540b", 540.35)]
)
def test_other_models_have_their_parameters(name, billions):
    assert named_shape(name).parameters / 1e9 == pytest.approx(billions, abs=0.01)


def test_counted_parameters_are_the_models(opt):
    directory, peer = opt
    count = parameter_count(OptConfig.from_directory(directory))
    assert count == sum(parameter.numel() for parameter in peer.parameters())


# OPT-175B: GB of weights per GPU, GB of room, thousand tokens, full sequences, tokens per second
# for one stream and with the cache full
@pytest.mark.parametrize(
    ("gpus", "gpu", "dtype", "per_gpu", "room", "tokens", "sequences", "one", "full"),
    [
        (16, "v100-32", "float16", 21.8, 122, 25.8, 12, 41, 371),
        (16, "v100-32", "int8", 10.9, 296, 62.8, 30, 82, 930),
        (8, "a100-80", "float16", 43.7, 257, 54.5, 26, 46.7, 706),
        (8, "a100-80", "int8", 21.8, 432, 91.5, 44, 93.4, 1197),
        (8, "h200-141", "float16", 43.7, 654, 138.6, 67, 110, 2581),
        (8, "h200-141", "int8", 21.8, 829, 175.6, 85, 220, 3277),
    ],
)
def test_opt_175b_on_the_machines_of_its_holders(
    gpus, gpu, dtype, per_gpu, room, tokens, sequences, one, full
):
    made = over_all("opt-175b", gpus, gpu, dtype)
    assert made.fits
    assert made.full_sequences == sequences
    figures = (
        made.weight_bytes_per_gpu / 1e9, made.kv_room_bytes / 1e9, made.kv_room_tokens / 1e3,
        made.roofline.one_stream, made.roofline.full,
    )  # fmt: skip
    assert figures == pytest.approx((per_gpu, room, tokens, one, full), rel=0.006)


@pytest.mark.parametrize(
    ("name", "gpus", "gpu", "dtype", "sequences"),
    [
        ("mt-nlg-530b", 16, "v100-32", "int8", None),
        ("mt-nlg-530b", 8, "a100-80", "int8", 4),
        ("mt-nlg-530b", 16, "a100-80", "float16", 8),
        ("mt-nlg-530b", 8, "h200-141", "float16", None),
        ("mt-nlg-530b", 8, "h200-141", "int8", 26),
        ("mt-nlg-530b", 16, "h200-141", "float16", 53),
        ("palm-540b", 16, "v100-32", "int8", None),
        ("palm-540b", 8, "a100-80", "int8", 33),
        ("palm-540b", 16, "a100-80", "float16", 33),
        ("palm-540b", 8, "h200-141", "int8", 233),
        ("palm-540b", 16, "h200-141", "float16", 233),
        ("gpt-3-175b", 16, "v100-32", "float16", 12),
    ],
)
def test_models_that_nobody_outside_holds(name, gpus, gpu, dtype, sequences):
    made = over_all(name, gpus, gpu, dtype)
    assert made.fits == (sequences is not None)
    if made.fits:
        assert made.full_sequences == sequences
    else:
        assert "GB more than is usable" in made.reasons[0]
    assert "on paper: this engine runs OPT only" in made.notes


def test_a_single_head_of_keys_is_copied_to_every_tensor_rank():
    shape = named_shape("palm-540b")
    assert shape.kv_bytes_per_token("float16") == 120_832
    made = over_all("palm-540b", 16, "a100-80")
    assert made.kv_bytes_per_token_on_all == 16 * 120_832
    split = plan(shape, Machine(16, named_gpu("a100-80"), 8, 2))
    assert split.kv_bytes_per_token_on_all == 8 * 120_832


@pytest.mark.parametrize(("microseconds", "milliseconds"), [(10, 1.9), (20, 3.8), (30, 5.8)])
def test_all_reduces_of_opt_175b(microseconds, milliseconds):
    links = Links(node_seconds=microseconds * 1e-6)
    made = plan(named_shape("opt-175b"), Machine(8, named_gpu("a100-80"), 8, links=links))
    assert (made.all_reduce.count, made.all_reduce.bytes_per_sequence) == (192, 24_576)
    assert made.all_reduce.seconds * 1e3 == pytest.approx(milliseconds, abs=0.1)
    step = made.all_reduce.seconds + 1 / made.roofline.one_stream
    assert made.all_reduce.share == pytest.approx(made.all_reduce.seconds / step)


def test_advice_over_two_nodes_weighs_decoding_against_prompts():
    made = plan(named_shape("opt-175b"), Machine(16, named_gpu("v100-32"), 16))
    ways = {(s.tensor_parallel_size, s.pipeline_parallel_size): s for s in made.splits}
    assert set(ways) == {(1, 16), (2, 8), (4, 4), (8, 2), (16, 1)}
    assert made.fastest_stream == ways[16, 1]
    assert made.fastest_prefill == ways[8, 2]
    assert ways[8, 2].one_stream == pytest.approx(1 / (349.2e9 / 7.2e12 + 0.0031), rel=0.02)
    slow = Links(network_seconds=500e-6)
    slowed = plan(named_shape("opt-175b"), Machine(16, named_gpu("v100-32"), 16, links=slow))
    assert slowed.fastest_stream.tensor_parallel_size == 8
    assert slowed.fastest_full.tensor_parallel_size == 8


def test_prefill_is_arithmetic():
    made = over_all("opt-175b", 16, "v100-32")
    assert made.roofline.prefill_seconds == pytest.approx(0.7, abs=0.02)
    assert over_all("opt-175b", 8, "a100-80").roofline.prefill_seconds == pytest.approx(
        0.6, abs=0.03
    )


@pytest.mark.parametrize(
    ("gpus", "tensor", "pipeline", "dtype", "reason"),
    [
        (8, 8, 1, "float16", "GB more than is usable"),
        (16, 5, 2, "float16", "5 tensor x 2 pipeline ranks are not 16"),
        (97, 97, 1, "float16", "96 attention heads are fewer than 97 tensor ranks"),
        (97, 1, 97, "float16", "96 layers are fewer than 97 pipeline ranks"),
        (16, 16, 1, "bfloat16", "v100-32 has no bfloat16: use float16"),
    ],
)
def test_what_does_not_fit_says_why(gpus, tensor, pipeline, dtype, reason):
    machine = Machine(gpus, named_gpu("v100-32"), tensor, pipeline)
    made = plan(named_shape("opt-175b"), machine, dtype)
    assert not made.fits
    assert any(re.search(reason, sentence) for sentence in made.reasons)


@pytest.mark.parametrize(
    ("name", "gpus", "gpu", "best"),
    [
        ("opt-30b", 3, "a100-40", (3, 1)),
        ("opt-175b", 16, "v100-32", (16, 1)),
        ("opt-175b", 7, "a100-80", (7, 1)),
        ("opt-125m", 17, "a100-40", (4, 4)),  # 17 are more than its heads or layers
        ("opt-125m", 1, "v100-16", (1, 1)),
    ],
)
def test_it_fits_if_any_split_does_and_the_best_is_named(name, gpus, gpu, best, capsys):
    assert main(["plan", "--name", name, "--gpus", str(gpus), "--gpu", gpu]) == 0
    printed = capsys.readouterr().out
    assert f"TP {best[0]} x PP {best[1]}, the best" in printed
    made = plan_best(named_shape(name), Machine(gpus, named_gpu(gpu)))
    fastest = made.fastest_full
    assert (fastest.tensor_parallel_size, fastest.pipeline_parallel_size) == best
    assert made.gpus == best[0] * best[1]
    assert any("GPUs are used" in note for note in made.notes) == (made.gpus < gpus)


@pytest.mark.parametrize(
    ("name", "gpus", "gpu", "per_gpu", "tokens", "sequences", "one", "full"),
    [
        ("opt-30b", 3, "a100-40", 20.1, 36.5, 17, 70, 682),
        ("opt-66b", 3, "a100-80", 43.8, 40.7, 19, 43, 492),
        ("opt-175b", 5, "a100-80", 70.8, 5.08, 2, 27, 50),
        ("opt-175b", 3, "h200-141", 116.4, 5.72, 2, 37, 70),
    ],
)
def test_gpus_that_divide_no_head_have_figures(
    name, gpus, gpu, per_gpu, tokens, sequences, one, full
):
    made = plan_best(named_shape(name), Machine(gpus, named_gpu(gpu)))
    assert (made.tensor_parallel_size, made.full_sequences) == (gpus, sequences)
    best = made.fastest_full
    figures = made.weight_bytes_per_gpu / 1e9, made.kv_room_tokens / 1e3, best.one_stream, best.full
    assert figures == pytest.approx((per_gpu, tokens, one, full), rel=0.02)


def test_where_no_split_fits_the_nearest_says_how_much_is_missing():
    made = plan_best(named_shape("opt-175b"), Machine(7, gpu_of_memory(40)))
    assert not made.fits
    assert "the fullest GPU's weights need" in made.reasons[0]
    assert (made.tensor_parallel_size, made.splits) == (7, [])


def test_the_rest_of_a_given_split_fills_the_gpus(capsys):
    arguments = ["plan", "--name", "opt-175b", "--gpus", "16", "--gpu", "v100-32"]
    for option, spread in (("--tp", "TP 4 x PP 4"), ("--pp", "TP 4 x PP 4")):
        assert main([*arguments, option, "4"]) == 0
        assert f"{spread}, as asked" in capsys.readouterr().out
    assert main([*arguments, "--tensor-parallel-size", "8", "--pipeline-parallel-size", "2"]) == 0
    assert "TP 8 x PP 2, as asked" in capsys.readouterr().out
    assert main([*arguments, "--tp", "5"]) == 1
    assert "5 tensor x 3 pipeline ranks are not 16 GPUs" in capsys.readouterr().out


@pytest.mark.parametrize(("gpus", "tp", "pp"), [(3, 2, 2), (97, 97, 1), (97, 1, 97), (8, 2, 2)])
def test_ranks_that_cannot_be_have_no_figures(gpus, tp, pp, capsys):
    arguments = ["plan", "--name", "opt-175b", "--gpus", str(gpus), "--gpu", "v100-32"]
    arguments += ["--tp", str(tp), "--pp", str(pp)]
    assert main(arguments) == 1
    printed = capsys.readouterr().out
    for row in ("weights per GPU", "cache", "full sequences", "roofline", "all-reduces", "GB more"):
        assert row not in printed
    assert main([*arguments, "--json"]) == 1
    made = json.loads(capsys.readouterr().out)
    figures = {name for name, value in made.items() if value is None}
    assert figures >= {"weight_bytes_per_gpu", "kv_room_bytes", "kv_room_tokens", "roofline"}


def test_the_fullest_gpu_of_an_uneven_split_decides():
    """19 of 56 heads are on one rank, and 17 of 48 layers beside an embedding on none."""
    shape, gpu = named_shape("opt-30b"), named_gpu("a100-40")
    layer = shape.attention_parameters + shape.feed_parameters
    made = plan(shape, Machine(3, gpu, 3))
    heads = 2 * 48 * (shape.attention_parameters * 19 / 56 + shape.feed_parameters / 3)
    rest = 2 * (shape.table_parameters + shape.other_parameters) / 3
    assert made.weight_bytes_per_gpu == pytest.approx(heads + rest, rel=1e-4)
    usable = made.usable_bytes / 3
    assert made.kv_room_tokens == pytest.approx(
        (usable - made.weight_bytes_per_gpu) / (2 * 48 * 19 * 128 * 2), rel=1e-4
    )
    assert any("56 attention heads over 3 tensor ranks are uneven: 19" in n for n in made.notes)
    staged = plan(shape, Machine(5, gpu, 1, 5))  # 9, 10, 10, 10, 9 layers
    edge = 9 * layer + shape.table_parameters + shape.other_parameters
    assert staged.weight_bytes_per_gpu == pytest.approx(2 * max(10 * layer, edge), rel=1e-6)
    assert any("48 layers over 5 pipeline ranks are uneven: 10" in n for n in staged.notes)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--tp", "0", "a whole number from 1"),
        ("--pp", "-2", "a whole number from 1"),
        ("--gpus", "0", "a whole number from 1"),
        ("--gpus", "1" * 40, "a whole number from 1 to 10000"),
        ("--gpus-per-node", "1.5", "a whole number from 1"),
        ("--gpu-memory-gib", "inf", "a number from 0.01 to 1000000"),
        ("--gpu-memory-gib", "nan", "a number from 0.01"),
        ("--network-gbit", "0", "a number from 0.001"),
        ("--node-us", "nan", "a number from 0 to"),
        ("--network-us", "-50", "a number from 0 to"),
    ],
)
def test_senseless_numbers_end_with_one_line(option, value, said, capsys):
    options = {"--gpus": "2", "--gpu-memory-gib": "24"} | {option: value}
    with pytest.raises(SystemExit, match="2"):
        main(["plan", "--name", "opt-125m", *(f"{name}={text}" for name, text in options.items())])
    [line] = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert re.search(rf"argument {option}(/\S+)?: must be {said}", line)


def test_the_most_ranks_that_may_be_named_get_an_answer():
    assert main(["plan", "--name", "opt-125m", "--gpus", "10000", "--gpu", "a100-40",
                 "--pp", "10000"]) == 1  # fmt: skip


def test_a_cache_under_one_sequence_does_not_fit():
    made = plan(named_shape("opt-175b"), Machine(16, gpu_of_memory(24.5), 8, 2))
    assert made.kv_room_bytes > 0
    assert "fewer than one sequence of 2048" in made.reasons[0]
    assert (made.roofline, made.all_reduce, made.splits) == (None, None, [])


@pytest.mark.parametrize("find", [named_shape, named_config, named_gpu])
def test_names_match_exactly(find):
    with pytest.raises(InferenceError, match="known are"):
        find("opt-175")


def test_the_command_prints_a_table_or_json(capsys):
    arguments = ["plan", "--name", "opt-175b", "--gpus", "16", "--gpu", "v100-32"]
    assert main([*arguments, "--tp", "8", "--pp", "2"]) == 0
    printed = capsys.readouterr().out
    assert "25,491 tokens" in printed  # the embedding is on both stages
    assert "TP 8 x PP 2, as asked" in printed
    assert re.search(r"TP 16 x PP 1 .*fastest for one stream", printed)
    assert main([*arguments, "--dtype", "float32", "--json"]) == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures["fits"] is False
    assert figures["roofline"] is None


def test_the_command_states_its_formulas(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["plan", "--help"])
    assert "2 * layers * heads of keys * head width" in capsys.readouterr().out


def test_planning_needs_no_torch():
    code = "import sys, inference.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
