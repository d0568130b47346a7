"""Compute the loss over a vocabulary in blocks of tokens, with its gradients at once.

The logits of a whole batch would be the largest thing in memory (2,048 tokens of OPT's vocabulary
are 412 MB). Here a block of them is made, used for loss and gradients, and overwritten by the next.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed import ProcessGroup

from inference.training.parallel.parts import local

BLOCK_LOGITS = 2**23  # 32 MB in fp32


class TiedTable:
    """The embedding of one pass, which is the head too, so that both add to one gradient.

    group: the ranks that share the vocabulary; None where this rank has all of it.
    """

    def __init__(self, embedding: nn.Embedding, group: ProcessGroup | None) -> None:
        self._embedding, self._group = embedding, group
        self._head_gradient: list[Tensor] = []

    def rows(self, tokens: Tensor) -> Tensor:
        """Look tokens [tokens] up and return [tokens, width]."""
        if self._group is not None:  # DTensor's own lookup, over the ranks
            looked_up: Tensor = self._embedding(tokens)
            return looked_up
        rows: Tensor = _Lookup.apply(  # type: ignore[no-untyped-call]
            self._embedding.weight, tokens, self._head_gradient
        )
        return rows

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the cross entropy of each token in nats [tokens] fp32.

        hidden: [tokens, width]. Its gradients are those of one factor for all losses, as of their
        sum or mean.
        """
        weight, lent = self._embedding.weight, self._head_gradient
        if self._group is not None:
            weight, lent = local(weight), None  # type: ignore[assignment]
        gradients = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
        losses: Tensor = _BlockwiseLoss.apply(  # type: ignore[no-untyped-call]
            hidden, weight, targets, self._group, gradients, lent
        )
        return losses


class _Lookup(torch.autograd.Function):
    """Adds its gradient to the head's, which has been computed by then, and passes both on."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, tokens: Tensor, head_gradient: list[Tensor]) -> Tensor:
        ctx.save_for_backward(tokens)
        ctx.head_gradient, ctx.dtype = head_gradient, weight.dtype
        return torch.nn.functional.embedding(tokens, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (tokens,) = ctx.saved_tensors
        total = ctx.head_gradient.pop()
        total.index_add_(0, tokens, gradients[0].to(total.dtype))
        return total.to(ctx.dtype), None, None


class _BlockwiseLoss(torch.autograd.Function):
    """Gradients are computed going forward, for a factor of one, and scaled going backward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        group: ProcessGroup | None,
        gradients: bool,
        lent: list[Tensor] | None,
    ) -> Tensor:
        device = hidden.device.type
        dtype = (
            torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        )
        with torch.autocast(device, enabled=False):
            losses, hidden_gradient, weight_gradient = _blocks(
                hidden.to(dtype), weight.to(dtype), targets, group, gradients
            )
        if gradients:
            ctx.dtypes, ctx.lent = (hidden.dtype, weight.dtype), lent
            ctx.save_for_backward(hidden_gradient, weight_gradient)
        return losses

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (factors,) = gradients
        scale = factors[0]  # one factor for all, as of a sum or a mean
        hidden_gradient, weight_gradient = ctx.saved_tensors
        hidden_dtype, weight_dtype = ctx.dtypes
        hidden_part = hidden_gradient.mul_(scale).to(hidden_dtype)
        weight_gradient.mul_(scale)
        if ctx.lent is None:
            return hidden_part, weight_gradient.to(weight_dtype), None, None, None, None
        ctx.lent.append(weight_gradient)
        return hidden_part, None, None, None, None, None


def _blocks(
    hidden: Tensor, weight: Tensor, targets: Tensor, group: ProcessGroup | None, gradients: bool
) -> tuple[Tensor, Tensor, Tensor]:
    tokens, rows = len(hidden), len(weight)
    first = 0 if group is None else dist.get_rank(group) * rows
    losses = torch.empty(tokens, device=hidden.device)
    shape = hidden.shape if gradients else (0,)
    hidden_gradient = torch.empty(shape, device=hidden.device)
    weight_gradient = torch.zeros(weight.shape if gradients else (0,), device=hidden.device)
    block = max(BLOCK_LOGITS // rows, 1)
    for start in range(0, tokens, block):
        part = slice(start, start + block)
        logits = torch.mm(hidden[part], weight.t()).float()
        own = targets[part] - first
        losses[part] = _losses_of(logits, own, group)  # logits are probabilities from here on
        if gradients:
            inside = ((own >= 0) & (own < rows)).nonzero()[:, 0]
            logits[inside, own[inside]] -= 1.0
            errors = logits.to(hidden.dtype)
            hidden_gradient[part] = torch.mm(errors, weight)
            _add_product(weight_gradient, errors, hidden[part])
    if group is not None and gradients:
        dist.all_reduce(hidden_gradient, group=group)
    return losses, hidden_gradient, weight_gradient


def _losses_of(logits: Tensor, own: Tensor, group: ProcessGroup | None) -> Tensor:
    """Return the losses, and leave probabilities in the logits' memory. own: target's row here."""
    largest = logits.amax(1)
    if group is not None:
        dist.all_reduce(largest, dist.ReduceOp.MAX, group)
    logits.sub_(largest[:, None])
    foreign = (own < 0) | (own >= logits.shape[1])
    target = logits.gather(1, own.masked_fill(foreign, 0)[:, None])[:, 0].masked_fill(foreign, 0.0)
    total = logits.exp_().sum(1)
    if group is not None:
        dist.all_reduce(total, group=group)
        dist.all_reduce(target, group=group)
    logits.div_(total[:, None])
    return total.log() - target


def _add_product(total: Tensor, errors: Tensor, hidden: Tensor) -> None:
    if errors.dtype == total.dtype:
        total.addmm_(errors.t(), hidden)
    else:
        total += torch.mm(errors.t(), hidden)
