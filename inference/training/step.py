"""Compute training steps, and the loss on held-out text."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from inference.config import OptConfig
from inference.training.corpus.windows import Windows
from inference.training.loss_scale import LossScale
from inference.training.model.decoder import TrainedOpt
from inference.training.optimizer import AdamW
from inference.training.parallel.parts import fill, is_divided, local
from inference.training.parallel.ranks import ALONE, Ranks
from inference.training.settings import RunSettings

TINY = 1e-6  # torch's own, in clipping


class Examples(Protocol):
    """The examples of a run, by the number of a step."""

    def micro_batches(self, step: int) -> Iterator[Windows]:
        """Yield this rank's share of a step's examples, as many at once as memory bears."""

    def held_out(self) -> Iterator[Windows]:
        """Yield the windows to evaluate on, the same for all runs and ranks."""


@dataclass(frozen=True)
class StepFigures:
    """The figures of a step.

    loss: nats per token; grad_norm: before clipping. loss_scale: of float16, else 1. skipped:
    whether gradients overflowed, so that no weight was changed.
    """

    loss: float
    grad_norm: float
    learning_rate: float
    tokens: int
    loss_scale: float = 1.0
    skipped: bool = False


class Learner:
    """A model and its optimizer; weights and moments are fp32, and shared by the ranks."""

    def __init__(
        self,
        config: OptConfig,
        settings: RunSettings,
        ranks: Ranks = ALONE,
        *,
        recompute: bool = False,
    ) -> None:
        self.settings, self.ranks = settings, ranks
        self._dtype = getattr(torch, settings.model.dtype)
        with torch.device("meta"):
            self.model = TrainedOpt(config, settings.model)
        if ranks.size > 1:
            from inference.training.parallel.spread import spread  # loads much of torch

            spread(self.model, ranks, self._dtype)
        self.model.to_empty(device=ranks.device)
        for layer in self.model.layers:
            layer.recomputes = recompute  # type: ignore[assignment]
        initialise(self.model, settings)
        betas = (settings.beta1, settings.beta2)
        self.optimizer = AdamW(self.model, betas, settings.weight_decay)
        self.scale = LossScale() if self._dtype == torch.float16 else LossScale.none()

    def learn(self, examples: Examples, step: int) -> StepFigures:
        """Do a step; its number, from 0, decides which examples it has."""
        settings, scale = self.settings, self.scale.value
        rate = settings.rate_at(step)
        self._seed_dropout(step)
        self.model.train()
        batches = list(examples.micro_batches(step))
        tokens = sum(len(batch.tokens) for batch in batches)
        total = torch.zeros((), device=self.ranks.device)
        for batch in batches:
            loss = self._losses(batch).sum() / tokens
            (loss * scale).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        loss_sum, square = self._sums(total)
        norm = math.sqrt(square) / scale
        skipped = self._update(norm, scale, rate)
        data = self.ranks.data_size
        return StepFigures(loss_sum / data, norm, rate, tokens * data, scale, skipped)

    @torch.no_grad()
    def evaluate(self, examples: Examples) -> float:
        """Return the mean loss, nats per token, over held-out windows that all runs share."""
        self.model.eval()
        losses = [self._losses(windows).mean().item() for windows in examples.held_out()]
        return math.fsum(losses) / len(losses)

    def _losses(self, batch: Windows) -> Tensor:
        moved = (
            tensor.to(self.ranks.device)
            for tensor in (batch.tokens, batch.targets, batch.positions)
        )
        with self._autocast():
            losses: Tensor = self.model(*moved, (batch.count, batch.length))
        return losses

    def _autocast(self) -> AbstractContextManager[object]:
        """Compute in a lower dtype; of several ranks FSDP does so itself."""
        if self._dtype == torch.float32 or self.ranks.size > 1:
            return nullcontext()
        return torch.autocast(self.ranks.device, self._dtype)

    def _update(self, norm: float, scale: float, rate: float) -> bool:
        """Change the weights by clipped gradients; return True if they overflowed instead."""
        if self.scale.is_dynamic and not math.isfinite(norm):
            self.optimizer.clear()
            self.scale.overflowed()
            return True
        divisor = scale * max(1.0, (norm + TINY) / self.settings.clip_norm)
        self.optimizer.step(rate, torch.tensor(divisor, device=self.ranks.device))
        self.scale.fitted()
        return False

    def _sums(self, loss: Tensor) -> tuple[float, float]:
        """Return the loss and the gradients' squares, summed over ranks that hold other parts."""
        shared: list[Tensor] = []
        copied: list[Tensor] = []
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                part = local(parameter.grad)
                (shared if is_divided(parameter, "tensor") else copied).append(part)
        copies = self.ranks.tensor_size  # each tensor rank adds what all of them hold
        values = torch.stack(
            [loss / copies, _square(shared, loss) + _square(copied, loss) / copies]
        )
        first, second = self.ranks.sums(values)
        return first, second

    def _seed_dropout(self, step: int) -> None:
        """Draw the step's dropout by (seed, step), the same on ranks that share a layer."""
        drops = self.settings.model
        if drops.dropout or drops.attention_dropout:
            name = f"{self.settings.seed} {step} {self.ranks.data_rank}"
            digest = hashlib.sha256(name.encode()).digest()
            torch.manual_seed(int.from_bytes(digest[:7], "little"))


def _square(gradients: list[Tensor], like: Tensor) -> Tensor:
    parts = [gradient for gradient in gradients if gradient.numel()]
    return torch.stack(torch._foreach_norm(parts)).square().sum() if parts else like * 0.0


@torch.no_grad()
def initialise(model: TrainedOpt, settings: RunSettings) -> None:
    """Set weights for training: normal(0, std), for residual outputs over sqrt(2 * layers).

    Each rank draws all numbers and keeps its part, so that the ranks' number changes nothing.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    std = settings.model.init_std
    narrowed = std / math.sqrt(2 * model.config.num_hidden_layers)
    for name, weight in model.named_parameters():
        if name.endswith("layer_norm.weight"):
            local(weight).fill_(1.0)
        elif name.endswith("bias") or (
            name.startswith("embed_positions") and not settings.model.trained_positions
        ):
            local(weight).zero_()
        else:
            residual = name.endswith(("out_proj.weight", "fc2.weight"))
            values = torch.empty(weight.shape)
            fill(weight, values.normal_(0.0, narrowed if residual else std, generator=generator))
