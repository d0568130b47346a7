"""Render results as Markdown, as a chart, and as data."""

import platform
from collections.abc import Iterator, Sequence
from typing import Any

from inference.bench.bars import Bar, all_bars, bandwidth_share
from inference.bench.chart import ChartBar, bar_chart
from inference.bench.peer import OURS
from inference.bench.rounds import Measured, ratio
from inference.bench.sections import MOST_TOKENS, SLOTS, Options, Results

BASE = "transformers float32"


def as_markdown(options: Options, results: Results, chart: str) -> str:
    """Return the report's page; chart: the picture's file name."""
    return "\n".join(
        [
            "# How fast the engine is",
            "",
            "Made by `python -m inference bench`; not edited by hand.",
            "",
            *_circumstances(options, results),
            "",
            *_bars(all_bars(results, options.config)),
            "",
            f"![Tokens per CPU-second by engine]({chart})",
            "",
            *_grid(options, results),
            *_batching(options, results),
            *_ranks(results),
            *_starts(results),
            *_failures(results),
        ]
    )


def as_chart(results: Results) -> str:
    """Return a chart of tokens per CPU-second, the fastest first."""
    groups = [
        (
            f"{concurrency} at once",
            [
                ChartBar(measured.label, measured.rate, measured.label.startswith(OURS))
                for measured in sorted(cell.values(), key=lambda measured: -measured.rate)
            ],
        )
        for concurrency, cell in sorted(results.grid.items())
    ]
    return bar_chart("Tokens per CPU-second, OPT with random weights", groups)


def as_data(options: Options, results: Results) -> dict[str, Any]:
    """Return every figure, those of each round too."""
    cells = {f"{n} at once": cell for n, cell in results.grid.items()}
    cells["batching"] = results.batching
    cells |= {f"ranks, {n} at once": cell for n, cell in results.ranks.items()}
    return {
        "capability": results.capability,
        "bandwidth_bytes_per_cpu_second": results.bandwidth,
        "loads": results.loads,
        "stolen_share": results.stolen_share,
        "start_seconds": results.start_seconds,
        "cells": {
            name: {label: _measured_data(measured) for label, measured in cell.items()}
            for name, cell in cells.items()
        },
        "agreement": results.agreement,
        "bars": [
            {"name": bar.name, "least": bar.least, "value": bar.value, "verdict": bar.verdict}
            for bar in all_bars(results, options.config)
        ],
        "failures": results.failures,
    }


def _measured_data(measured: Measured) -> dict[str, Any]:
    return {
        "tokens": measured.useful,
        "seconds": [answer.seconds for answer in measured.answers],
        "cpu_seconds": [answer.cpu_seconds for answer in measured.answers],
    }


def _circumstances(options: Options, results: Results) -> Iterator[str]:
    config = options.config
    yield (
        f"OPT of {config.num_hidden_layers} layers, {config.hidden_size} wide, random weights; "
        f"prompts of {options.prompt_tokens} tokens, {options.new_tokens} new ones, greedy, "
        f"threads: {options.threads}. Interleaved rounds: {options.rounds}; medians of them. "
        "Ratios are of tokens per CPU-second, within each round."
    )
    yield ""
    yield (
        f"{platform.machine()}, torch's kernels for {results.capability or 'unknown'}; one thread "
        f"reads {results.bandwidth / 1e9:.1f} GB/s. Load while it ran "
        f"{', '.join(f'{load:.1f}' for load in results.loads)}; {results.stolen_share:.1%} of the "
        "time stolen by other guests."
    )


def _bars(bars: Sequence[Bar]) -> Iterator[str]:
    yield "| what | least | measured | |"
    yield "| --- | --- | --- | --- |"
    for bar in bars:
        value = "–" if bar.value is None else f"{bar.value:.2f}"
        yield f"| {bar.name} | {bar.least:.2f} | {value} | {bar.verdict} |"


def _grid(options: Options, results: Results) -> Iterator[str]:
    for concurrency, cell in sorted(results.grid.items()):
        yield f"## {concurrency} at once"
        yield ""
        yield (
            "| engine | tokens per CPU-second | by the clock | over transformers float32 | "
            "share of bandwidth | tokens as ours in float32 |"
        )
        yield "| --- | --- | --- | --- | --- | --- |"
        for measured in cell.values():
            yield _row(options, results, concurrency, cell, measured)
        yield ""


def _row(
    options: Options,
    results: Results,
    concurrency: int,
    cell: dict[str, Measured],
    measured: Measured,
) -> str:
    base, ours = cell.get(BASE), cell.get(f"{OURS} float32")
    over = f"{ratio(measured.rates, base.rates):.2f}" if base else "–"
    dtype = measured.label.rpartition(" ")[2]
    share = (
        bandwidth_share(results, options.config, measured.label, dtype)
        if concurrency == 1
        else None
    )
    said = "–" if share is None else f"{share:.2f}"
    same = "–" if ours is None else f"{_same(measured, ours)} of {measured.useful}"
    return (
        f"| {measured.label} | {measured.rate:.1f} | {measured.wall_rate:.1f} | {over} | {said} | "
        f"{same} |"
    )


def _same(measured: Measured, base: Measured) -> int:
    """Count the tokens before the first that differs, over all streams."""
    count = 0
    for tokens, base_tokens in zip(measured.token_ids, base.token_ids, strict=True):
        for a, b in zip(tokens, base_tokens, strict=True):
            if a != b:
                break
            count += 1
    return count


def _batching(options: Options, results: Results) -> Iterator[str]:
    if not results.batching:
        return
    yield (f"## {options.requests} requests of up to {MOST_TOKENS} new tokens on {SLOTS} slots")
    yield ""
    yield "| | tokens per CPU-second | by the clock |"
    yield "| --- | --- | --- |"
    for measured in results.batching.values():
        yield f"| {measured.label} | {measured.rate:.1f} | {measured.wall_rate:.1f} |"
    yield ""


def _ranks(results: Results) -> Iterator[str]:
    """Yield a table of ranks by the clock alone, since only rank 0's CPU time is known."""
    for concurrency, cell in sorted(results.ranks.items()):
        yield f"## Tensor ranks over gloo, {concurrency} at once"
        yield ""
        yield "| | tokens per second |"
        yield "| --- | --- |"
        for measured in cell.values():
            yield f"| {measured.label} | {measured.wall_rate:.1f} |"
        yield ""


def _starts(results: Results) -> Iterator[str]:
    yield "## From start to ready"
    yield ""
    yield "| engine | seconds |"
    yield "| --- | --- |"
    yield from (f"| {label} | {seconds:.1f} |" for label, seconds in results.start_seconds.items())
    yield ""


def _failures(results: Results) -> Iterator[str]:
    if results.failures:
        yield "## Not measured"
        yield ""
        yield from (f"- {failure}" for failure in results.failures)
        yield ""
