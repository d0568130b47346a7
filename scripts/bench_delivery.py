"""Measure how fast weights are served: through nginx and embedded, beside plain files.

    make bench
    scripts/bench_delivery.py --megabytes 256 --rounds 3   # what a request costs weighs more

All servers run at once on one machine, and each round asks every one of them in turn, so that other
work of the machine slows all alike. The static peer is nginx with files on disk, and the few
answers of the Hub's protocol that a client needs, written out beforehand.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delivery_servers import SHARD, Released, get, many_files, release, start, start_static
from throwaway import servers

if TYPE_CHECKING:
    from portal.embedded.supervisor import ProcessSupervisor

SLOW_CLIENTS = 50
SLOW_BYTES_PER_SECOND = 100_000
REQUESTS = 300


def hf_download(port: int, released: Released) -> None:
    home = Path(tempfile.mkdtemp(prefix="wg-bench-hf-"))
    command = [Path(sys.executable).with_name("hf"), "download", released.repo]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_TOKEN": released.token,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    try:
        done = subprocess.run(
            [*command, "--local-dir", home / "weights"],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"hf download from port {port} failed:\n{done.stderr[-2000:]}")
    finally:
        shutil.rmtree(home)


def curl(port: int, released: Released) -> None:
    url = f"http://127.0.0.1:{port}/{released.repo}/resolve/{released.commit}/{SHARD}"
    secret = f'header = "Authorization: Bearer {released.token}"'
    command = ["curl", "-fsSL", "-K", "-", "-o", "/dev/null", url]
    subprocess.run(command, input=secret, text=True, check=True)


def rounds(count: int, acts: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Time each act, in turn; the first round warms up and isn't counted."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(count + 1):
        for name, act in acts.items():
            began = time.perf_counter()
            act()
            if number:
                times[name].append(time.perf_counter() - began)
    return times


def told(what: str, times: dict[str, list[float]], peer: str, bars: dict[str, float]) -> bool:
    """Print medians, spreads and speeds as shares of the peer's; return True if bars are kept."""
    all_kept = True
    for name, seconds in times.items():
        pairs = [
            theirs / seconds_of_one
            for seconds_of_one, theirs in zip(seconds, times[peer], strict=True)
        ]
        share = statistics.median(pairs)
        bar = bars.get(name)
        all_kept = all_kept and (bar is None or share >= bar)
        print(
            f"{what:16} {name:12} {statistics.median(seconds):8.4f} s "
            f"({min(seconds):.4f} to {max(seconds):.4f})  speed ÷ {peer}: {share:.2f}"
            + (f"  bar {bar:.2f}" if bar else ""),
            flush=True,
        )
    return all_kept


def metadata(port: int, released: Released) -> bool:
    """Gated HEAD resolve against whoami, the least that an authenticated view does."""
    headers = {"Authorization": f"Bearer {released.token}"}
    file = f"/{released.repo}/resolve/{released.commit}/{SHARD}"
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:

        def ask(method: str, path: str) -> None:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{method} {path}: {answer.status}")

        times = rounds(
            REQUESTS,
            {
                "whoami": lambda: ask("GET", "/api/whoami-v2"),
                "HEAD resolve": lambda: ask("HEAD", file),
            },
        )
    return told("gated metadata", times, "whoami", {"HEAD resolve": 0.4})


def listings(port: int, few: tuple[str, str], many: tuple[str, str], released: Released) -> None:
    def tree(repo: str, commit: str) -> Callable[[], None]:
        path = f"/api/models/{repo}/tree/{commit}?recursive=true&expand=false"
        return lambda: len(json.loads(get(port, path, released))) and None

    told("tree", rounds(20, {"10 files": tree(*few), "1,000 files": tree(*many)}), "10 files", {})


def slow_clients(port: int, pid: int, released: Released) -> None:
    """Print the memory of the embedded web process while many clients read slowly."""
    url = f"/{released.repo}/resolve/{released.commit}/{SHARD}"
    before = memory(pid)
    readers = [slow_reader(port, url, released.token) for _ in range(SLOW_CLIENTS)]
    highest = before
    for _ in range(20):
        for reader in readers:
            reader.recv(SLOW_BYTES_PER_SECOND // 10)
        time.sleep(0.1)
        highest = max(highest, memory(pid))
    for reader in readers:
        reader.close()
    print(
        f"memory           {SLOW_CLIENTS} slow clients: {before / 1e6:.0f} MB before, at most "
        f"{highest / 1e6:.0f} MB with them, {(highest - before) / SLOW_CLIENTS / 1e3:.0f} kB each"
    )


def slow_reader(port: int, path: str, token: str) -> socket.socket:
    """Open a download, follow its redirect, and read no more than the header."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    link = connection.getresponse().headers["Location"].partition(f":{port}")[2]
    connection.close()
    reader = socket.create_connection(("127.0.0.1", port))
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    reader.sendall(f"GET {link} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return reader


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(supervisor: ProcessSupervisor, options: Any) -> bool:
    released = release(supervisor.var / "release", options.megabytes)
    few, many = many_files(10), many_files(1000)
    ports = start(supervisor)
    ports = {"static": start_static(supervisor, released, ports["embedded"]), **ports}

    def each(act: Callable[[int, Released], None]) -> dict[str, Callable[[], None]]:
        return {name: (lambda port=port: act(port, released)) for name, port in ports.items()}

    print(f"{options.megabytes} MiB of weights, load {os.getloadavg()[0]:.1f}", flush=True)
    bars = {"X-Accel": 0.9, "embedded": 0.9}
    all_kept = told("hf download", rounds(options.rounds, each(hf_download)), "static", bars)
    all_kept &= told(
        "curl, one shard", rounds(options.rounds, each(curl)), "static", {"X-Accel": 0.9}
    )
    all_kept &= metadata(ports["X-Accel"], released)
    listings(ports["X-Accel"], few, many, released)
    slow_clients(ports["embedded"], supervisor.pids()["single-web"], released)
    return all_kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--megabytes", type=int, default=3800, help="in two shards (3800: such as our tools write)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with servers() as supervisor:
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        try:
            all_kept = measure(supervisor, options)
        finally:
            connections.close_all()
    print("Every bar is kept." if all_kept else "A bar is MISSED.")
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
