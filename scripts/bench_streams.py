"""Measure how long token streams block the event loop, and how fast it lets go of them.

    scripts/bench_streams.py                       # throwaway PostgreSQL and Redis, gone afterwards
    scripts/bench_streams.py --readers 50 --open 300

Pages follow jobs, 50 at once: first ended jobs of 2,000 tokens with log-probabilities, each of
which comes as one event, then jobs whose tokens are being made. Meanwhile a task in the server's
loop measures how late it is woken. Then 300 streams are open when the server is told to stop.
Readers and writer are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from throwaway import servers

MOST_MS = 100.0
TOKENS = 2000
SAMPLES = 16
STEP_SECONDS = 0.03
LIVE_SECONDS = 15.0
TICK_SECONDS = 0.005
HOST = "127.0.0.1"
ENTERING = 20  # requests at once, before their streams begin
spawn = multiprocessing.get_context("spawn")


def prepare(folder: Path) -> tuple[list[Any], str]:
    """Make running jobs of one person; return them with the cookie of the person's session."""
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    from tests.factories.jobs import claim, make_guest, make_hosted, make_job, tiny_model

    repo = make_hosted(tiny_model(folder / "model"))
    guest = make_guest(repo)
    for _ in range(2 * SAMPLES):
        make_job(repo, guest, now=timezone.now(), stream=True, logprobs=5, max_tokens=1)
    jobs = [claim(repo, now=timezone.now()) for _ in range(2 * SAMPLES)]
    client = Client()
    client.force_login(guest)
    return jobs, f"sessionid={client.cookies['sessionid'].value}"


def token_event(position: int) -> dict[str, Any]:
    ids = [7 + (position + rank) % 90 for rank in range(6)]
    logprobs = [[token, -0.5 - rank, f"word{token}"] for rank, token in enumerate(ids)]
    return {"tokens": ids[:1], "text": "word ", "logprobs": [logprobs]}


def end(job: Any) -> None:
    """Return a result of many tokens, as one event."""
    from django.utils import timezone

    from portal.jobs.services import JobResult, finish_job
    from portal.jobs.streaming.event_log import ChoiceEvent

    parts = [token_event(position) for position in range(TOKENS)]
    event = ChoiceEvent(
        0,
        tokens=[token for part in parts for token in part["tokens"]],
        text="".join(part["text"] for part in parts),
        logprobs=[entries for part in parts for entries in part["logprobs"]],
        finish_reason="length",
    )
    result = JobResult(events=[event], completion_tokens=TOKENS)
    finish_job(job_id=job.pk, attempt=job.attempt, result=result, now=timezone.now())


def write_tokens(job_ids: list[Any], seconds: float) -> None:
    """Write, in a process of its own, a token of each job per step, as a worker does."""
    import django

    django.setup()
    from portal.jobs.streaming.event_log import ChoiceEvent, append

    began, position = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        part = token_event(position)
        event = ChoiceEvent(0, position, position * len(part["text"]), **part)
        append((job_id, event) for job_id in job_ids)
        position += 1
        time.sleep(STEP_SECONDS)


