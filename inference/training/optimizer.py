"""Update weights by AdamW (arXiv 1711.05101), with decoupled decay on matrices only.

It is written in plain torch operations, since torch.optim loads its compiler at first use, which
takes longer than a small training run.
"""

import math

import torch
from torch import Tensor, nn

MOMENTS = ("exp_avg", "exp_avg_sq")
EPSILON = 1e-8


class AdamW:
    """The optimizer: moments of every parameter by name, fp32, and the number of steps done."""

    def __init__(self, model: nn.Module, betas: tuple[float, float], weight_decay: float) -> None:
        self._parameters = dict(model.named_parameters())
        self._beta1, self._beta2 = betas
        self._weight_decay = weight_decay
        self.steps = 0
        self.moments: dict[str, dict[str, Tensor]] = {
            moment: {name: torch.zeros_like(p) for name, p in self._parameters.items()}
            for moment in MOMENTS
        }

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update every parameter by its gradient, and clear the gradient."""
        self.steps += 1
        scale = math.sqrt(1 - self._beta2**self.steps)
        rate = learning_rate / (1 - self._beta1**self.steps)
        for name, parameter in self._parameters.items():
            gradient = parameter.grad
            if gradient is None:
                continue
            mean, square = (self.moments[moment][name] for moment in MOMENTS)
            mean.lerp_(gradient, 1 - self._beta1)
            square.mul_(self._beta2).addcmul_(gradient, gradient, value=1 - self._beta2)
            if parameter.dim() > 1:  # biases and norms do not decay
                parameter.mul_(1 - learning_rate * self._weight_decay)
            parameter.addcdiv_(mean, (square.sqrt() / scale).add_(EPSILON), value=-rate)
            parameter.grad = None
