"""Update weights by AdamW (arXiv 1711.05101), with decoupled decay on matrices only.

torch.optim loads its compiler at first use, which takes longer than a small training run. So the
kernel that its fused AdamW calls is called here, on each rank's own part of every weight.
"""

import torch
from torch import Tensor, nn

from inference.training.parallel.parts import local

MOMENTS = ("exp_avg", "exp_avg_sq")
EPSILON = 1e-8


class AdamW:
    """The optimizer: moments of every parameter by name, fp32, and the number of steps done."""

    def __init__(self, model: nn.Module, betas: tuple[float, float], weight_decay: float) -> None:
        self._parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._beta1, self._beta2 = betas
        self._weight_decay = weight_decay
        self.steps = 0
        self.moments: dict[str, dict[str, Tensor]] = {
            moment: {name: torch.zeros_like(p) for name, p in self._parameters.items()}
            for moment in MOMENTS
        }

    @torch.no_grad()
    def step(self, learning_rate: float, gradient_divisor: Tensor | None = None) -> None:
        """Update every parameter by its gradient over the divisor, and clear the gradient."""
        self.steps += 1
        for decays in (True, False):
            names = [
                name
                for name, parameter in self._parameters.items()
                # biases and norms do not decay
                if parameter.grad is not None and (parameter.dim() > 1) is decays
            ]
            decay = self._weight_decay if decays else 0.0
            self._update(names, learning_rate, decay, gradient_divisor)
        self.clear()

    def clear(self) -> None:
        """Clear all gradients without using them."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def _update(
        self, names: list[str], learning_rate: float, decay: float, divisor: Tensor | None
    ) -> None:
        gradients = {name: self._parameters[name].grad for name in names}
        parts = [
            tuple(map(local, (self._parameters[name], gradient, *self._moments_of(name))))
            for name, gradient in gradients.items()
            if gradient is not None
        ]
        parts = [part for part in parts if part[0].numel()]  # a rank may have no row of a weight
        if not parts:
            return
        weights, slopes, means, squares = (list(tensors) for tensors in zip(*parts, strict=True))
        count = torch.tensor(float(self.steps), device=weights[0].device)
        torch._fused_adamw_(
            weights, slopes, means, squares, [], [count] * len(weights),
            lr=learning_rate, beta1=self._beta1, beta2=self._beta2, weight_decay=decay,
            eps=EPSILON, amsgrad=False, maximize=False, grad_scale=divisor, found_inf=None,
        )  # fmt: skip

    def _moments_of(self, name: str) -> tuple[Tensor, ...]:
        return tuple(self.moments[moment][name] for moment in MOMENTS)
