"""The training loop that anyone would write with transformers and torch, to hold ours against."""

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from inference.training.corpus.windows import Windows
from inference.training.model.decoder import PREFIX
from inference.training.settings import RunSettings
from inference.training.step import Learner


class PlainLoop:
    """transformers' model from a learner's first weights, with torch's AdamW."""

    def __init__(self, learner: Learner, settings: RunSettings) -> None:
        self.settings = settings
        self.model = _model(learner)
        parameters = list(self.model.parameters())
        groups = [
            {
                "params": [p for p in parameters if p.dim() > 1],
                "weight_decay": settings.weight_decay,
            },
            # biases and norms don't decay
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
        betas = (settings.beta1, settings.beta2)
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas)

    def learn(self, batch: Windows, step: int) -> float:
        """Do a step, and return its loss."""
        tokens, targets = (x.view(batch.count, batch.length) for x in (batch.tokens, batch.targets))
        logits = self.model(tokens).logits
        loss = cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


def _model(learner: Learner) -> Any:
    from transformers import OPTConfig, OPTForCausalLM

    model: Any = OPTForCausalLM(OPTConfig(**learner.model.config.to_dict()))
    weights = {PREFIX + name: p.data for name, p in learner.model.named_parameters()}
    loaded = model.load_state_dict(weights, strict=False)
    if loaded.missing_keys != ["lm_head.weight"] or loaded.unexpected_keys:
        raise ValueError(f"transformers' model has other weights: {loaded}")
    model.tie_weights()
    return model.train()
