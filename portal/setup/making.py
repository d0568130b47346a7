"""Make what an installation lacks: the file, the tables, the rows, the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from portal import env_file
from portal.access.certificates import signing_key
from portal.accounts.models import Namespace, NamespaceRole, User
from portal.accounts.services import create_lab, let_publish
from portal.accounts.services.operators import complete_operator, create_operator
from portal.catalog.manifests.key import manifest_key
from portal.setup.checks import Answers
from portal.setup.installation import Installation


@dataclass
class Report:
    """A list of what was made, or would be, and one of what was there before."""

    made: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)


def make_file(path: Path, values: Mapping[str, str], report: Report, *, is_dry: bool) -> None:
    standing = env_file.read(path)
    names = [name for name in values if name not in standing]
    if not names:
        report.present.append(f"settings in {path}")
        return
    if not is_dry:
        path.parent.mkdir(parents=True, exist_ok=True)
        env_file.complete(path, values)
    report.made.append(f"{len(names)} settings in {path}")


def make_tables(installation: Installation, report: Report, *, is_dry: bool) -> None:
    if not installation.pending_migrations:
        report.present.append("the tables of the database")
        return
    if not is_dry:
        call_command("migrate", interactive=False, verbosity=0)
    report.made.append("the tables of the database")


def make_keys(report: Report, *, is_dry: bool) -> None:
    """Make the two signing keys at their usual places. Raises NoManifestKey, NoSigningKey."""
    keys = (
        (settings.MANIFEST_KEY_FILE, "the key that signs manifests", manifest_key),
        (settings.SIGNING_KEY_FILE, "the key that signs certificates", signing_key.certificate_pem),
    )
    for file, words, make in keys:
        (report.present if file.exists() else report.made).append(f"{words}, {file}")
        if not is_dry:
            make()


def make_rows(
    installation: Installation, answers: Answers, now: datetime, report: Report, *, is_dry: bool
) -> None:
    """Make operator, namespace and publisher in one transaction; a dry run takes it back."""
    with transaction.atomic():
        operator = _operator(installation, answers, now, report)
        _lab(operator, answers, installation.labs, now, report)
        transaction.set_rollback(is_dry)


def plan_rows(installation: Installation, answers: Answers, report: Report) -> None:
    """Say what `make_rows` would make, where there is no table yet to try it on."""
    operator = answers.get("operator") or installation.operators[0]
    is_new = operator not in installation.operators
    (report.made if is_new else report.present).append(f"the operator {operator}")
    report.present.extend(f"the namespace {lab}" for lab in installation.labs)
    namespace = answers.get("namespace")
    if namespace and namespace not in installation.labs:
        report.made.append(f"the namespace {namespace}")
        report.made.append(f"{answers['publisher'] or operator}’s right to publish in {namespace}")


def _operator(installation: Installation, answers: Answers, now: datetime, report: Report) -> User:
    if not installation.operators:
        operator = create_operator(
            username=answers["operator"],
            email=answers["email"],
            name=answers["name"],
            password=answers["password"],
            now=now,
        )
        report.made.append(f"the operator {operator}")
        return operator
    name = answers.get("operator", "")
    operators = User.objects.filter(username__in=installation.operators).order_by("pk")
    operator = operators.filter(username=name).first() or operators[0]
    report.present.append(f"the operator {operator}")
    report.made.extend(complete_operator(operator=operator, now=now))
    return operator


def _lab(
    operator: User, answers: Answers, labs: Sequence[str], now: datetime, report: Report
) -> None:
    report.present.extend(f"the namespace {lab}" for lab in labs)
    name = answers.get("namespace")
    if not name or (name in labs and "publisher" not in answers):
        return
    lab = Namespace.objects.labs().filter(name=name).first()
    if lab is None:
        lab = create_lab(actor=operator, name=name, title=answers["title"], now=now)
        report.made.append(f"the namespace {name}")
    publisher = User.objects.get(username=answers["publisher"] or operator.username)
    has_role = NamespaceRole.objects.filter(namespace=lab, user=publisher).exists()
    let_publish(actor=operator, namespace=lab, user=publisher, now=now)
    if not has_role:
        report.made.append(f"{publisher}’s right to publish in {name}")
