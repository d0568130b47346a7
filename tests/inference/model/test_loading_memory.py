import json
import os
import subprocess
import sys

import pytest
import torch

from tests.inference.tiny_opts import ROOT, make_opt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """17 million parameters stored in bfloat16, and a tiny one to warm up with."""
    large, small = tmp_path_factory.mktemp("large"), tmp_path_factory.mktemp("small")
    peer = make_opt(
        large, hidden_size=512, ffn_dim=2048, num_hidden_layers=4, num_attention_heads=8,
        vocab_size=6000,
    )  # fmt: skip
    peer.to(torch.bfloat16).save_pretrained(large)
    make_opt(small, vocab_size=100)
    return large, small


@pytest.mark.parametrize(
    ("dtype", "tensor", "packed"),
    [("float32", 1, "packed"), ("bfloat16", 2, "packed"), ("float32", 2, "plain")],
)
def test_loading_takes_hardly_more_memory_than_the_ranks_share(checkpoints, dtype, tensor, packed):
    """Upcasting or not, packed or, as on GPUs, not; what is mapped from files isn't counted."""
    completed = subprocess.run(
        [
            sys.executable, "-m", "tests.inference.model.loading_memory", *map(str, checkpoints),
            dtype, str(tensor), packed,
        ],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr
    figures = json.loads(completed.stdout)
    assert 0.9 * figures["shard"] < figures["peak"] <= 1.15 * figures["shard"]
