"""Compare one run's results with the figures that the engine must reach."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from inference.bench.peer import OURS
from inference.bench.rounds import Measured, ratio
from inference.bench.sections import CONTINUOUS, ONE_RANK, STATIC, TWO_RANKS, Results
from inference.config import OptConfig
from inference.plan.shapes import item_bytes, parameter_count

AVX512 = "AVX512"
AGREEMENT = 0.98


@dataclass(frozen=True)
class Bar:
    """A figure and the least it should be. value: None if it could not be measured."""

    name: str
    least: float
    value: float | None

    @property
    def verdict(self) -> str:
        """Tell in a word whether the figure is high enough."""
        if self.value is None:
            return "not measured"
        return "kept" if self.value >= self.least else "MISSED"


def all_bars(results: Results, config: OptConfig) -> list[Bar]:
    """List the bars in the order of the report; those of bfloat16 only if it was measured."""
    return [*_side_by_side(results), *_others(results, config)]


def bandwidth_share(results: Results, config: OptConfig, label: str, dtype: str) -> float | None:
    """Return the share of a thread's memory bandwidth that one stream's weights take."""
    measured = results.grid.get(1, {}).get(label)
    if measured is None or not results.bandwidth:
        return None
    positions = config.max_position_embeddings * config.hidden_size
    read = (parameter_count(config) - positions) * item_bytes(dtype)
    return measured.rate * read / results.bandwidth


def _side_by_side(results: Results) -> Iterator[Bar]:
    wide = results.capability.startswith(AVX512)
    hf = {1: 1.4, 8: 1.7} if wide else {1: 1.2, 8: 1.25}
    wanted = [("float32", "transformers", hf), ("float32", "vllm", {1: 0.75, 8: 0.75})]
    if any(f"{OURS} bfloat16" in cell for cell in results.grid.values()):
        wanted.append(("bfloat16", "vllm", {1: 1.05, 8: 0.85}))
    wanted.append(("int8", "ctranslate2", {1: 1.3, 8: 1.3}))
    for dtype, peer, least in wanted:
        for concurrency in sorted(results.grid):
            if concurrency in least:
                cell = results.grid[concurrency]
                value = _ratio(cell, f"{OURS} {dtype}", f"{peer} {dtype}", _cpu)
                name = f"{dtype}, {concurrency} at once, over {peer}"
                yield Bar(name, least[concurrency], value)


def _others(results: Results, config: OptConfig) -> Iterator[Bar]:
    share = bandwidth_share(results, config, f"{OURS} float32", "float32")
    yield Bar("float32, share of memory bandwidth", 0.6, share)
    batching = _ratio(results.batching, CONTINUOUS, STATIC, _cpu)
    yield Bar("continuous over static batches", 1.3, batching)
    for concurrency, cell in sorted(results.ranks.items()) or [(1, {})]:
        value = _ratio(cell, TWO_RANKS, ONE_RANK, _wall)
        yield Bar(f"2 ranks over 2 threads, {concurrency} at once, by the clock", 0.35, value)
    agreed = None if results.agreement is None else results.agreement[0] / results.agreement[1]
    yield Bar("int8, next token as in float32", AGREEMENT, agreed)


def _cpu(measured: Measured) -> list[float]:
    return measured.rates


def _wall(measured: Measured) -> list[float]:
    return measured.wall_rates


def _ratio(
    cell: dict[str, Measured], label: str, base: str, rates: Callable[[Measured], list[float]]
) -> float | None:
    if label not in cell or base not in cell:
        return None
    return ratio(rates(cell[label]), rates(cell[base]))
