"""Measure what the portal adds to the engine: to a first token, to 32 streams, to a submission.

    scripts/bench_hosted.py                       # throwaway PostgreSQL and Redis, gone afterwards
    scripts/bench_hosted.py --model small --rounds 5

The web process and the Celery worker are those of an installation. The engine has one core of its
own, and so has the same engine in this process, which is the measure; all else shares another core.
Both take turns, so that what else the machine does weighs on both. CPU times leave it out.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throwaway import ROOT, servers

HOST = "127.0.0.1"
SHAPES = {"125m": (12, 12, 768, 50272), "small": (2, 4, 128, 4096)}
PLACES = 32
FEW_TOKENS, MANY_TOKENS = 4, 64
CONNECTIONS = 8
WARM_UP = 5
MOST_ADDED_MS, LEAST_RATIO = 25.0, 0.90
START_SECONDS = 120.0
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "WEIGHTGATE_DAILY_TOKENS": "1000000000",
    "WEIGHTGATE_MAX_OPEN_JOBS": "1000",
    "WEIGHTGATE_MAX_EVENT_STREAMS": "1000",
    "WEIGHTGATE_PROMPT_BYTES_PER_MINUTE": "1000000000",
    "WEIGHTGATE_ENGINE_MAX_NUM_SEQS": str(PLACES),
}
ENGINE_CORE, OTHER_CORE = max(os.sched_getaffinity(0)), min(os.sched_getaffinity(0))


@dataclass(frozen=True)
class BenchedSite:
    """The portal under measurement: where it answers, to whom, and its processes."""

    port: int
    secret: str
    model: str
    pids: dict[str, int]
    engine_thread: Path

    def body(self, number: int, max_tokens: int) -> str:
        fields = {"model": self.model, "prompt": prompt(number), "max_tokens": max_tokens}
        return json.dumps(fields | {"temperature": 0, "ignore_eos": True, "stream": True})

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}

    def cpu_ms(self) -> dict[str, float]:
        """Return the CPU time that each process of the portal's has used, and the engine's part."""
        used = {name: cpu_ms(Path(f"/proc/{pid}")) for name, pid in self.pids.items()}
        return {**used, "engine": cpu_ms(self.engine_thread)}


def prompt(number: int) -> str:
    return f"Sluice {number}: the water above the weir rises past its mark, then the gate opens."


def cpu_ms(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(") ")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_model(folder: Path, name: str) -> Path:
    """Write a random OPT of the shape, with a small tokenizer, in a folder fit to publish."""
    from inference.bench.model import make_model
    from inference.config import OptConfig
    from inference.training.corpus.tokenizing import train_tokenizer
    from tests.factories.catalog import make_folder

    make_folder(folder)
    for file in (*folder.glob("*.safetensors*"), folder / "config.json"):
        file.unlink()
    train_tokenizer([prompt(number) for number in range(64)], 300, folder)
    layers, heads, width, words = SHAPES[name]
    config = OptConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        ffn_dim=4 * width,
        num_attention_heads=heads,
        max_position_embeddings=2048,
        word_embed_proj_dim=width,
    )
    make_model(folder, config)
    return folder


@contextmanager
def served(supervisor: Any, folder: Path) -> Iterator[BenchedSite]:
    """Start the portal's processes on the model; yield once the engine answers."""
    from django.core.management import call_command

    from portal import process_commands
    from portal.embedded.supervisor import Part
    from portal.jobs import hosting
    from tests.factories.accounts import make_token
    from tests.factories.jobs import make_guest, make_hosted
    from tests.live import free_port

    call_command("migrate", verbosity=0)
    repo, port = make_hosted(folder, live=False), free_port()
    secret = make_token(make_guest(repo))[1]
    commands = {
        "web": process_commands.streams(f"{HOST}:{port}"),
        "worker": process_commands.worker(),
    }
    for name, command in commands.items():
        supervisor.start(Part(name, (sys.executable, *command), cwd=ROOT, tier=2))

    def is_ready() -> bool:
        return hosting.ready_commit(repo.full_name) is not None and answers(port)

    supervisor.wait_until(is_ready, START_SECONDS, "the worker and the web process")
    pids = supervisor.pids()
    del pids["postgres"]  # which has a process for each connection
    site = BenchedSite(port, secret, repo.full_name, pids, Path(f"/proc/{pids['worker']}"))
    yield with_engine_pinned(site)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def with_engine_pinned(site: BenchedSite) -> BenchedSite:
    """Find the thread that computes, and give it the engine's core."""
    threads = list(Path(f"/proc/{site.pids['worker']}/task").iterdir())
    before = {thread: cpu_ms(thread) for thread in threads}
    asyncio.run(streamed(site, range(PLACES), MANY_TOKENS, at_once=2))
    engine = max(threads, key=lambda thread: cpu_ms(thread) - before[thread])
    os.sched_setaffinity(int(engine.name), {ENGINE_CORE})
    return BenchedSite(site.port, site.secret, site.model, site.pids, engine)


