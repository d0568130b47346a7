"""vLLM's build for CPUs, in one process so that its CPU time can be told."""

from __future__ import annotations

import os
from typing import Any

from serve import Generate, serve

os.environ |= {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "HF_HUB_OFFLINE": "1",
}


def load(options: dict[str, Any]) -> Generate:
    from vllm import LLM, SamplingParams

    engine = LLM(
        options["model"],
        dtype=options["dtype"],
        max_num_seqs=options["max_num_seqs"],
        skip_tokenizer_init=True,
        enable_prefix_caching=False,
        enforce_eager=True,
        disable_log_stats=True,
    )

    def generate(prompts: list[list[int]], new_tokens: list[int]) -> list[list[int]]:
        params = [
            SamplingParams(max_tokens=count, temperature=0.0, ignore_eos=True, detokenize=False)
            for count in new_tokens
        ]
        inputs: Any = [{"prompt_token_ids": prompt} for prompt in prompts]
        outputs = engine.generate(inputs, params, use_tqdm=False)
        return [list(output.outputs[0].token_ids) for output in outputs]

    return generate


if __name__ == "__main__":
    serve(load)
