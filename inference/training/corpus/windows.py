"""Draw a step's examples from a corpus held in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.training.corpus.tokenizing import END_ID
from inference.training.settings import MAX_POSITIONS, TrainSettings

HELD_OUT_SEED = 1_000_003  # draws other windows than any run's own seed is likely to


@dataclass(frozen=True)
class Windows:
    """The examples of one step: tokens, targets and positions [windows * length] int64."""

    tokens: Tensor
    targets: Tensor
    positions: Tensor
    count: int
    length: int


def draw_windows(
    tokens: Tensor, *, seed: int, step: int, length: int, count: int, max_positions: int
) -> Windows:
    """Draw windows by (seed, step) alone, so that a resumed run goes on with the same ones.

    Half of them begin at position 0 with ``</s>``, as prompts do; half begin anywhere, so that no
    position stays untrained.
    """
    digest = hashlib.sha256(f"{seed} {step}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
    first = torch.randint(len(tokens) - length, (count, 1), generator=generator)
    offset = torch.randint(max_positions - length + 1, (count, 1), generator=generator)
    offset[torch.rand(count, generator=generator) < 0.5] = 0
    steps = torch.arange(length)
    chosen, targets = tokens[first + steps], tokens[first + steps + 1]
    chosen[:, 0] = torch.where(offset[:, 0] == 0, END_ID, chosen[:, 0])
    return Windows(chosen.flatten(), targets.flatten(), (offset + steps).flatten(), count, length)


class DrawnExamples:
    """Windows of the standard library's tokens, drawn anew for each step."""

    def __init__(self, settings: TrainSettings, learned: Tensor, held_out: Tensor) -> None:
        self._settings, self._learned, self._held_out = settings, learned, held_out

    def micro_batches(self, step: int) -> Iterator[Windows]:
        """Yield the windows of a step, all at once."""
        settings = self._settings
        yield draw_windows(
            self._learned,
            seed=settings.seed,
            step=step,
            length=settings.window_of(step),
            count=settings.windows_of(step),
            max_positions=MAX_POSITIONS,
        )

    def held_out(self) -> Iterator[Windows]:
        """Yield the windows to evaluate on, one after another."""
        for number in range(self._settings.held_out_windows):
            yield draw_windows(
                self._held_out,
                seed=HELD_OUT_SEED,
                step=number,
                length=self._settings.window,
                count=1,
                max_positions=MAX_POSITIONS,
            )
