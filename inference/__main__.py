"""Run ``python -m inference``: generate, plan, prepare, train, convert, inspect, check or bench.

An error that the user can mend is one line and status 2; any other shows its traceback.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback from Ctrl-C while modules load

import argparse
import sys
from collections.abc import Sequence

from inference.commands import bench, check, convert, generate, inspect, plan, prepare, train
from inference.errors import ConfigError, InferenceError, Stopped
from inference.terminal import reader_is_gone, say
from inference.torch_env import prepare_process

COMMANDS = (generate, plan, prepare, train, convert, inspect, check, bench)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    prepare_process()
    arguments = argparse.Namespace()
    try:
        _parser().parse_args(argv, arguments)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError as error:
        if not reader_is_gone(sys.stdout):
            say(f"error: {error}", sys.stderr)
        return 2
    except (InferenceError, ValueError, OSError) as error:
        say(f"error: {_placed(error, arguments)}", sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        say("stopped", sys.stderr)
        return stop.status if isinstance(stop, Stopped) else 130
    return status


def _placed(error: Exception, arguments: argparse.Namespace) -> str:
    """Return the error's sentence, with the folder where it names only a file's field."""
    values = vars(arguments)
    names = ("model", "directory", "source")
    folder = next((values[name] for name in names if values.get(name)), "")
    plain = isinstance(error, ConfigError) and not values.get("config")
    return f"{folder}: {error}" if plain and folder and folder not in str(error) else str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference", description="Train, inspect, plan for and run OPT models."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        own = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return parser


def _program() -> int:
    """Run main. Before and after it, Ctrl-C ends the process silently."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:  # ignored, as after a shell's &
        return main()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(_program())
