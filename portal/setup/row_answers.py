"""The answers that become rows, as far as they can be looked at before there is a database."""

from __future__ import annotations

from collections.abc import Mapping

from portal.errors import DomainError
from portal.setup.answering import Answering
from portal.setup.checks import Check, account_name, line, mailbox

PASSWORD = "WEIGHTGATE_SETUP_PASSWORD"  # noqa: S105, a variable's name
ROW_ANSWERS = {
    "operator": ("WEIGHTGATE_SETUP_OPERATOR", "user name of the operator"),
    "email": ("WEIGHTGATE_SETUP_EMAIL", "the operator’s e-mail address"),
    "name": ("WEIGHTGATE_SETUP_NAME", "the operator’s full name"),
    "namespace": ("WEIGHTGATE_SETUP_NAMESPACE", "the lab’s namespace"),
    "title": ("WEIGHTGATE_SETUP_TITLE", "the lab’s name in full"),
    "publisher": ("WEIGHTGATE_SETUP_PUBLISHER", "who publishes there: the operator where unset"),
}
SHAPES: Mapping[str, Check] = {
    "operator": account_name,
    "email": mailbox,
    "name": line,
    "namespace": account_name,
    "title": line,
}
"""The checks of these answers that need neither settings nor a database."""


def faults_for_rows(answering: Answering) -> list[str]:
    """Name what can't be among them, and for a new installation what is missing too.

    Whether a name is taken, and a password too weak, is looked at once the database answers.
    """
    malformed = [
        f"--{name} or {ROW_ANSWERS[name][0]}: {fault}"
        for name, check in SHAPES.items()
        if (fault := _fault_in(answering.said(name, ROW_ANSWERS[name][0]), check))
    ]
    return malformed + (_missing(answering) if answering.is_new else [])


def _fault_in(answer: str | None, check: Check) -> str:
    try:
        if answer is not None:
            check(answer, {})
    except DomainError as error:
        return error.message
    return ""


def _missing(answering: Answering) -> list[str]:
    needed = {name: ROW_ANSWERS[name] for name in ("operator", "email", "name", "namespace")}
    missing = [
        f"{words[0].upper()}{words[1:]} is missing: give --{name} or {variable}."
        for name, (variable, words) in needed.items()
        if answering.said(name, variable) is None
    ]
    if not answering.said("password", PASSWORD):
        missing.append(f"The operator’s password is missing: give {PASSWORD} or --password-stdin.")
    return missing
