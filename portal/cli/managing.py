"""Run Django's administrative commands, beside a demo or on an installation."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

WRONG_USE = 2
INTERRUPTED = 130


def manage(arguments: Sequence[str], program: str = "manage.py") -> int:
    """Run one command and return its exit status; ``program`` is the name that its help shows."""
    if arguments[:1] == ["setup"]:  # it makes the settings that all others need
        from portal.setup.command import main as set_up

        return set_up(arguments[1:], f"{program} setup")
    from portal.embedded.demo.adopting import adopt_demo

    adopt_demo(os.environ)
    if _asks_for_help(arguments):  # read before there is an installation; it uses no setting
        os.environ.setdefault("WEIGHTGATE_SECRET_KEY", "only-to-print-what-the-commands-are-" * 2)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    return _run([program, *arguments])


def _run(arguments: Sequence[str]) -> int:
    """Run Django's command; what isn't a mistake of ours ends in a sentence, not a traceback."""
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error, connection

    from portal.cli.as_root import wrong_account
    from portal.database.refusals import refusal_of

    try:
        # A pool would hide why there is no connection, and log each of its tries.
        connection.settings_dict["OPTIONS"].pop("pool", None)
        if fault := "" if _asks_for_help(arguments[1:]) else wrong_account(arguments[1:]):
            if arguments[1] == "doctor":  # to root all is well
                return _ended(fault, WRONG_USE)
            print(fault, file=sys.stderr)
        execute_from_command_line(list(arguments))
    except ImproperlyConfigured as error:
        return _ended(str(error))
    except Error as error:
        refusal = "" if "--traceback" in arguments else refusal_of(error)
        if not refusal:
            raise
        return _ended(refusal)
    except (KeyboardInterrupt, EOFError):
        return _ended("\nStopped.", INTERRUPTED)
    return 0


def _ended(words: str, status: int = 1) -> int:
    print(words, file=sys.stderr)
    return status


def _asks_for_help(arguments: Sequence[str]) -> bool:
    """Tell whether nothing but help will be printed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return list(arguments[:1]) in ([], ["help"]) or not {"-h", "--help"}.isdisjoint(options)
