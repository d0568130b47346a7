"""Measure what looking into a model costs: ``python -m inference.bench.white_box``.

All runs of a comparison take turns in each round, in one process, and CPU time is compared with the
same round's: what else the machine does slows all of them.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inference.bench.model import make_model, make_prompts
from inference.config import OptConfig
from inference.engine.engine import Engine
from inference.engine.model_runner import ModelRunner
from inference.engine.sampling_params import SamplingParams
from inference.interp.reductions import Last, Mean, Projection, TopK
from inference.interp.spec import Capture, Intervention
from inference.interp.tensors_file import write_captured
from inference.model.attention import Attend
from inference.model.opt import DecoderLayer
from inference.plan.shapes import OPT_NAMES, named_config

PROMPT_TOKENS = 64
NEW_TOKENS = 16
REQUESTS = 8


class LayerWithoutHooks(DecoderLayer):
    """The layer as it would be if nobody could look inside; pre-norm alone."""

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        """Run hidden states [tokens, hidden_size] through the layer."""
        hidden = hidden + self._mix(self.self_attn_layer_norm(hidden), attend)
        return hidden + self._feed(self.final_layer_norm(hidden))

    def _mix(self, hidden: Tensor, attend: Attend) -> Tensor:
        qkv = self.qkv(hidden).view(-1, 3, self.heads, self.head_dim)
        return self._sum(self.out_proj(attend(self.number, *qkv.unbind(1)).flatten(1)))

    def _feed(self, hidden: Tensor) -> Tensor:
        return self._sum(self.fc2(self.activation(self.fc1(hidden))))


@contextmanager
def without_hooks(engine: Engine) -> Iterator[None]:
    """Have an engine's layers lack the places that look inside, for the block."""
    runner: Any = engine._executor
    if not isinstance(runner, ModelRunner):
        raise TypeError("measured on one rank alone")
    layers = [it for it in runner.model.modules() if isinstance(it, DecoderLayer)]
    changed: Any = runner
    for layer in layers:
        layer.__class__ = LayerWithoutHooks
    changed._hooks = lambda chunks: None
    try:
        yield
    finally:
        del changed._hooks
        for layer in layers:
            layer.__class__ = DecoderLayer


def cpu_seconds(act: Callable[[], Any]) -> float:
    """Return the CPU time that a call takes, of all threads."""
    before = time.process_time()
    act()
    return time.process_time() - before


