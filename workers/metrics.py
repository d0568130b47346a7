"""Count a worker's jobs and its engine's load, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.jobs.models import Job
from portal.observability import metrics
from workers.loop import EngineLoop
from workers.runs import Run

MODEL = ["model"]


class EngineMetrics(Collector):
    """A collector of one engine's load, asked of the engine when the figures are read."""

    def __init__(self, model: str, loop: EngineLoop) -> None:
        self._model, self._loop = model, loop

    def collect(self) -> Iterator[Metric]:
        stats = self._loop.engine.stats()
        samples = {"running": stats.running, "waiting": stats.waiting}
        yield self._by_state(
            "weightgate_engine_samples", "Samples in the engine, by state", samples
        )
        slots = self._loop.max_num_seqs
        yield self._gauge("weightgate_engine_slots", "Samples that may share a batch", slots)
        blocks = {"used": stats.total_blocks - stats.free_blocks, "free": stats.free_blocks}
        yield self._by_state("weightgate_engine_kv_blocks", "Blocks of the KV cache", blocks)
        help_text = "Times that a sample had to give back its blocks of the KV cache"
        yield self._counter("weightgate_engine_preemptions_total", help_text, stats.preemptions)
        generated = self._loop.generated_tokens
        yield self._counter("weightgate_generated_tokens_total", "Tokens generated", generated)
        yield self._energy()

    def _energy(self) -> Metric:
        help_text = "Joules that the hardware used, by how they are known and what they were for"
        labels = [*MODEL, "source", "use"]
        family = CounterMetricFamily("weightgate_energy_joules_total", help_text, labels=labels)
        for (source, use), joules in self._loop.energy.joules().items():
            family.add_metric([self._model, source, use], joules)
        return family

    def _gauge(self, name: str, help_text: str, value: float) -> Metric:
        family = GaugeMetricFamily(name, help_text, labels=MODEL)
        family.add_metric([self._model], value)
        return family

    def _counter(self, name: str, help_text: str, value: float) -> Metric:
        family = CounterMetricFamily(name, help_text, labels=MODEL)
        family.add_metric([self._model], value)
        return family

    def _by_state(self, name: str, help_text: str, values: dict[str, int]) -> Metric:
        family = GaugeMetricFamily(name, help_text, labels=[*MODEL, "state"])
        for state, value in values.items():
            family.add_metric([self._model, state], value)
        return family


@contextmanager
def engine_metrics(model: str, loop: EngineLoop) -> Iterator[None]:
    """Count an engine's load within the block, which is as long as it is served."""
    collector = EngineMetrics(model, loop)
    metrics.registry.register(collector)
    try:
        yield
    finally:
        metrics.registry.unregister(collector)


def count_claim(model: str, job: Job) -> None:
    """Count a job that the worker has taken up; a second attempt has waited for another reason."""
    metrics.prompt_tokens.labels(model).inc(job.prompt_tokens)
    if job.attempt == 1 and job.waited is not None:
        metrics.queue_time.labels(model).observe(job.waited.total_seconds())


def count_end(model: str, run: Run) -> None:
    """Count a run that has ended."""
    if run.first_token_at is not None:
        waited = run.first_token_at - run.job.created_at
        metrics.first_token_time.labels(model).observe(waited.total_seconds())
