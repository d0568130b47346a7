"""Run the measurements: engines side by side, kinds of batching, and ranks against threads."""

import random
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inference.bench.agreement import agreement
from inference.bench.model import make_prompts
from inference.bench.peer import OURS, Peer, PeerFailed, Setup, environment
from inference.bench.rounds import (
    Measured,
    Task,
    Times,
    generate,
    generate_in_batches,
    load_average,
    measure,
)
from inference.config import OptConfig
from inference.errors import InferenceError

DTYPES = {
    OURS: ("float32", "bfloat16", "int8"),
    "transformers": ("float32", "bfloat16"),
    "ctranslate2": ("float32", "int8"),
    "vllm": ("float32", "bfloat16"),
}
SLOTS = 8
REQUESTS = 64
FEWEST_TOKENS, MOST_TOKENS = 8, 128
CONTINUOUS, STATIC = "continuous", "static batches"
ONE_RANK, TWO_RANKS = "1 rank, 2 threads", "2 ranks, 1 thread each"


@dataclass(frozen=True)
class Options:
    """The options of a measurement.

    home: folder of the peers' environments. dtypes: those that are measured.
    """

    model: Path
    config: OptConfig
    home: Path
    peers: tuple[str, ...]
    dtypes: tuple[str, ...]
    rounds: int = 3
    threads: int = 1
    prompt_tokens: int = 32
    new_tokens: int = 64
    concurrencies: tuple[int, ...] = (1, 8)
    requests: int = REQUESTS
    agreement_model: Path | None = None
    agreement_windows: int = 16


@dataclass
class Results:
    """The results of a measurement. grid: by concurrency and label; rates per CPU-second.

    bandwidth: bytes per CPU-second. failures: sentences on what could not be measured.
    """

    capability: str = ""
    bandwidth: float = 0.0
    loads: list[float] = field(default_factory=list)
    stolen_share: float = 0.0
    start_seconds: dict[str, float] = field(default_factory=dict)
    grid: dict[int, dict[str, Measured]] = field(default_factory=dict)
    batching: dict[str, Measured] = field(default_factory=dict)
    ranks: dict[int, dict[str, Measured]] = field(default_factory=dict)
    agreement: tuple[int, int] | None = None
    failures: list[str] = field(default_factory=list)


Say = Callable[[str], None]


def run_all(options: Options, say: Say) -> Results:
    """Run every section in turn. A failure is noted in the results, and the next one runs."""
    results, before = Results(), Times.now()
    for section in (_grid, _batching, _ranks, _agreement):
        results.loads.append(load_average())
        try:
            section(options, results, say)
        except PeerFailed as error:
            results.failures.append(f"{section.__name__.strip('_')}: {error}")
    results.loads.append(load_average())
    results.stolen_share = Times.now().stolen_share(before)
    return results


def _grid(options: Options, results: Results, say: Say) -> None:
    setups = [
        Setup(name, dtype, options.threads, max(options.concurrencies))
        for name in (OURS, *options.peers)
        for dtype in DTYPES[name]
        if dtype in options.dtypes
    ]
    with _running(options, setups, results, say) as peers:
        own = next((peer for peer in peers if peer.setup.name == OURS), None)
        if own is None:
            return
        results.capability = str(own.call("capability"))
        bandwidths = [float(own.call("bandwidth"))]
        for concurrency in options.concurrencies:
            prompts = make_prompts(options.config, concurrency, options.prompt_tokens)
            task = Task(prompts, [options.new_tokens] * concurrency)
            runs = [(peer.setup.label, peer, generate) for peer in peers]
            results.grid[concurrency] = measure(
                runs, task, options.rounds, _of(say, f"{concurrency} at once")
            )
            bandwidths.append(float(own.call("bandwidth")))
        results.bandwidth = statistics.median(bandwidths)


def _batching(options: Options, results: Results, say: Say) -> None:
    """Measure requests of many lengths on few slots, in continuous and in static batches."""
    dtype = "bfloat16" if "bfloat16" in options.dtypes else "float32"
    setups = [
        Setup(name, dtype, options.threads, SLOTS)
        for name in (OURS, "vllm")
        if name == OURS or name in options.peers
    ]
    prompts = make_prompts(options.config, options.requests, options.prompt_tokens)
    generator = random.Random(0)
    wanted = [generator.randint(FEWEST_TOKENS, MOST_TOKENS) for _ in prompts]
    with _running(options, setups, results, say) as peers:
        runs = [
            (CONTINUOUS if peer.setup.name == OURS else peer.setup.label, peer, generate)
            for peer in peers
        ]
        runs += [(STATIC, p, generate_in_batches) for p in peers if p.setup.name == OURS]
        say_here = _of(say, f"{options.requests} requests on {SLOTS} slots")
        results.batching = measure(runs, Task(prompts, wanted), options.rounds, say_here)


def _ranks(options: Options, results: Results, say: Say) -> None:
    """Measure two ranks of one thread and one rank of two, by the clock: ranks are processes."""
    slots = max(options.concurrencies)
    setups = {
        ONE_RANK: Setup(OURS, "float32", 2, slots),
        TWO_RANKS: Setup(OURS, "float32", 1, slots, tensor_parallel_size=2),
    }
    with _running(options, list(setups.values()), results, say) as peers:
        if len(peers) < len(setups):
            return
        runs = [(label, peer, generate) for label, peer in zip(setups, peers, strict=True)]
        for concurrency in options.concurrencies:
            prompts = make_prompts(options.config, concurrency, options.prompt_tokens)
            task = Task(prompts, [options.new_tokens] * concurrency)
            say_here = _of(say, f"ranks, {concurrency} at once")
            results.ranks[concurrency] = measure(runs, task, options.rounds, say_here)


def _agreement(options: Options, results: Results, say: Say) -> None:
    if options.agreement_model is None:
        results.failures.append("agreement: no trained model was given (--agreement DIR)")
        return
    say("int8 against float32 on held-out texts")
    try:
        results.agreement = agreement(options.agreement_model, options.agreement_windows)
    except (InferenceError, ValueError) as error:
        results.failures.append(f"agreement: {error}")


@contextmanager
def _running(
    options: Options, setups: list[Setup], results: Results, say: Say
) -> Iterator[list[Peer]]:
    """Start peers and end them after the block; those that don't start are noted as failures."""
    with ExitStack() as stack:
        peers = []
        for setup in setups:
            say(f"starting {setup.label}")
            try:
                python = environment(setup.name, options.home)
                peer = stack.enter_context(Peer(setup, python, options.model))
            except PeerFailed as error:
                results.failures.append(str(error))
                continue
            results.start_seconds.setdefault(setup.label, peer.start_seconds)
            peers.append(peer)
        yield peers


def _of(say: Say, what: str) -> Say:
    return lambda step: say(f"{what}: {step}")