class EngineAlone:
    """The same engine in this process, on the engine's core."""

    def __init__(self, folder: Path) -> None:
        from inference import Engine

        self._engine = Engine(model=folder, max_num_seqs=PLACES)

    def submit(self, number: int, max_tokens: int) -> None:
        from inference.engine.outputs import EngineRequest
        from inference.engine.sampling_params import SamplingParams

        sampling = SamplingParams(max_tokens=max_tokens, temperature=0.0, ignore_eos=True)
        token_ids = self._engine.prompt_token_ids(prompt(number))
        self._engine.submit(EngineRequest(token_ids, sampling))

    def first_token_ms(self, number: int) -> float:
        with on_core(ENGINE_CORE):
            began = time.perf_counter()
            self.submit(number, FEW_TOKENS)
            while not any(event.token_ids for event in self._engine.step()):
                pass
            taken = 1000 * (time.perf_counter() - began)
            while self._engine.has_work:
                self._engine.step()
        return taken

    def speed(self, numbers: range) -> tuple[float, float]:
        """Return tokens a second, by the clock and by CPU time."""
        with on_core(ENGINE_CORE):
            began, used = time.perf_counter(), time.thread_time()
            for number in numbers:
                self.submit(number, MANY_TOKENS)
            while self._engine.has_work:
                self._engine.step()
            tokens = MANY_TOKENS * len(numbers)
            return (
                tokens / (time.perf_counter() - began),
                tokens / (time.thread_time() - used),
            )


@contextmanager
def on_core(core: int) -> Iterator[None]:
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {OTHER_CORE})


def first_token_ms(site: BenchedSite, connection: http.client.HTTPConnection, number: int) -> float:
    """Return the time from a request to the first token of its stream, which is read to its end."""
    began = time.perf_counter()
    connection.request("POST", "/v1/completions", site.body(number, FEW_TOKENS), site.headers)
    response = connection.getresponse()
    while b'"text"' not in (line := response.readline()):
        if not line or response.status != 200:
            raise SystemExit(f"{response.status}: {line!r}")
    taken = 1000 * (time.perf_counter() - began)
    response.read()
    return taken


async def streamed(
    site: BenchedSite, numbers: range, max_tokens: int, *, at_once: int = PLACES
) -> float:
    """Stream so many requests, and return the seconds that all of them took."""
    places = asyncio.Semaphore(at_once)

    async def stream(number: int) -> None:
        body = site.body(number, max_tokens).encode()
        lines = [f"{name}: {value}\r\n" for name, value in site.headers.items()]
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {HOST}\r\n{''.join(lines)}"
        head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        async with places:
            reader, writer = await asyncio.open_connection(HOST, site.port)
            writer.write(head.encode() + body)
            answer = await reader.read()
            writer.close()
        if b"[DONE]" not in answer or b'"finish_reason":"length"' not in answer:
            raise SystemExit(answer[-500:])

    began = time.perf_counter()
    await asyncio.gather(*map(stream, numbers))
    return time.perf_counter() - began


