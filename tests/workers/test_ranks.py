"""torchrun's ranks are one engine, however each came to be one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from inference import Engine, SamplingParams
from tests.inference.tiny_opts import RAGGED, ROOT, make_opt, tokens_of

SCRIPT = """
import json, os, runpy, sys
from inference import Engine, SamplingParams
if os.environ["RANK"] == "2":  # as on a host whose ranks only follow
    runpy.run_module("workers.ranks", run_name="__main__")
prompts = json.loads(sys.argv[2])
params = SamplingParams(max_tokens=12, temperature=0.0, ignore_eos=True)
for _ in range(2):  # the ranks outlive an engine
    with Engine(sys.argv[1], pipeline_parallel_size=3, rank_timeout_seconds=60) as engine:
        outputs = engine.generate(prompts, params)
print(json.dumps([output.outputs[0].token_ids for output in outputs]))
"""
SETTINGS = {
    "WEIGHTGATE_SECRET_KEY": "only-for-this-test",
    "WEIGHTGATE_DB_POOL": "0",
    "WEIGHTGATE_ENGINE_PIPELINE_PARALLEL_SIZE": "3",
    "WEIGHTGATE_ENGINE_RANK_TIMEOUT_SECONDS": "60",
}


def test_torchruns_ranks_are_one_engine(tmp_path):
    make_opt(tmp_path, num_hidden_layers=3)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3")
    completed = subprocess.run(
        [sys.executable, *torchrun, str(script), str(tmp_path), json.dumps(RAGGED)],
        env={**os.environ, **SETTINGS, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert completed.returncode == 0, completed.stderr
    with Engine(tmp_path) as engine:
        params = SamplingParams(max_tokens=12, temperature=0.0, ignore_eos=True)
        assert json.loads(completed.stdout) == tokens_of(engine.generate(RAGGED, params))
