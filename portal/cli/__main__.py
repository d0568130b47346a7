"""Start an installation's processes and run its commands, each by one word."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from portal import process_commands
from portal.cli.managing import manage

DESCRIPTION = (
    "Run Weightgate. Settings are read from the environment and from weightgate.env in the folder "
    "where this is called, or from the file that WEIGHTGATE_ENV_FILE names."
)
WITHOUT_SERVER = (
    "The server’s packages aren’t installed: the wheel alone is for inference.RemoteEngine. Install"
    ' it with its extra: pip install "$(echo weightgate-*.whl)[portal]"'
)
ADDRESS = re.compile(r"unix:/.+|(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
USUAL_ADDRESS = f"{process_commands.HOST}:{process_commands.PORT}"
Action = Callable[[argparse.Namespace], tuple[str, ...]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand. A process of the installation takes this one's place."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if find_spec("django") is None:
        print(WITHOUT_SERVER, file=sys.stderr)
        return 1
    if words[:1] == ["manage"]:
        return manage(words[1:], "weightgate manage")
    if words[:1] == ["setup"]:
        return manage(words, "weightgate")
    options = command_parser().parse_args(words)
    fault = _settings_fault()
    if not fault:
        os.execv(sys.executable, [sys.executable, *options.command_of(options)])  # noqa: S606, no shell
    print(fault, file=sys.stderr)
    return 1


def _settings_fault() -> str:
    """Read the settings, into the environment too; return why they can't be, or nothing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        _ = settings.VAR
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of every subcommand."""
    parser = argparse.ArgumentParser(prog="weightgate", description=DESCRIPTION)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser("setup", help="make or complete an installation")
    _add_web(commands.add_parser("web", help="serve pages, streams, or both"))
    worker = _add(
        commands, "worker", "the worker for mail, deadlines and hosted inference", _worker
    )
    _add_count(worker, "--concurrency", process_commands.CONCURRENCY, "tasks at once")
    beat = _add(commands, "beat", "the clock, once for the whole installation", _beat)
    beat.add_argument(
        "--schedule", type=Path, metavar="FILE", help="its state (beat-schedule in WEIGHTGATE_VAR)"
    )
    commands.add_parser("manage", help="any of Django's and Weightgate's commands")
    return parser


def _add_web(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(metavar="PART", required=True)
    pages = _add(parts, "pages", "the server of pages, Hub and /api/v1, behind nginx", _pages)
    _add_listening(pages)
    _add_count(pages, "--workers", process_commands.WORKERS, "processes")
    _add_count(pages, "--threads", process_commands.THREADS, "threads of each")
    pages.add_argument(
        "--worker-tmp-dir",
        type=Path,
        metavar="DIR",
        help="where processes show that they live; in memory, such as /dev/shm",
    )
    _add_listening(
        _add(parts, "streams", "the server of /v1, streams and uploads, behind nginx", _streams)
    )
    _add_listening(_add(parts, "all", "one server of everything, without nginx", _streams))


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    words: str,
    command_of: Action,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=words, description=f"Start {words}.")
    parser.set_defaults(command_of=command_of)
    return parser


def _add_listening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bind",
        type=_checked_address,
        default=USUAL_ADDRESS,
        metavar="ADDRESS",
        help="HOST:PORT, or unix:/PATH behind nginx (%(default)s)",
    )
    words = "seconds that requests may take to end after a signal"
    _add_count(parser, "--grace", process_commands.GRACE_SECONDS, words)


def _add_count(parser: argparse.ArgumentParser, flag: str, default: int, words: str) -> None:
    words = f"{words} (%(default)s)"
    parser.add_argument(flag, type=_counted, default=default, metavar="N", help=words)


def _counted(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r}: write a whole number, 1 or more")
    return int(value)


def _checked_address(value: str) -> str:
    if not ADDRESS.fullmatch(value):
        raise argparse.ArgumentTypeError(f"{value!r}: write HOST:PORT or unix:/PATH")
    return value


def _pages(options: argparse.Namespace) -> tuple[str, ...]:
    return process_commands.pages(
        options.bind,
        workers=options.workers,
        threads=options.threads,
        grace_seconds=options.grace,
        temporary=options.worker_tmp_dir,
    )


def _streams(options: argparse.Namespace) -> tuple[str, ...]:
    return process_commands.streams(options.bind, grace_seconds=options.grace)


def _worker(options: argparse.Namespace) -> tuple[str, ...]:
    return process_commands.worker(concurrency=options.concurrency)


def _beat(options: argparse.Namespace) -> tuple[str, ...]:
    from django.conf import settings

    settings.VAR.mkdir(parents=True, exist_ok=True)  # nothing else may have written there yet
    return process_commands.beat(options.schedule or settings.VAR / "beat-schedule")


if __name__ == "__main__":
    sys.exit(main())
