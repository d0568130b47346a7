"""``manage.py people``: list the people of a lab, give and take roles, and invite by mail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.access.letters.people import waiting_invitations
from portal.access.people.invitations import Invited, invite_operator, invite_to_lab
from portal.access.people.listing import lab_person, people_of
from portal.access.people.operators import take_operator
from portal.access.people.roles import NOBODY, LabRole, take_role
from portal.accounts.affiliations import find_person
from portal.accounts.models import Namespace
from portal.catalog.management.lookups import account_named
from portal.errors import DomainError

OPERATOR = "operator"
LAB_ROLES = list(LabRole.values)


class Command(BaseCommand):
    help = "List the people of a lab, give and take their roles, and invite others by mail."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        listing = actions.add_parser("list", help="list the people of a lab, and who is invited")
        listing.add_argument("lab", metavar="NAMESPACE")
        listing.add_argument("--json", action="store_true", help="print JSON")
        invite = actions.add_parser(
            "invite", help="give a role to an account, or invite an address to it by mail"
        )
        _add_change(invite, "a username or an e-mail address", [*LAB_ROLES, OPERATOR])
        give = actions.add_parser("give", help="give a role to somebody with an account")
        _add_change(give, "a username or a confirmed e-mail address", [*LAB_ROLES, OPERATOR])
        take = actions.add_parser("take", help="take a role")
        _add_change(take, "a username", [*LAB_ROLES, OPERATOR])

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], None]] = {
            "list": self._list,
            "invite": self._invite,
            "give": self._give,
            "take": self._take,
        }
        try:
            actions[options["action"]](options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _list(self, options: dict[str, Any]) -> None:
        lab = _lab_named(options["lab"])
        people = [lab_person(user) for user in people_of(lab)]
        rows = [
            {
                "username": person.user.username,
                "name": person.user.display_name,
                "roles": [str(role) for role in person.roles],
                "models": {seat.repo.full_name: seat.role for seat in person.seats},
            }
            for person in people
        ]
        waiting = [
            {"email": row.invitation.email, "role": row.invitation.role, "state": row.state}
            for row in waiting_invitations(lab, timezone.now())
        ]
        if options["json"]:
            content = {"people": rows, "invitations": waiting}
            self.stdout.write(json.dumps(content, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['username']}\t{', '.join(row['roles']) or 'single models'}")
        for invited in waiting:
            self.stdout.write(f"{invited['email']}\tinvited as {invited['role']}")

    def _invite(self, options: dict[str, Any]) -> None:
        self._say(options, _invited(options).words)

    def _give(self, options: dict[str, Any]) -> None:
        _require_place(options)
        user = find_person(options["person"])
        if user is None:
            raise CommandError(f"{NOBODY} To invite an address by mail, use `people invite`.")
        since = "now" if _invited(options).is_new else "already. Nothing changed"
        self._say(options, f"{user.username} is {options['role']} {since}.")

    def _take(self, options: dict[str, Any]) -> None:
        actor, now = account_named(options["actor"]), timezone.now()
        username, role = options["person"], options["role"]
        lab = _require_place(options)
        if lab is None:
            take_operator(actor=actor, username=username, now=now)
        else:
            take_role(actor=actor, namespace_id=lab.pk, username=username, role=role, now=now)
        self._say(options, f"{username} is {role} no more.")

    def _say(self, options: dict[str, Any], sentence: str) -> None:
        said = json.dumps({"message": sentence}, ensure_ascii=False)
        self.stdout.write(said if options["json"] else sentence)


def _add_change(parser: CommandParser, person: str, roles: list[str]) -> None:
    parser.add_argument("person", metavar="PERSON", help=person)
    parser.add_argument("--role", required=True, choices=roles)
    parser.add_argument("--lab", metavar="NAMESPACE", help="in which lab; none for operators")
    parser.add_argument(
        "--as", dest="actor", required=True, metavar="USERNAME", help="whose act it is"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _invited(options: dict[str, Any]) -> Invited:
    """Give the role, or invite to it, in the name of ``--as``."""
    actor, person, now = account_named(options["actor"]), options["person"], timezone.now()
    lab, role = _require_place(options), options["role"]
    if lab is None:
        return invite_operator(actor=actor, person=person, now=now)
    return invite_to_lab(actor=actor, namespace_id=lab.pk, person=person, role=role, now=now)


def _require_place(options: dict[str, Any]) -> Namespace | None:
    """Return the lab of the role, or None for an operator's, which is in none."""
    if options["role"] == OPERATOR and options["lab"]:
        raise CommandError("Leave --lab out: an operator operates the whole site, not one lab.")
    if options["role"] == OPERATOR:
        return None
    if not options["lab"]:
        raise CommandError(
            f"Say in which lab, as in --lab NAMESPACE: {options['role']} is a role there."
        )
    return _lab_named(options["lab"])


def _lab_named(name: str) -> Namespace:
    lab: Namespace | None = Namespace.objects.filter(name__iexact=name).first()
    if lab is None:
        raise CommandError(
            f"There is no lab {name}. List them with `manage.py lab list`, or make it with "
            f"`manage.py lab create {name}`."
        )
    return lab
