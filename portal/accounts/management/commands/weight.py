"""``manage.py weight``: list organizations with a weight of their own, and set one's."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.affiliations import organization_in_words
from portal.accounts.models import Organization, User
from portal.accounts.services.weights import set_organization_weight
from portal.errors import DomainError, FieldErrors


class Command(BaseCommand):
    help = "List the weights of organizations in the queue of hosted inference, or set one."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        listed = acts.add_parser("list", help="list the organizations whose weight isn’t 1")
        listed.add_argument("--json", action="store_true", help="print JSON")
        chosen = acts.add_parser("set", help="set an organization’s weight")
        chosen.add_argument("organization", metavar="ORGANIZATION", help="a ROR id or a whole name")
        chosen.add_argument("weight", type=int, help="how many times another’s share it has")
        chosen.add_argument("--as", dest="actor", required=True, metavar="USERNAME")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "list":
            self._list(is_json=options["json"])
        else:
            self._set(options)

    def _list(self, *, is_json: bool) -> None:
        organizations = Organization.objects.exclude(weight=1)
        rows = [
            {"name": organization.name, "ror": organization.ror_url, "weight": organization.weight}
            for organization in organizations
        ]
        if is_json:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['weight']}\t{row['name']}\t{row['ror']}")
        self.stdout.write("All others have weight 1." if rows else "All have weight 1.")

    def _set(self, options: dict[str, Any]) -> None:
        actor = User.objects.filter(username=options["actor"]).first()
        if actor is None:
            raise CommandError(f"There is no account {options['actor']}.")
        organization = organization_in_words(options["organization"])
        if organization is None:
            raise CommandError(
                f"No one organization is called {options['organization']}. Give its ROR id."
            )
        weight = options["weight"]
        try:
            is_new = set_organization_weight(
                actor=actor, organization=organization, weight=weight, now=timezone.now()
            )
        except FieldErrors as error:
            raise CommandError(f"weight: {error.errors['weight']}") from error
        except DomainError as error:
            raise CommandError(error.message) from error
        since = "now" if is_new else "already. Nothing changed"
        self.stdout.write(f"{organization} has weight {weight} {since}.")
