"""Serve this engine as a peer, in the project's own environment and from its root."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch
from serve import Generate, serve

from inference import Engine, SamplingParams

ARRAY_FLOATS = 64 * 2**20  # 256 MB: more than any cache holds
PASSES = 5


def load(options: dict[str, Any]) -> Generate:
    torch.set_num_threads(options["threads"])
    engine = Engine(
        options["model"],
        dtype=options["dtype"],
        max_num_seqs=options["max_num_seqs"],
        tensor_parallel_size=options["tensor_parallel_size"],
    )

    def generate(prompts: list[list[int]], new_tokens: list[int]) -> list[list[int]]:
        params = [
            SamplingParams(max_tokens=count, temperature=0.0, ignore_eos=True)
            for count in new_tokens
        ]
        return [output.outputs[0].token_ids for output in engine.generate(prompts, params)]

    return generate


def bandwidth() -> float:
    """Bytes per CPU-second that one thread reads, the best of some passes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    array, best = torch.ones(ARRAY_FLOATS), 0.0
    for _ in range(PASSES):
        began = time.process_time()
        array.dot(array)
        best = max(best, array.nbytes / (time.process_time() - began))
    torch.set_num_threads(threads)
    return best


def capability() -> str:
    """AVX512, AVX2 or DEFAULT: what torch's own kernels use here."""
    return str(torch.backends.cpu.get_cpu_capability())


if __name__ == "__main__":
    serve(load, {"bandwidth": bandwidth, "capability": capability})
