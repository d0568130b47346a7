"""`python -m portal.embedded demo` and `… exec -- COMMAND`."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from portal.embedded.demo import start
from portal.embedded.demo.parts import ROOT, common_environment
from portal.embedded.errors import AlreadyRunning, EmbeddedError, StopRequested
from portal.embedded.servers import running_servers, start_servers
from portal.embedded.supervisor import TICK_SECONDS, ProcessSupervisor


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except EmbeddedError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    except StopRequested:
        print("  Stopped.")
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal.embedded", description=__doc__)
    actions = parser.add_subparsers(required=True)
    show = actions.add_parser("demo", help="the whole site on one port, in the foreground")
    show.set_defaults(action=_demo)
    port = os.environ.get("PORT", "8000")
    show.add_argument("--port", type=int, default=port, help="or PORT (%(default)s)")
    show.add_argument("--preset", default="demo", choices=("demo", "tiny"), help="of the model")
    show.add_argument("--web", default="single", choices=("single", "split"), help="split: nginx")
    show.add_argument("--fresh", action="store_true", help="keep the folder aside; make a new one")
    show.add_argument("--from-make", action="store_true", help="stop with the make above")
    _add_var(show)
    execute = actions.add_parser("exec", help="run a command beside PostgreSQL and Valkey")
    execute.set_defaults(action=_exec)
    _add_var(execute)
    execute.add_argument("command", nargs="+", metavar="COMMAND")
    return parser


def _add_var(parser: argparse.ArgumentParser) -> None:
    var = Path(os.environ.get("WEIGHTGATE_VAR") or ROOT / "var")
    parser.add_argument("--var", type=Path, default=var, help="or WEIGHTGATE_VAR (./var)")


def _demo(options: argparse.Namespace) -> int:
    chosen = vars(options) | {"var": options.var.absolute()}
    fields = dataclasses.fields(start.DemoOptions)
    start.run(start.DemoOptions(**{field.name: chosen[field.name] for field in fields}))
    return 0


def _exec(options: argparse.Namespace) -> int:
    var = options.var.absolute()
    try:
        with ProcessSupervisor(var, say=_to_stderr) as supervisor:
            return _beside(start_servers(supervisor), options, supervisor.tick)
    except AlreadyRunning:
        servers = running_servers(var)  # a demo runs on this folder: join it
        if servers is None:
            raise
        return _beside(servers, options, lambda: None)


def _beside(
    servers: Mapping[str, str], options: argparse.Namespace, tick: Callable[[], None]
) -> int:
    environment = {**os.environ, **common_environment(options.var.absolute()), **servers}
    command = subprocess.Popen(options.command, env=environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal reaches it directly
    signal.signal(signal.SIGTERM, lambda number, frame: command.send_signal(number))
    while command.poll() is None:
        tick()
        time.sleep(TICK_SECONDS)
    return command.returncode if command.returncode >= 0 else 128 - command.returncode


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
