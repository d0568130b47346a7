"""Read what vLLM's /metrics says of its load."""

import re
from collections.abc import Iterator

from inference.engine.outputs import EngineStats

LINE = re.compile(r"(?P<name>vllm:\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
PREEMPTIONS = "vllm:num_preemptions_total"
USED = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")  # of before 0.11 the second
CACHE = "vllm:cache_config_info"


def stats_of(text: str) -> EngineStats:
    """Read a scrape; what isn't there is 0. Of several engines the numbers are added."""
    totals: dict[str, float] = {}
    total = free = 0
    block_size = 0
    usages, sizes = [], []
    for name, labels, value in _samples(text):
        totals[name] = totals.get(name, 0.0) + value
        if name in USED:
            usages.append(value)
        elif name == CACHE:
            sizes.append(_integer(labels.get("num_gpu_blocks")))
            block_size = _integer(labels.get("block_size"))
    for size, usage in zip(sizes, usages, strict=False):
        total += size
        free += size - round(size * usage)
    return EngineStats(
        running=int(totals.get(RUNNING, 0)),
        waiting=int(totals.get(WAITING, 0)),
        free_blocks=free,
        total_blocks=total,
        block_size=block_size,
        preemptions=int(totals.get(PREEMPTIONS, 0)),
    )


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        if match := LINE.fullmatch(line):
            labels = dict(LABEL.findall(match["labels"] or ""))
            yield match["name"], labels, float(match["value"])


def _integer(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
