"""``manage.py lab``: list the labs, or make one."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.models import Namespace
from portal.accounts.services import create_lab
from portal.catalog.management.lookups import account_named
from portal.errors import DomainError


class Command(BaseCommand):
    help = "List the labs of this site, or make one."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        listing = actions.add_parser("list", help="list the labs")
        listing.add_argument("--json", action="store_true", help="print JSON")
        create = actions.add_parser("create", help="make a lab, as an operator")
        create.add_argument("name", help="the first part of its models’ names")
        create.add_argument("--title", required=True, help="what people read")
        create.add_argument("--as", dest="actor", required=True, metavar="USERNAME")
        create.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "create":
            lab = self._create(options)
            self._print([lab], options["json"], f"{lab.name} is made: {lab.display_name}.")
            return
        self._print(Namespace.objects.labs(), options["json"])

    def _create(self, options: dict[str, Any]) -> Namespace:
        actor, now = account_named(options["actor"]), timezone.now()
        try:
            return create_lab(actor=actor, name=options["name"], title=options["title"], now=now)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _print(self, labs: Any, is_json: bool, sentence: str = "") -> None:
        rows = [{"name": lab.name, "title": lab.display_name} for lab in labs]
        if is_json:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
        elif sentence:
            self.stdout.write(sentence)
        else:
            for row in rows:
                self.stdout.write(f"{row['name']}\t{row['title']}")