def read_pages(port: int, cookie: str, paths: list[str], seconds: float, ready: Any) -> None:
    """Follow each path, in a process of its own, until it ends or the time is over."""

    entering = asyncio.Semaphore(ENTERING)

    async def read_one(path: str) -> int:
        await entering.acquire()
        reader, writer = await asyncio.open_connection(HOST, port)
        head = (
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        size = 0
        while chunk := await reader.read(1 << 16):
            if not size and not chunk.startswith(b"HTTP/1.1 200"):
                raise SystemExit(chunk[:200])
            if not size:
                entering.release()
                ready.release()
            size += len(chunk)
            if b"event: ended" in chunk:
                break
        writer.close()
        return size

    async def read_all() -> None:
        tasks = [asyncio.create_task(read_one(path)) for path in paths]
        done, pending = await asyncio.wait(tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        size = sum(task.result() for task in done)
        print(f"    {len(done)} ended and {len(pending)} left, {size / 1e6:.1f} MB to the end")

    asyncio.run(read_all())


class Lag:
    """The longest that the loop kept a task of its own waiting.

    By the clock, and in CPU time of the process: the second leaves out what other programs on the
    machine took meanwhile, which is not the portal's doing.
    """

    def __init__(self) -> None:
        self.longest = (0.0, 0.0)

    async def watch(self) -> None:
        while True:
            due, used = time.perf_counter() + TICK_SECONDS, time.process_time()
            await asyncio.sleep(TICK_SECONDS)
            late = time.perf_counter() - due, time.process_time() - used
            self.longest = max(self.longest[0], late[0]), max(self.longest[1], late[1])

    def take(self, label: str) -> float:
        """Print the figures since the last time; return the milliseconds of CPU time."""
        (clock, cpu), self.longest = self.longest, (0.0, 0.0)
        print(f"{label}: {1000 * cpu:.0f} ms, by the clock {1000 * clock:.0f} ms", flush=True)
        return 1000 * cpu


@contextmanager
def served(lag: Lag) -> Iterator[int]:
    """Serve the portal in a thread of this process, with the watch in its loop; yield its port."""
    import uvicorn

    from portal.asgi import application

    config = uvicorn.Config(application, HOST, 0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)

    async def serve() -> None:
        watching = asyncio.create_task(lag.watch())
        await server.serve()
        watching.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def run(target: Any, *values: Any) -> Any:
    process = spawn.Process(target=target, args=values)
    process.start()
    return process


def warm_up(port: int, cookie: str, job: Any) -> None:
    """Follow one job, so that the process has loaded what it loads once."""
    paths = [f"/playground/{job.pk}/events"]
    ready = spawn.Semaphore(0)
    run(read_pages, port, cookie, paths, 30, ready).join()


def measure(jobs: list[Any], cookie: str, readers: int) -> list[float]:
    """Return the longest lags in milliseconds: idle, of ended jobs, of running ones."""
    lag = Lag()
    with served(lag) as port:
        warm_up(port, cookie, jobs[0])
        lag.take("first request")
        time.sleep(2)
        lags = [lag.take("idle")]
        read(port, cookie, jobs[:SAMPLES], readers)
        lags.append(lag.take(f"{readers} readers of ended jobs"))
        read(port, cookie, jobs[SAMPLES:], readers, lag)
        lags.append(lag.take(f"{readers} readers of running jobs"))
    return lags


def read(
    port: int, cookie: str, jobs: list[Any], readers: int, while_written: Lag | None = None
) -> None:
    """Run so many readers, to the jobs' ends or while their tokens are written."""
    ready = spawn.Semaphore(0)
    paths = [f"/playground/{jobs[n % len(jobs)].pk}/events" for n in range(readers)]
    reading = run(read_pages, port, cookie, paths, 60, ready)
    if while_written is not None:
        for _ in range(readers):
            ready.acquire()
        while_written.take("connecting")
        run(write_tokens, [job.pk for job in jobs], LIVE_SECONDS).join()
        reading.terminate()
    reading.join()


def seconds_to_stop(jobs: list[Any], cookie: str, streams: int) -> float:
    """Return the seconds from SIGTERM to the end of a server with so many streams open."""
    import subprocess

    from tests.live import free_port

    port = free_port()
    options = ["--host", HOST, "--port", str(port), "--lifespan", "off", "--log-level", "error"]
    grace = ["--timeout-graceful-shutdown", "3"]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "portal.asgi:application", *options, *grace]
    )
    time.sleep(8)
    ready = spawn.Semaphore(0)
    paths = [f"/playground/{jobs[SAMPLES + n % SAMPLES].pk}/events" for n in range(streams)]
    reading = run(read_pages, port, cookie, paths, 120, ready)
    for _ in range(streams):
        ready.acquire()
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.wait()
    seconds = time.monotonic() - began
    reading.terminate()
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--open", type=int, default=300, help="streams open at the stop")
    options = parser.parse_args()
    os.environ["WEIGHTGATE_MAX_EVENT_STREAMS"] = "1000"
    os.environ["WEIGHTGATE_MAX_OPEN_JOBS"] = "1000"
    with servers(), tempfile.TemporaryDirectory() as folder:
        os.environ["WEIGHTGATE_DB_POOL"] = "16"
        import django
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment(debug=False)
        jobs, cookie = prepare(Path(folder))
        for job in jobs[:SAMPLES]:
            end(job)
        lags = measure(jobs, cookie, options.readers)
        seconds = seconds_to_stop(jobs, cookie, options.open)
        from django.db import connections

        connections.close_all()
    print(f"stopped {seconds:.1f} s after SIGTERM, with {options.open} streams open")
    is_prompt = max(lags[1:]) <= MOST_MS
    print(
        "The loop is prompt." if is_prompt else f"The portal held it up for over {MOST_MS:.0f} ms."
    )
    return 0 if is_prompt else 1


if __name__ == "__main__":
    sys.exit(main())
