"""Compute training steps, and the loss on held-out text."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from inference.config import OptConfig
from inference.model.attention import CausalWindows
from inference.model.opt import OptModel, initialise
from inference.training.data import Windows, draw_windows
from inference.training.optimizer import AdamW
from inference.training.settings import MAX_POSITIONS, TrainSettings

HELD_OUT_SEED = 1_000_003  # draws other windows than any run's own seed is likely to


@dataclass(frozen=True)
class StepFigures:
    """The figures of a step. loss: nats per token; grad_norm: before clipping."""

    loss: float
    grad_norm: float
    learning_rate: float
    tokens: int


class Learner:
    """A model and its optimizer, in fp32."""

    def __init__(self, config: OptConfig, settings: TrainSettings) -> None:
        self.settings = settings
        self.model = OptModel(config)
        initialise(self.model, settings.seed)
        betas = (settings.beta1, settings.beta2)
        self.optimizer = AdamW(self.model, betas, settings.weight_decay)

    def learn(self, tokens: Tensor, step: int) -> StepFigures:
        """Do a step on tokens [corpus]; its number, from 0, decides which windows are drawn."""
        settings = self.settings
        length = settings.window_of(step)
        windows = draw_windows(
            tokens,
            seed=settings.seed,
            step=step,
            length=length,
            count=settings.windows_of(step),
            max_positions=MAX_POSITIONS,
        )
        rate = settings.rate_at(step)
        loss = self._loss(windows)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.optimizer.step(rate)
        return StepFigures(loss.item(), norm.item(), rate, len(windows.tokens))

    @torch.no_grad()
    def evaluate(self, tokens: Tensor) -> float:
        """Return the mean loss, nats per token, over held-out windows that all runs share."""
        settings = self.settings
        losses = []
        for number in range(settings.held_out_windows):
            windows = draw_windows(
                tokens,
                seed=HELD_OUT_SEED,
                step=number,
                length=settings.window,
                count=1,
                max_positions=MAX_POSITIONS,
            )
            losses.append(self._loss(windows).item())
        return math.fsum(losses) / len(losses)

    def _loss(self, windows: Windows) -> Tensor:
        attend = CausalWindows(windows.count, windows.length)
        return cross_entropy(self.model(windows.tokens, windows.positions, attend), windows.targets)