def measure_first_tokens(site: BenchedSite, alone: EngineAlone, requests: int) -> float:
    """Print the time that the portal adds to a first token; return its median."""
    connection = http.client.HTTPConnection(HOST, site.port, timeout=60)
    times: dict[str, list[float]] = {"engine alone": [], "behind the portal": [], "added": []}
    used = site.cpu_ms()
    for number in range(requests):
        alone_ms = alone.first_token_ms(number)
        portal_ms = first_token_ms(site, connection, number)
        for name, taken in zip(times, (alone_ms, portal_ms, portal_ms - alone_ms), strict=True):
            times[name].append(taken)
    print(f"first token of {requests} streams, one after another:")
    for name, values in times.items():
        p50, p95 = statistics.median(values), statistics.quantiles(values, n=20)[18]
        print(f"    {name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, least {min(values):.1f} ms")
    say_cpu("a request", used, site.cpu_ms(), requests)
    return statistics.median(times["added"])


def measure_streams(site: BenchedSite, alone: EngineAlone, rounds: int) -> float:
    """Print the tokens a second of 32 streams over those of the engine alone; return the ratio."""
    by_clock, by_cpu = [], []
    used = site.cpu_ms()
    for number in range(rounds):
        numbers = range(1000 + PLACES * number, 1000 + PLACES * (number + 1))
        engine_speed, engine_cpu_speed = alone.speed(numbers)
        before = site.cpu_ms()["engine"]
        seconds = asyncio.run(streamed(site, numbers, MANY_TOKENS))
        tokens = PLACES * MANY_TOKENS
        cpu_seconds = (site.cpu_ms()["engine"] - before) / 1000
        by_clock.append(tokens / seconds / engine_speed)
        by_cpu.append(tokens / cpu_seconds / engine_cpu_speed)
        print(f"    engine alone {engine_speed:.0f} tokens/s, portal {tokens / seconds:.0f}")
    ratio = statistics.median(by_clock)
    print(
        f"{PLACES} streams at once, tokens a second over the engine alone: {ratio:.2f} by the "
        f"clock ({min(by_clock):.2f} to {max(by_clock):.2f}), {statistics.median(by_cpu):.2f} by "
        "CPU time of the engine's thread"
    )
    say_cpu("a token", used, site.cpu_ms(), PLACES * MANY_TOKENS * rounds)
    return ratio


def measure_submissions(site: BenchedSite, requests: int) -> None:
    """Print how many requests of one token each are taken and answered in a second."""
    used = site.cpu_ms()
    numbers = range(5000, 5000 + requests)
    seconds = asyncio.run(streamed(site, numbers, 1, at_once=CONNECTIONS))
    print(f"{requests} requests of one token, {CONNECTIONS} at once: {requests / seconds:.0f}/s")
    say_cpu("a request", used, site.cpu_ms(), requests)


def say_cpu(of_what: str, before: dict[str, float], after: dict[str, float], count: int) -> None:
    shares = [f"{name} {(after[name] - before[name]) / count:.2f}" for name in before]
    print(f"    CPU ms {of_what}: {', '.join(shares)}", flush=True)


def measure(supervisor: Any, folder: Path, options: argparse.Namespace) -> bool:
    with served(supervisor, folder) as site:
        alone = EngineAlone(folder)
        for number in range(WARM_UP):
            alone.first_token_ms(number)
        added = measure_first_tokens(site, alone, options.requests)
        ratio = measure_streams(site, alone, options.rounds)
        measure_submissions(site, options.requests)
    return added <= MOST_ADDED_MS and ratio >= LEAST_RATIO


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=SHAPES, default="small", help="the shape of OPT-125M")
    parser.add_argument("--requests", type=int, default=100, help="one after another")
    parser.add_argument("--rounds", type=int, default=3, help="of 32 streams at once")
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    os.sched_setaffinity(0, {OTHER_CORE})
    with servers() as supervisor, tempfile.TemporaryDirectory() as folder:
        os.environ["WEIGHTGATE_DB_POOL"] = "16"
        import django
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment(debug=False)
        is_quick = measure(supervisor, write_model(Path(folder) / "model", options.model), options)
        from django.db import connections

        connections.close_all()
    print(
        "The portal adds little."
        if is_quick
        else f"MISSED: at most {MOST_ADDED_MS:.0f} ms, and at least {LEAST_RATIO:.2f}."
    )
    return 0 if is_quick else 1


if __name__ == "__main__":
    sys.exit(main())
