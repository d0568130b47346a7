"""The loop that every engine under measurement runs, in whatever environment.

One JSON object a line. In: the options; then requests. Out: {"ready": …} or {"error": …}, then an
answer to each request. Standard output is kept for the answers; whatever else prints goes to
standard error. It imports nothing that an environment might lack.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Generate = Callable[[list[list[int]], list[int]], list[list[int]]]
Extra = Callable[[], Any]


def serve(
    load: Callable[[dict[str, Any]], Generate], extras: dict[str, Extra] | None = None
) -> None:
    """load: from options to a function of prompts and of how many new tokens each is to get."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def answer(data: dict[str, Any]) -> None:
            answers.write(json.dumps(data) + "\n")
            answers.flush()

        try:
            generate = load(json.loads(sys.stdin.readline()))
            answer({"ready": True})
            for line in sys.stdin:
                request = json.loads(line)
                if "call" in request:
                    answer({"result": (extras or {})[request["call"]]()})
                else:
                    answer(_timed(generate, request["prompts"], request["new_tokens"]))
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being measured is told
            answer({"error": f"{type(error).__name__}: {error}"})


def _timed(generate: Generate, prompts: list[list[int]], new_tokens: list[int]) -> dict[str, Any]:
    cpu, wall = time.process_time(), time.perf_counter()
    token_ids = generate(prompts, new_tokens)
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "token_ids": token_ids,
    }
