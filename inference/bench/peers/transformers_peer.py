"""transformers, by its own generate."""

from __future__ import annotations

from typing import Any

import torch
from serve import Generate, serve
from transformers import AutoModelForCausalLM


def load(options: dict[str, Any]) -> Generate:
    torch.set_num_threads(options["threads"])
    dtype = getattr(torch, options["dtype"])
    model: Any = AutoModelForCausalLM.from_pretrained(options["model"], dtype=dtype)
    model.eval()

    @torch.inference_mode()
    def generate(prompts: list[list[int]], new_tokens: list[int]) -> list[list[int]]:
        tokens, count = torch.tensor(prompts), max(new_tokens)
        made = model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
        )
        return [row[len(prompts[0]) :].tolist() for row in made]

    return generate


if __name__ == "__main__":
    serve(load)
