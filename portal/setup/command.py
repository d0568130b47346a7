"""Run `manage.py setup`: before any setting exists, or beside settings that do."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from portal import env_file
from portal.errors import DomainError, Invalid
from portal.setup.answering import Answering, Asker, Terminal, Unanswered
from portal.setup.folders import folder_faults
from portal.setup.questions import SETTINGS, host_of
from portal.setup.row_answers import PASSWORD, ROW_ANSWERS, faults_for_rows

KEY, PEPPER = "WEIGHTGATE_SECRET_KEY", "WEIGHTGATE_TOKEN_PEPPER"
DESCRIPTION = (
    "Make an installation: its settings, tables, operator, namespace and signing keys. What is "
    "there stays as it is, so that running it again changes nothing."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each answer but the secrets, and those that say how to run."""
    for question in SETTINGS:
        if question.flag:
            words = f"{question.prompt}; or {question.variable}"
            parser.add_argument(question.flag, metavar="ANSWER", help=words)
    for name, (variable, words) in ROW_ANSWERS.items():
        parser.add_argument(f"--{name}", metavar="ANSWER", help=f"{words}; or {variable}")
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the operator’s password from standard input; or WEIGHTGATE_SETUP_PASSWORD",
    )
    parser.add_argument(
        "--env-file",
        metavar="FILE",
        help="where the settings are written (weightgate.env); or WEIGHTGATE_ENV_FILE",
    )
    parser.add_argument("--no-input", action="store_true", help="ask nothing")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(arguments: Sequence[str], program: str = "manage.py setup") -> int:
    """Run the command by itself: Django needs settings, which may not exist yet."""
    parser = argparse.ArgumentParser(prog=program, description=DESCRIPTION)
    add_arguments(parser)
    options = vars(parser.parse_args(arguments))
    asker = Terminal() if sys.stdin.isatty() and not options["no_input"] else None
    try:
        print(run(options, os.environ, asker))
    except Unanswered as error:
        print("Nothing was changed:", *error.faults, sep="\n  ", file=sys.stderr)
        return 1
    except (DomainError, ImproperlyConfigured, CommandError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Run it again to go on.", file=sys.stderr)
        return 130
    return 0


def run(options: Mapping[str, Any], environ: MutableMapping[str, str], asker: Asker | None) -> str:
    """Set the installation up, and return what to print. Raises Unanswered."""
    if environ.get("WEIGHTGATE_DEMO") == "1":
        raise Invalid("WEIGHTGATE_DEMO is 1: a demo sets itself up. Unset it for an installation.")
    if options["env_file"] is not None:
        environ[env_file.NAMED_BY] = options["env_file"]
    path = env_file.path_of(environ)
    standing = env_file.read(path) if path else {}
    answering = Answering(
        flags=options,
        environ=dict(environ) | _from_stdin(options),
        standing=standing,
        asker=asker,
        is_new=KEY not in environ and KEY not in standing,
    )
    answering.take(SETTINGS)
    answering.faults.extend(_folder_faults(answering, path, standing))
    if answering.faults:
        answering.faults.extend(faults_for_rows(answering))
    answering.require()
    values = _settings(answering.answers, environ, standing)
    _require_kept(path, values)
    _configure(environ, standing | values)
    from portal.setup.finishing import finish  # it needs the settings

    return finish(answering, options, path, values)


def _from_stdin(options: Mapping[str, Any]) -> dict[str, str]:
    if not options["password_stdin"]:
        return {}
    return {PASSWORD: sys.stdin.readline().rstrip("\r\n")}


def _folder_faults(
    answering: Answering, path: Path | None, standing: Mapping[str, str]
) -> list[str]:
    """Look at folders that follow from the answers; a fault of VAR's own is named by now."""
    var = Path(answering.answers["var"])
    to_write = path if answering.is_new else None
    return folder_faults(to_write, var, {**standing, **answering.environ})


def _settings(
    answers: Mapping[str, str], environ: Mapping[str, str], standing: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings to keep in the file.

    An environment with the secret key is where the installation keeps its settings, so what it has
    isn't written a second time.
    """
    values = {
        question.variable: answers[question.name]
        for question in SETTINGS
        if question.name in answers
    }
    hosts = dict.fromkeys((host_of(answers["base_url"]), "127.0.0.1", "localhost"))
    values["WEIGHTGATE_ALLOWED_HOSTS"] = ",".join(hosts)
    if KEY not in environ:
        # An installation without a pepper has the secret key for it, and its tokens with that.
        pepper = standing.get(KEY) or secrets.token_urlsafe(64)
        return {PEPPER: pepper} | values | {KEY: standing.get(KEY) or secrets.token_urlsafe(64)}
    return {name: value for name, value in values.items() if name not in environ}


def _require_kept(path: Path | None, values: Mapping[str, str]) -> None:
    if path is None and values:
        raise Unanswered(
            [f"{env_file.NAMED_BY} is empty: without a file, set {', '.join(values)} yourself."]
        )


def _configure(environ: MutableMapping[str, str], values: Mapping[str, str]) -> None:
    """Start Django on these settings; the environment's own win."""
    if settings.configured:
        return
    for name, value in values.items():
        environ.setdefault(name, value)
    environ[env_file.NAMED_BY] = ""  # it is read by now
    environ["WEIGHTGATE_DB_POOL"] = "0"  # a pool would hide why there is no connection
    environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
