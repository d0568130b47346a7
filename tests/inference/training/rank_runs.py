"""Trainings over ranks that torchrun starts, and ranks that are killed in the midst of them."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.inference.tiny_opts import ROOT, read_jsonl, run_cli
from tests.inference.training.corpora import write_texts

RECIPE = (
    "--preset", "opt-125m", "--layers", 2, "--hidden-size", 32, "--heads", 4,
    "--sequence-length", 32, "--batch", 8, "--learning-rate", 5e-3, "--init-std", 0.02,
    "--dropout", 0, "--attention-dropout", 0, "--dtype", "float32", "--threads", 1,
    "--no-progress", "--log-every", 1, "--held-out-windows", 4, "--checkpoint-every", 3,
)  # fmt: skip
STEPS = 9


def make_corpus(folder, texts):
    """Prepare a corpus of invented words."""
    done = run_cli("prepare", write_texts(texts), "--out", folder, "--vocab-size", 400)
    assert done.returncode == 0, done.stderr
    return folder


def command(corpus, out, *options, ranks=1, restarts=0):
    spread = [
        "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}",
        f"--max-restarts={restarts}", "--monitor-interval=0.1",
    ]  # fmt: skip
    train = ["-m", "inference", "train", *RECIPE, "--steps", STEPS, "--data", corpus, "--out", out]
    return list(map(str, [sys.executable, *(spread if ranks > 1 else []), *train, *options]))


def environment():
    return os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def go(corpus, out, *options, status=0, **spread):
    done = subprocess.run(
        command(corpus, out, *options, **spread), cwd=ROOT, env=environment(),
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def losses(out):
    return {
        entry["step"]: entry["figures"]["loss"]
        for entry in read_jsonl(out / "logbook.jsonl")
        if entry["kind"] in ("update", "evaluation")
    }


def same_losses(out, expected):
    """Require one loss for each step and the evaluation, as on one rank."""
    assert losses(out) == pytest.approx(expected, abs=1e-4)
    assert (out / "config.json").is_file()
    assert not (out / ".checkpoints").exists()


@contextmanager
def killed_at(corpus, out, step, *options, **spread):
    """Train until a checkpoint is written, and kill rank 0."""
    process = subprocess.Popen(
        command(corpus, out, *options, **spread), cwd=ROOT, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with process:
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith(f"step {step}: checkpoint"):
                holder = json.loads((out / ".trainer.lock").read_text())
                os.kill(holder["pid"], signal.SIGKILL)
                break
        else:
            pytest.fail("".join(printed))
        yield process
        process.stdout.read()
