"""Start the whole demo, from an empty folder to a screen that says what to open."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from portal.embedded import nginx
from portal.embedded.demo import screen
from portal.embedded.demo.adopting import leave_note, remove_note
from portal.embedded.demo.earlier import recognise, set_aside
from portal.embedded.demo.listening import any_listens
from portal.embedded.demo.parts import HOST, ROOT, Site
from portal.embedded.demo.prepared import Prepared
from portal.embedded.demo.readiness import Readiness
from portal.embedded.errors import EmbeddedError, PartFailed
from portal.embedded.files import read_json, write_json
from portal.embedded.servers import start_servers
from portal.embedded.supervisor import TICK_SECONDS, ProcessSupervisor

READY_SECONDS = 180.0
LAST_PORT = 65_535


@dataclass(frozen=True)
class DemoOptions:
    var: Path
    port: int
    preset: str
    web: str
    from_make: bool = False
    fresh: bool = False


def run(options: DemoOptions) -> None:
    """Run the demo in the foreground, until a signal raises `StopRequested`."""
    began = time.monotonic()
    published = options.var / "demo.json"
    if options.fresh and (aside := set_aside(options.var)):
        progress(f"  ✓ the earlier folder is kept as {aside}")
    with ProcessSupervisor(options.var, say=progress) as supervisor:
        supervisor.catch_signals()
        if options.from_make:
            supervisor.follow_make()
        published.unlink(missing_ok=True)
        require_free(options.port)
        try:
            site = _prepare(supervisor, options)
            _serve(supervisor, site, published, began)
        finally:
            published.unlink(missing_ok=True)
            remove_note(options.var)
            progress("\n  Stopping …")


def require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise _unusable(port, reason) from None


def _unusable(port: int, reason: str) -> EmbeddedError:
    return EmbeddedError(
        f"Port {port} cannot be used ({reason}). Choose another: make demo PORT={_another(port)}"
    )


def _another(port: int) -> int:
    return port + 1 if port < LAST_PORT else port - 1


@contextmanager
def _stage(name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    progress(f"  ✓ {name:<12} {time.monotonic() - began:5.1f} s")


def _prepare(supervisor: ProcessSupervisor, options: DemoOptions) -> Site:
    if options.web == "split":
        nginx.program()
    servers = start_servers(supervisor, stage=_stage)
    site = Site(supervisor.var, options.port, options.web, supervisor.sockets, servers)
    prepared = Prepared(
        var=supervisor.var, code=ROOT / "portal", database_url=servers["DATABASE_URL"]
    )
    # Migrating and seeding take seconds even when there is nothing to do, so a start skips both.
    if not prepared.holds():
        _fill(supervisor, site, options.preset)
        prepared.note()
    hosted = _seed(supervisor.var)["hosted_model"]
    return replace(site, extra={"WEIGHTGATE_HOSTED_MODEL": hosted})


def _fill(supervisor: ProcessSupervisor, site: Site, preset: str) -> None:
    with _stage("tables"):
        _migrate(supervisor, site)
    model = trained_model(supervisor, site, "demo-model", preset)
    # Trained alike, two tiny models have the same bytes.
    small = (
        model if preset == "tiny" else trained_model(supervisor, site, "demo-model-small", "tiny")
    )
    folders = ("--model", str(model), "--small-model", str(small))
    with _stage("demo data"):
        supervisor.run(site.manage("seed_demo", "seed_demo", *folders))


def _migrate(supervisor: ProcessSupervisor, site: Site) -> None:
    try:
        supervisor.run(site.manage("migrate", "migrate", "--no-input"))
    except PartFailed as error:
        raise recognise(error, supervisor.var) from None


def trained_model(supervisor: ProcessSupervisor, site: Site, name: str, preset: str) -> Path:
    """Train a model unless it is there; a training that was killed is resumed.

    It is trained beside its place and then renamed, so that a half-trained model isn't taken for
    the whole.
    """
    model, draft = supervisor.var / name, supervisor.var / f"{name}-draft"
    if not model.exists():
        with _stage(f"{preset} model"):
            command = ("-m", "inference", "train", "--preset", preset, "--out", str(draft))
            part = site.part("train", *command, omp_threads=os.cpu_count() or 1)
            # As Ctrl-C: the model's logbook then says that a person stopped its training.
            supervisor.run(replace(part, stop_signal=signal.SIGINT, stop_seconds=15.0), show=True)
            draft.rename(model)
    return model


def _seed(var: Path) -> dict[str, Any]:
    seed = read_json(var / "demo-seed.json")
    if not isinstance(seed, dict):
        raise PartFailed(f"seed_demo wrote no {var / 'demo-seed.json'}")
    return seed


def _serve(supervisor: ProcessSupervisor, site: Site, published: Path, began: float) -> None:
    require_free(site.port)  # another process may have taken it during the training
    readiness = Readiness(HOST, site.port, streams=site.web == "split")
    try:
        with _stage("processes"):
            for part in site.parts():
                supervisor.start(part)
            _wait_ready(supervisor, readiness)
            _require_own(supervisor, site.port)
        leave_note(supervisor.var, site.environment())
        demo = _publish(supervisor, site, published)
        progress(f"  ✓ {'in all':<12} {time.monotonic() - began:5.1f} s")
        progress(screen.render(demo, _python(), supervisor.var))
        supervisor.starting = False
        _watch(supervisor, readiness, lambda: _publish(supervisor, site, published))
    finally:
        readiness.close()


def _wait_ready(supervisor: ProcessSupervisor, readiness: Readiness) -> None:
    try:
        supervisor.wait_until(readiness.ready, READY_SECONDS, "/readyz")
    except PartFailed as error:
        raise PartFailed(f"{error}\n  /readyz last said: {readiness.last}") from None


def _require_own(supervisor: ProcessSupervisor, port: int) -> None:
    """Refuse to call it ready where the answer came from a process that isn't the demo's."""
    if not any_listens(supervisor.pids().values(), port):
        raise _unusable(port, "another process answers there")


def _watch(
    supervisor: ProcessSupervisor, readiness: Readiness, publish: Callable[[], Mapping[str, Any]]
) -> None:
    """Look after the parts until a signal; publish new pids once all is ready after a restart."""
    restarts = supervisor.restarts
    published = True
    while True:
        supervisor.tick()
        if supervisor.restarts != restarts:
            restarts, published = supervisor.restarts, False
            readiness.forget()
        if not published and readiness.ready():
            publish()
            published = True
            progress("  ✓ ready again")
        time.sleep(TICK_SECONDS)


def _publish(supervisor: ProcessSupervisor, site: Site, path: Path) -> dict[str, Any]:
    demo = {"base_url": site.base_url, **_seed(supervisor.var), "pids": supervisor.pids()}
    write_json(path, demo)
    return demo


def _python() -> str:
    """Return the interpreter's path as one would type it in the folder of the checkout."""
    here = Path(sys.executable)
    return str(here.relative_to(ROOT)) if here.is_relative_to(ROOT) else str(here)


def progress(text: str) -> None:
    print(text, flush=True)
