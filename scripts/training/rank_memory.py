"""Train OPT-125M's shape for a few steps as one of the ranks, and print the memory it took.

It is the peak of what the process holds itself (anonymous pages), above what it held once all was
imported, sampled by a thread.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from bench_training import PLAIN, RandomSequences

from inference.training.corpus.windows import Windows
from inference.training.parallel.ranks import Ranks, is_one_of_many, joined
from inference.training.recipe import recipe
from inference.training.step import Learner

if is_one_of_many():
    import inference.training.parallel.spread  # noqa: F401 - counted as importing

STEPS = 3
SAMPLE_SECONDS = 0.002
VOCAB = 50_272


def held_bytes() -> int:
    """Return the bytes of anonymous pages that this process holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise OSError("this system doesn't tell RssAnon")


class SharedSequences(RandomSequences):
    """A rank's share of them."""

    def share(self, ranks: Ranks) -> SharedSequences:
        """Take the rank whose share is wanted."""
        self._ranks = ranks
        return self

    def micro_batches(self, step: int):  # noqa: ANN201 - as the class above has it
        """Yield this rank's sequences of a step."""
        for batch in super().micro_batches(step):
            own = batch.count // self._ranks.data_size
            part = slice(
                self._ranks.data_rank * own * batch.length,
                (self._ranks.data_rank + 1) * own * batch.length,
            )
            yield Windows(
                batch.tokens[part], batch.targets[part], batch.positions[part], own, batch.length
            )


def main() -> None:
    settings = recipe("opt-125m", PLAIN | {"sequence_length": 256, "batch": 2})
    with joined() as ranks:
        before = peak = held_bytes()
        done = False

        def sample() -> None:
            nonlocal peak
            while not done:
                peak = max(peak, held_bytes())
                time.sleep(SAMPLE_SECONDS)

        thread = threading.Thread(target=sample)
        thread.start()
        learner = Learner(settings.config(VOCAB), settings, ranks)
        examples = SharedSequences(settings, VOCAB).share(ranks)
        for step in range(STEPS):
            learner.learn(examples, step)
        done = True
        thread.join()
        print(f"bytes {peak - before}", flush=True)


main()
