"""Several ranks against one, and what becomes of an engine whose ranks die, hang or fail."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from torch.distributed import TCPStore

from inference import Engine, EngineRequest, SamplingParams
from inference.distributed.communicator import Communicator
from inference.distributed.messages import LoadReport
from inference.distributed.worker import _require_loaded
from inference.engine.model_runner import BLOCK_SIZE
from inference.errors import InferenceError, LayoutError, RanksFailed, WeightMismatch
from inference.model.layout import Layout
from inference.model.manifest import Manifest, sha256_of
from tests.inference.tiny_opts import RAGGED, ROOT, make_opt

ODD = {
    "vocab_size": 509, "hidden_size": 40, "num_hidden_layers": 5, "ffn_dim": 67,
    "num_attention_heads": 5,
}  # fmt: skip
LAYOUTS = [(2, 1), (4, 1), (1, 2), (2, 2)]
KINDS = [
    SamplingParams(max_tokens=12, temperature=0.0, ignore_eos=True),
    SamplingParams(max_tokens=12, seed=3, n=2, ignore_eos=True),
    SamplingParams(max_tokens=12, seed=4, top_k=5, ignore_eos=True),
    SamplingParams(max_tokens=12, seed=5, top_p=0.8, temperature=0.8, ignore_eos=True),
    SamplingParams(max_tokens=6, seed=6, logprobs=3, prompt_logprobs=2, ignore_eos=True),
    SamplingParams(max_tokens=12, temperature=0.0, repetition_penalty=1.3, ignore_eos=True),
    SamplingParams(
        max_tokens=12, seed=7, min_p=0.05, min_tokens=6, stop_token_ids=tuple(range(3, 60)),
        frequency_penalty=0.7, presence_penalty=0.3, logit_bias={99: 4.0, 50: 3.0},
    ),
]  # fmt: skip
GREEDY = KINDS[0]
DEADLINE = 4.0


@pytest.fixture(scope="module")
def even_opt(tmp_path_factory):
    directory = tmp_path_factory.mktemp("even-opt")
    make_opt(directory, vocab_size=100)
    return directory


@pytest.fixture(scope="module")
def odd_opt(tmp_path_factory):
    """One of which no size is a multiple of 2 or 4."""
    directory = tmp_path_factory.mktemp("odd-opt")
    make_opt(directory, **ODD)
    return directory


@pytest.fixture(scope="module")
def expected(odd_opt):
    with Engine(odd_opt) as engine:
        return answers(engine)


def answers(engine):
    """All kinds in one batch, so that stages work on several runs of it."""
    prompts = [prompt for prompt in RAGGED for _ in KINDS]
    return engine.generate(prompts, KINDS * len(RAGGED))


def tokens(outputs):
    return [sample.token_ids for output in outputs for sample in output.outputs]


def logprobs(outputs):
    """Every logprob told, in order."""
    values = []
    for output in outputs:
        entries = list(output.prompt_logprobs or [])
        for sample in output.outputs:
            entries += sample.logprobs or []
        values += [logprob.logprob for entry in entries if entry for logprob in entry.values()]
    return values


@pytest.mark.parametrize(("tensor", "pipeline"), LAYOUTS)
def test_ranks_draw_what_one_rank_draws(odd_opt, expected, tensor, pipeline):
    with Engine(odd_opt, tensor, pipeline) as engine:
        require_same(answers(engine), expected)


def require_same(found, expected):
    assert tokens(found) == tokens(expected)
    assert logprobs(found) == pytest.approx(logprobs(expected), abs=1e-5)


def test_the_350m_shape_splits_too(tmp_path):
    shape = ODD | {"hidden_size": 30, "num_attention_heads": 3, "vocab_size": 101}
    make_opt(tmp_path, **shape, do_layer_norm_before=False, word_embed_proj_dim=17)
    block = 2 * 3 * 2 * 10 * 4 * BLOCK_SIZE  # of 3 layers and 2 heads, as the third rank has
    with Engine(tmp_path) as engine:
        alone = answers(engine)
    with Engine(tmp_path, 2, 2, kv_cache_memory_bytes=100 * block + 1) as engine:
        require_same(answers(engine), alone)
        assert engine.stats().total_blocks == 100  # other ranks have room for more


def test_bfloat16_is_summed_up_too(even_opt):
    params = SamplingParams(max_tokens=0, prompt_logprobs=0)
    by_ranks = []
    for tensor in (1, 2):
        with Engine(even_opt, tensor, dtype="bfloat16") as engine:
            by_ranks.append(logprobs(engine.generate([RAGGED[3]], params)))
    assert by_ranks[1] == pytest.approx(by_ranks[0], abs=0.5)  # 8 bits of logits up to about 20


@pytest.fixture
def pair(even_opt):
    """Start an engine of two ranks with a short deadline; yield it and rank 1's process."""
    with Engine(even_opt, 2, rank_timeout_seconds=DEADLINE) as engine:
        yield engine, engine._executor._supervisor._processes[1]