def in_rounds(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return each run's CPU times; each round begins with another run, after one unmeasured."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for name in names:
        runs[name]()
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            times[name].append(cpu_seconds(runs[name]))
    return times


def shares(times: Sequence[float], base: Sequence[float]) -> str:
    """Return the median of the times by the base's of the same rounds, with its quartiles."""
    ratios = [own / other for own, other in zip(times, base, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def measure_unused(engine: Engine, rounds: int) -> Iterator[str]:
    """Yield rows: CPU time of an engine that nobody looks into, by one without the places."""
    params = SamplingParams(max_tokens=NEW_TOKENS, temperature=0.0, ignore_eos=True)
    for count in (1, REQUESTS):
        prompts = [tuple(ids) for ids in make_prompts(engine.config, count, PROMPT_TOKENS)]

        def plain(prompts: Any = prompts) -> None:
            engine.generate(prompts, params)

        def bare(prompts: Any = prompts) -> None:
            with without_hooks(engine):
                engine.generate(prompts, params)

        times = in_rounds({"with": plain, "without": bare}, rounds)
        yield f"| {count} | {shares(times['with'], times['without'])} |"


def captures_by_name(config: OptConfig) -> dict[str, dict[str, Any]]:
    """Return what requests of the second table capture or change."""
    probe = torch.randn(1, config.hidden_size) * 0.1
    steer = Intervention("output", "add", torch.randn(config.hidden_size) * 0.1, layer=0)
    return {
        "nothing": {},
        "one layer steered": {"interventions": [steer]},
        "`output`, whole": {"captures": [Capture("output")]},
        "`neurons`, whole": {"captures": [Capture("neurons")]},
        "`attention`, whole": {"captures": [Capture("attention")]},
        "`output`, last": {"captures": [Capture("output", reduce=Last())]},
        "`output`, mean": {"captures": [Capture("output", reduce=Mean())]},
        "`output`, 10 largest": {"captures": [Capture("output", reduce=TopK(10))]},
        "`output`, a probe": {"captures": [Capture("output", reduce=Projection(probe))]},
    }


def measure_captures(engine: Engine, rounds: int) -> Iterator[str]:
    """Yield rows: CPU time by that of nothing captured, bytes, and bytes a CPU-second."""
    params = SamplingParams(max_tokens=NEW_TOKENS, temperature=0.0, ignore_eos=True)
    prompts = [tuple(ids) for ids in make_prompts(engine.config, REQUESTS, PROMPT_TOKENS)]
    sizes: dict[str, int] = {}

    def run(name: str, inside: dict[str, Any]) -> Callable[[], None]:
        def act() -> None:
            outputs = engine.generate(prompts, params, **inside)
            sizes[name] = sum(size_bytes(output) for output in outputs)

        return act

    runs = {name: run(name, inside) for name, inside in captures_by_name(engine.config).items()}
    times = in_rounds(runs, rounds)
    for name in runs:
        rate = sizes[name] / statistics.median(times[name]) / 1e6
        share = shares(times[name], times["nothing"])
        yield f"| {name} | {share} | {sizes[name] / 1e6:.1f} | {rate:.1f} |"


def size_bytes(output: Any) -> int:
    """Return the bytes of what an output's samples captured."""
    snapshots = [s for sample in output.outputs for s in sample.captured.snapshots]
    return sum(s.values.nbytes + (0 if s.indices is None else s.indices.nbytes) for s in snapshots)


def measure_file(engine: Engine, rounds: int) -> str:
    """Return a sentence on how fast captures become a file."""
    prompts = [tuple(ids) for ids in make_prompts(engine.config, REQUESTS, PROMPT_TOKENS)]
    params = SamplingParams(max_tokens=1)
    outputs = engine.generate(prompts, params, captures=[Capture("neurons")])
    captured = {number: output.outputs[0].captured for number, output in enumerate(outputs)}
    rates = []
    for _ in range(rounds):
        file = io.BytesIO()
        seconds = cpu_seconds(lambda: write_captured(file, captured))  # noqa: B023
        rates.append(file.tell() / seconds / 1e6)
    low, middle, high = statistics.quantiles(rates, n=4, method="inclusive")
    return f"As a file, hashed: {middle:.0f} MB a CPU-second ({low:.0f} to {high:.0f})."


def main() -> None:
    """Measure, and print tables for docs/white-box.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", choices=OPT_NAMES, default="opt-125m", help="(opt-125m)")
    parser.add_argument("--model", metavar="DIR", help="a checkpoint, in place of random weights")
    parser.add_argument("--rounds", type=int, default=9, help="at least 2 (9)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="wg-bench-") as folder:
        model = Path(arguments.model or folder)
        if arguments.model is None:
            make_model(model, named_config(arguments.name))
        with Engine(model) as engine:
            for line in report(engine, arguments.rounds):
                print(line, flush=True)


def report(engine: Engine, rounds: int) -> Iterator[str]:
    """Yield the lines of the report, as they are measured."""
    yield "| requests at once | CPU time by an engine without the places |\n| --- | --- |"
    yield from measure_unused(engine, rounds)
    yield "\n| each request captures | CPU time | MB | MB a CPU-second |\n| --- | --- | --- | --- |"
    yield from measure_captures(engine, rounds)
    yield ""
    yield measure_file(engine, rounds)


if __name__ == "__main__":
    main()
