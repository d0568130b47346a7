"""The demo's accounts, named by role; those in demo.json have a token of all their scopes."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password

from portal.accounts.models import AccessToken, Namespace, User
from portal.accounts.services import create_lab, create_user, issue_token, let_publish
from portal.accounts.tokens.scopes import scopes_of
from portal.accounts.tokens.secrets import known_hashes
from portal.catalog.models import ModelRepo, TeamMember
from portal.catalog.services.repos import add_team_member
from portal.demo.cast import ACCOUNTS, OTHERS
from portal.demo.models import LAB

Account = dict[str, str]


def seed_person(role: str, known: Account, now: datetime) -> Account:
    """Create the account of a role if there is none. Return it with its password."""
    user = User.objects.filter(username=role).first()
    password = known.get("password", "") or secrets.token_urlsafe(12)
    if user is None:
        user = create_user(
            username=role,
            email=ACCOUNTS[role].email,
            name=ACCOUNTS[role].name,
            password=password,
            now=now,
            email_verified=True,
            is_superuser=role == "operator",
        )
    elif not known.get("password"):
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"username": role, "email": user.email, "password": password}


def seed_others(known: dict[str, Account], now: datetime) -> dict[str, Account]:
    """Create the other accounts. They share one password, since each hash takes a while."""
    password = next((account["password"] for account in known.values()), secrets.token_urlsafe(12))
    standing = set(User.objects.filter(username__in=OTHERS).values_list("username", flat=True))
    for role in OTHERS.keys() - standing:
        create_user(
            username=role,
            email=OTHERS[role].email,
            name=OTHERS[role].name,
            password=None,
            now=now,
            email_verified=True,
        )
    if not known or OTHERS.keys() - standing:
        User.objects.filter(username__in=OTHERS).update(password=make_password(password))
    return {
        role: {"username": role, "email": account.email, "password": password}
        for role, account in OTHERS.items()
    }


def seed_token(role: str, known: str, now: datetime) -> str:
    """Return the role's token, if it lasts for a week; else a new one of all scopes it may use."""
    user = User.objects.get(username=role)
    lasting = AccessToken.objects.usable_at(now + timedelta(days=7))
    # Looking it up isn't using it: ``token_from_secret`` would say that it is used in a week.
    if not lasting.filter(secret_hash__in=known_hashes(known)).exists():
        scopes = [str(scope) for scope in scopes_of(user)]
        _, known = issue_token(owner=user, name="demo", scopes=scopes, days=365, now=now)
    return known


def seed_lab(operator: User, now: datetime) -> None:
    if not Namespace.objects.filter(name=LAB).exists():
        create_lab(actor=operator, name=LAB, title="Example Lab", now=now)


def seed_rights(operator: User, gated: ModelRepo, now: datetime) -> None:
    """Let publishers publish in their namespaces, and add the reviewer to the gated repo's team."""
    for role in ("publisher", "publisher2"):
        person = User.objects.get(username=role)
        let_publish(actor=operator, namespace=person.namespace, user=person, now=now)
    add_team_member(
        actor=operator,
        repo_id=gated.pk,
        user=User.objects.get(username="reviewer"),
        role=TeamMember.Role.ADMINISTRATOR,
        now=now,
    )