def test_an_engine_starts_after_one_whose_ranks_never_met(even_opt):
    store = TCPStore("127.0.0.1", 0, None, True, timedelta(seconds=1), wait_for_workers=False)
    with pytest.raises(RanksFailed, match="timeout"):
        Communicator(Layout(2, 1), "cpu", store, timedelta(seconds=1), one_host=True)
    with Engine(even_opt, 2, rank_timeout_seconds=DEADLINE) as engine:
        assert engine.generate([RAGGED[3]], GREEDY)[0].outputs[0].token_ids


def test_a_killed_rank_ends_the_engine_at_once(pair):
    engine, child = pair
    engine.submit(EngineRequest(RAGGED[3], GREEDY))
    engine.step()
    began = time.monotonic()
    os.kill(child.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(RanksFailed, match="rank 1 was killed by signal 9"):
            engine.step()
    assert time.monotonic() - began < DEADLINE


def test_a_rank_that_hangs_ends_the_engine_within_its_deadline(pair):
    engine, child = pair
    os.kill(child.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(RanksFailed, match="no answer within 4 s from rank 1"):
        engine.generate([RAGGED[3]], GREEDY)
    assert time.monotonic() - began < 3 * DEADLINE
    assert child.poll() is not None  # nothing is left behind


def test_an_idle_engine_finds_out_too(pair, caplog):
    engine, child = pair
    os.kill(child.pid, signal.SIGKILL)
    engine._executor._supervisor._heartbeat_thread.join(10)
    assert "rank 1 was killed by signal 9" in caplog.text
    with pytest.raises(RanksFailed, match="killed by signal 9"):
        engine.generate([RAGGED[0]], GREEDY)


def test_a_slow_caller_is_no_dead_one(even_opt):
    with Engine(even_opt, 2, rank_timeout_seconds=3.0) as engine:
        first = tokens(engine.generate([RAGGED[1]], GREEDY))
        supervisor = engine._executor._supervisor
        began = supervisor._last_message_at
        until = time.monotonic() + 60
        while supervisor._last_message_at < began + 3.1:  # a deadline passes without a step
            assert time.monotonic() < until
            supervisor._ended.wait(0.05)
        assert tokens(engine.generate([RAGGED[1]], GREEDY)) == first


LONELY = """
import sys, time
from inference import Engine
engine = Engine(sys.argv[1], 2, rank_timeout_seconds=4.0)
print(engine._executor._supervisor._processes[1].pid, flush=True)
sys.stdin.read()
"""


def test_ranks_do_not_outlive_rank_0(even_opt):
    parent = subprocess.Popen(
        [sys.executable, "-c", LONELY, str(even_opt)], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    child = Path(f"/proc/{int(parent.stdout.readline())}/stat")
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 30
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until, "rank 1 lives on"
        time.sleep(0.02)


def test_a_rank_that_cannot_start_is_told_at_once(even_opt, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(RanksFailed, match="rank 1 ended at its start with status 1"):
        Engine(even_opt, 2)


def test_a_second_engine_of_ranks_is_refused_until_the_first_is_closed(pair, even_opt):
    with pytest.raises(LayoutError, match="another engine of several ranks"):
        Engine(even_opt, 2)


def test_a_closed_engine_leaves_no_thread_of_its_ranks(even_opt):
    """One that still ran when Python ends would abort the process."""
    code = f"""if __name__ == "__main__":
    from pathlib import Path
    from inference import Engine
    with Engine({str(even_opt)!r}, 2, 1) as engine:
        engine.generate([[2, 5]])
    names = [each.read_text() for each in Path("/proc/self/task").glob("*/comm")]
    print([name for name in names if "gloo" in name])"""
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert completed.stdout == "[]\n"


def test_what_each_rank_finds_damaged_is_told_in_one_error(even_opt, tmp_path):
    (tmp_path / "config.json").write_bytes((even_opt / "config.json").read_bytes())
    tensors = load_file(even_opt / "model.safetensors")
    noted = {name: {"sha256": sha256_of(tensor)} for name, tensor in tensors.items()}
    Manifest({}, noted).save(tmp_path)
    names = sorted(tensors)[:2]  # each hashed by another rank
    for name in names:
        tensors[name][0] += 1
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightMismatch) as caught:
        Engine(tmp_path, 2)
    assert [sentence.split()[0] for sentence in caught.value.damaged] == names


def test_an_error_of_another_rank_is_told_with_its_number():
    with pytest.raises(InferenceError, match="rank 1 could not load the model: OSError: gone"):
        _require_loaded([LoadReport(7), LoadReport(error="OSError: gone")], None)
