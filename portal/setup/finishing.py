"""Ask for the rows that are missing, make everything, and say what was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils import timezone

from portal.setup import making
from portal.setup.answering import Answering
from portal.setup.installation import Installation, read_installation, unreachable
from portal.setup.making import Report
from portal.setup.next_steps import as_text, next_steps
from portal.setup.people import LAB, NAMESPACE, OPERATOR, PUBLISHER, TITLE
from portal.setup.row_answers import faults_for_rows


def finish(
    answering: Answering, options: Mapping[str, Any], path: Path | None, values: Mapping[str, str]
) -> str:
    """Make what is missing, and return what to print. Raises Unanswered, or another refusal."""
    answering.faults.extend(unreachable())
    if answering.faults:
        answering.faults.extend(faults_for_rows(answering))
    answering.require()
    installation = read_installation()
    _take_rows(answering, installation)
    answering.require()
    report, is_dry = Report(), bool(options["dry_run"])
    if path is not None:
        making.make_file(path, values, report, is_dry=is_dry)
    making.make_tables(installation, report, is_dry=is_dry)
    if is_dry and installation.pending_migrations:
        making.plan_rows(installation, answering.answers, report)
    else:
        making.make_rows(installation, answering.answers, timezone.now(), report, is_dry=is_dry)
    making.make_keys(report, is_dry=is_dry)
    labs = [*installation.labs, *_new_lab(answering, installation)]
    steps = next_steps(env_path=path, labs=labs)
    if options["json"]:
        return json.dumps(_as_data(report, answering, steps, is_dry=is_dry), indent=1)
    return _as_lines(report, answering, is_dry=is_dry) + "\n" + as_text(steps, is_dry=is_dry)


def _take_rows(answering: Answering, installation: Installation) -> None:
    """Ask for an operator and a namespace where there is none yet.

    A namespace that a flag or variable names is made beside others too. One that is there gets the
    publisher that is named as well: who had the right and gave it up doesn't get it back unasked.
    """
    named = answering.said(NAMESPACE.name, NAMESPACE.variable)
    if not installation.operators:
        answering.take(OPERATOR)
    else:
        _note_other_operator(answering, installation)
    if named in installation.labs:
        answering.answers["namespace"] = str(named)
        if answering.said(PUBLISHER.name, PUBLISHER.variable) is not None:
            answering.take((PUBLISHER,))
        if answering.said(TITLE.name, TITLE.variable) is not None:
            answering.notes.append(f"{named} is there already, and keeps the title that it has.")
    elif named is not None or not installation.labs:
        answering.take(LAB)


def _note_other_operator(answering: Answering, installation: Installation) -> None:
    operator = answering.said("operator", "WEIGHTGATE_SETUP_OPERATOR") or installation.operators[0]
    if operator in installation.operators:
        answering.answers["operator"] = operator
        return
    answering.answers["operator"] = installation.operators[0]
    answering.notes.append(
        f"{operator} was not made an operator: {', '.join(installation.operators)} can do that, "
        f"on /operators or by `manage.py people invite {operator} --role operator`, which takes an "
        "address too."
    )


def _new_lab(answering: Answering, installation: Installation) -> list[str]:
    name = answering.answers.get("namespace")
    return [name] if name and name not in installation.labs else []


def _as_data(
    report: Report, answering: Answering, steps: dict[str, Any], *, is_dry: bool
) -> dict[str, Any]:
    made = {"would_make" if is_dry else "made": report.made}
    return made | {"present": report.present, "notes": answering.notes, "next": steps}


def _as_lines(report: Report, answering: Answering, *, is_dry: bool) -> str:
    verb = "Would make" if is_dry else "Made"
    lines = [f"{verb} {words}." for words in report.made]
    lines += [f"Already there: {words}." for words in report.present]
    lines += [f"Note: {note}" for note in answering.notes]
    if is_dry or not report.made:
        lines.append("Nothing was changed.")
    return "\n".join(lines)
