"""Show and set how a model's team works: quorum, days, minutes, members, chair."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from portal.access.gate.chair import choose_chair
from portal.access.gate.settings import RANGES, SWITCHES, gate_values, save_gate
from portal.access.policy.gate_settings import settings_of
from portal.catalog.management.lookups import account_named, repo_named
from portal.catalog.models import ModelRepo
from portal.errors import DomainError, FieldErrors


class Command(BaseCommand):
    help = "Show a gate’s settings as JSON, or change them."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        shown = acts.add_parser("show", help="print the settings as JSON")
        shown.add_argument("repo", metavar="NS/NAME")
        changed = acts.add_parser("set", help="change settings; the others stay as they are")
        changed.add_argument("repo", metavar="NS/NAME")
        changed.add_argument("--as", dest="actor", required=True, metavar="USERNAME")
        for name, (least, most) in RANGES.items():
            words = f"{least:,} to {most:,}"
            changed.add_argument(_option(name), type=int, metavar="N", help=words)
        for name in sorted(SWITCHES):
            changed.add_argument(_option(name), choices=("yes", "no"))
        changed.add_argument("--chair", metavar="USERNAME", help="of the team; “none” for nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        repo = repo_named(options["repo"])
        before = _values(repo)
        if options["act"] == "show":
            self.stdout.write(json.dumps(before, indent=2))
            return
        actor, now = account_named(options["actor"]), timezone.now()
        try:
            with transaction.atomic():
                save_gate(actor=actor, repo_id=repo.pk, values=_chosen(options), now=now)
                if chair := options["chair"]:
                    named = "" if chair == "none" else chair
                    choose_chair(actor=actor, repo_id=repo.pk, person=named, now=now)
        except FieldErrors as error:
            lines = (f"{_option(name)}: {text}" for name, text in error.errors.items())
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self._report(before, _values(repo_named(options["repo"])))

    def _report(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        changed = [name for name in after if after[name] != before[name]]
        for name in changed:
            self.stdout.write(f"{name}: {before[name]!r} is now {after[name]!r}")
        if not changed:
            self.stdout.write("Nothing differs from before.")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _values(repo: ModelRepo) -> dict[str, Any]:
    settings = settings_of(repo)
    chair = settings.chair.username if settings.chair else ""
    return dict(sorted(gate_values(settings, repo).items())) | {"chair": chair}


def _chosen(options: dict[str, Any]) -> dict[str, int | bool]:
    numbers = {name: options[name] for name in RANGES if options[name] is not None}
    switches = {name: options[name] == "yes" for name in SWITCHES if options[name] is not None}
    return {**numbers, **switches}
