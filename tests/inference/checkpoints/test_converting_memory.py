import json
import os
import subprocess
import sys

import pytest

from tests.inference import metaseq_files
from tests.inference.tiny_opts import ROOT, random_opt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")


def raw(folder, peer):
    metaseq_files.save_raw(folder, peer, parts=4, shards=4)


FORMS = {"raw": (raw, ()), "safetensors": (lambda f, peer: peer.save_pretrained(f), ("float16",))}


@pytest.mark.parametrize("form", FORMS)
def test_converting_takes_the_memory_of_a_tensor_and_not_of_the_model(form, tmp_path):
    save, dtype = FORMS[form]
    large, small = tmp_path / "large", tmp_path / "small"
    for folder, sizes in (
        (large, {"hidden_size": 512, "ffn_dim": 2048, "num_hidden_layers": 8, "vocab_size": 8000}),
        (small, {"vocab_size": 96}),
    ):
        folder.mkdir()
        save(folder, random_opt(num_attention_heads=8, **sizes))
    # One arena: how much the allocator keeps for each thread differs by MBs from run to run.
    steady = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    completed = subprocess.run(
        [
            sys.executable, "-m", "tests.inference.checkpoints.converting_memory",
            str(large), str(tmp_path), str(small), *dtype,
        ],
        cwd=ROOT, env={**os.environ, **steady},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr
    figures = json.loads(completed.stdout)
    assert figures["total"] > 6 * figures["largest"]
    apart = 10_000_000  # pickles, headers, and what the allocator keeps
    assert figures["peak"] < 1.25 * figures["largest"] + apart  # with a piece of one of 4 parts
