"""Training beside a plain transformers and torch loop, and its memory over two ranks.

    make bench
    scripts/training/bench_training.py --rounds 8

Both do the same steps on the same packed sequences in turn, in one process, on two threads. Losses
must agree to 1e-4. The bars: at least as many tokens a second as the plain loop at OPT-125M's
shape, and at most 0.65 of one process' memory on each of two ranks, above what importing takes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from inference.torch_env import prepare_process  # noqa: E402 - torch reads the environment

prepare_process()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from plain_loop import PlainLoop  # noqa: E402

from inference.training.corpus.prepared import PackedSequences  # noqa: E402
from inference.training.corpus.windows import Windows  # noqa: E402
from inference.training.recipe import RecipeSettings, recipe  # noqa: E402
from inference.training.step import Learner  # noqa: E402

LEAST_SPEED, MOST_MEMORY, CLOSEST = 1.0, 0.65, 1e-4
THREADS = 2
PLAIN = {"dtype": "float32", "dropout": 0.0, "attention_dropout": 0.0, "steps": 1000}
SHAPES = {
    "opt-125m, 2 sequences of 512": {"sequence_length": 512, "batch": 2},
    "4 layers of 256, 8 sequences of 128": {
        "layers": 4, "hidden_size": 256, "heads": 4, "sequence_length": 128, "batch": 8,
    },
}  # fmt: skip
VOCABULARIES = (50_272, 8_192)


class RandomSequences:
    """Packed sequences of random tokens, the same for both loops."""

    def __init__(self, settings: RecipeSettings, vocab: int) -> None:
        tokens = np.random.default_rng(0).integers(4, vocab, 200_000, dtype=np.uint16)
        self._packed = PackedSequences(tokens, settings.sequence_length)
        self._batch = settings.batch

    def micro_batches(self, step: int) -> Iterator[Windows]:
        """Yield the sequences of a step, all at once."""
        first = step * self._batch % (self._packed.count - self._batch)
        yield self._packed.windows(np.arange(first, first + self._batch, dtype=np.uint64))

    def held_out(self) -> Iterator[Windows]:
        """Yield nothing: there is no evaluation here."""
        yield from ()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("speed", "memory"))
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    held = True
    if arguments.only != "memory":
        for (name, sizes), vocab in zip(SHAPES.items(), VOCABULARIES, strict=True):
            held &= compare(name, recipe("opt-125m", PLAIN | sizes), vocab, arguments.rounds)
    if arguments.only != "speed":
        held &= compare_memory()
    return 0 if held else 1


def compare(name: str, settings: RecipeSettings, vocab: int, rounds: int) -> bool:
    """Print both speeds of a shape, and tell whether the bars hold."""
    examples = RandomSequences(settings, vocab)
    learner = Learner(settings.config(vocab), settings)
    peer = PlainLoop(learner, settings)
    ratios, per_cpu, furthest = [], [], 0.0
    ours_tokens, peers_tokens = [], []
    for step in range(rounds + 1):
        [batch] = examples.micro_batches(step)
        began = time.perf_counter(), time.process_time()
        expected = peer.learn(batch, step)
        middle = time.perf_counter(), time.process_time()
        loss = learner.learn(examples, step).loss
        ended = time.perf_counter(), time.process_time()
        furthest = max(furthest, abs(loss - expected))
        if step:  # the first one makes room in memory
            ratios.append((middle[0] - began[0]) / (ended[0] - middle[0]))
            per_cpu.append((middle[1] - began[1]) / (ended[1] - middle[1]))
            ours_tokens.append(settings.batch_tokens / (ended[0] - middle[0]))
            peers_tokens.append(settings.batch_tokens / (middle[0] - began[0]))
    print(
        f"{name}: {median(ours_tokens):,.0f} tokens/s, the plain loop {median(peers_tokens):,.0f}; "
        f"ratio {median(ratios):.2f} by the clock ({min(ratios):.2f} to {max(ratios):.2f}), "
        f"{median(per_cpu):.2f} per CPU-second; losses differ by {furthest:.1e} at most; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return median(ratios) >= LEAST_SPEED and furthest <= CLOSEST


def compare_memory() -> bool:
    """Print the memory of one process and of each of two ranks at OPT-125M's shape."""
    one = memory_of(1)
    two = memory_of(2)
    ratio = max(two) / max(one)
    print(
        f"memory above importing, OPT-125M: one process {max(one) / 1e9:.2f} GB, each of two ranks "
        f"{max(two) / 1e9:.2f} GB: {ratio:.2f}"
    )
    return ratio <= MOST_MEMORY


def memory_of(ranks: int) -> list[int]:
    """Return the peak of each rank's memory, above what importing takes."""
    script = str(Path(__file__).with_name("rank_memory.py"))
    spread = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command = [sys.executable, *(spread if ranks > 1 else []), script]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("bytes ")]


if __name__ == "__main__":
    sys.exit(main())
