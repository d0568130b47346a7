"""Run every command of docs/training.md, in its order, as a newcomer would."""

import re
import shlex
import subprocess
import sys

from tests.inference.tiny_opts import ROOT
from tests.inference.training.corpora import write_texts
from tests.inference.training.rank_runs import environment

GUIDE = ROOT / "docs/training.md"


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_of_the_guide_runs(tmp_path):
    (tmp_path / "texts").mkdir()
    write_texts(tmp_path / "texts")
    assert len(commands()) == 7
    for line in commands():
        words = shlex.split(line)
        module = {"python": [], "torchrun": ["-m", "torch.distributed.run"]}[words[0]]
        done = subprocess.run(
            [sys.executable, *module, *words[1:]], cwd=tmp_path, capture_output=True, text=True,
            env=environment() | {"PYTHONPATH": str(ROOT)}, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert (tmp_path / "model-of-two/config.json").is_file()
