"""Make accounts and tokens for scripts, where nobody opens a browser."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.models import Scope, User
from portal.accounts.services import create_user, issue_token
from portal.catalog.management.lookups import account_named
from portal.errors import DomainError, FieldErrors


class Command(BaseCommand):
    help = "Make an account whose address you vouch for, or a token of an account."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        made = acts.add_parser("create", help="make an account; its address counts as proved")
        made.add_argument("username")
        made.add_argument("--email", required=True, metavar="ADDRESS")
        made.add_argument("--name", required=True, help="as they sign agreements")
        made.add_argument(
            "--password-stdin", action="store_true", help="else they set one by a letter"
        )
        token = acts.add_parser("token", help="make a token, and print its secret once")
        token.add_argument("username")
        token.add_argument("--name", required=True, help="where it is used")
        token.add_argument("--scopes", required=True, metavar="A,B", help=", ".join(Scope.values))
        token.add_argument("--days", type=int, default=30, help=f"1 to {settings.TOKEN_MAX_DAYS}")
        for act in (made, token):
            act.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            printed = _create(options) if options["act"] == "create" else _token(options)
        except ValidationError as error:
            raise CommandError("\n".join(_lines(error))) from error
        except FieldErrors as error:
            lines = (f"{name}: {text}" for name, text in error.errors.items())
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(printed) if options["json"] else " ".join(printed.values()))


def _create(options: dict[str, Any]) -> dict[str, str]:
    password = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None
    said = {"username": options["username"], "name": options["name"]}
    if password is not None:
        validate_password(password, User(email=options["email"], **said))
    _require_free(said["username"], options["email"])
    user = create_user(
        **said,
        email=options["email"],
        password=password,
        now=timezone.now(),
        email_verified=True,
    )
    return {"username": user.username}


def _require_free(username: str, email: str) -> None:
    if User.objects.filter(username__iexact=username).exists():
        raise FieldErrors({"username": f"The name {username} is taken. Choose another."})
    if User.objects.filter(email__iexact=email).exists():
        raise FieldErrors({"email": f"{email} belongs to another account. Give another address."})


def _token(options: dict[str, Any]) -> dict[str, str]:
    """Make a token; its secret is all that is printed, so that a script can take it."""
    scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
    _, secret = issue_token(
        owner=account_named(options["username"]),
        name=options["name"],
        scopes=scopes,
        days=options["days"],
        now=timezone.now(),
    )
    return {"secret": secret}


def _lines(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return [f"password: {text}" for text in error.messages]
    fields = error.message_dict.items()
    return [f"{name}: {text}" for name, texts in fields for text in texts]
