"""Issue, revoke and look up access tokens."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.errors import AddressNeeded, NoSuchToken, TooManyTokens, UnknownToken
from portal.accounts.letters import mail_new_token
from portal.accounts.models import AccessToken, Scope, User
from portal.accounts.tokens.scopes import scopes_of
from portal.accounts.tokens.secrets import is_well_formed, known_hashes, new_secret, secret_hash
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors

HUB_PREFIX = "hf_"
MAX_LIVE_TOKENS = 100  # of one person; more come from scripts that make one for each run
LAST_USE_RESOLUTION = timedelta(minutes=1)


def _wrong_scopes(scopes: list[str], usable: list[str], owner: User) -> str:
    """Say which scopes there are, or which of them the owner has no role for."""
    if not scopes:
        return _("Choose at least one of %(usable)s.") % {"usable": ", ".join(usable)}
    if unknown := sorted(set(scopes) - set(Scope.values)):
        return _("There is no scope %(unknown)s. There are %(scope)s.") % {
            "unknown": ", ".join(unknown),
            "scope": ", ".join(Scope.values),
        }
    lacking = sorted(set(scopes) - set(usable))
    return _(
        "%(username)s may not %(or)s yet: somebody of a lab gives the role for it. Until "
        "then, choose among %(usable)s."
    ) % {"username": owner.username, "or": " or ".join(lacking), "usable": ", ".join(usable)}


def _check_token(name: str, scopes: list[str], days: int, owner: User) -> None:
    errors: dict[str, str] = {}
    if not name.strip():
        errors["name"] = _(
            "Say where you will use the token, so that you know later which to revoke."
        )
    usable = [str(scope) for scope in scopes_of(owner)]
    if not scopes or not set(scopes) <= set(usable):
        errors["scopes"] = _wrong_scopes(scopes, usable, owner)
    if not 1 <= days <= settings.TOKEN_MAX_DAYS:
        errors["days"] = _("Choose 1 to %(token_max_days)s days.") % {
            "token_max_days": settings.TOKEN_MAX_DAYS
        }
    if not owner.is_active:
        errors["name"] = _("This account is closed, so it can’t have tokens.")
    if errors:
        raise FieldErrors(errors)


@transaction.atomic
def issue_token(
    *,
    owner: User,
    name: str,
    scopes: list[str],
    days: int,
    now: datetime,
    repo_ids: list[int] | None = None,
) -> tuple[AccessToken, str]:
    """Create a token and return it with its secret, which is stored nowhere.

    Raise AddressNeeded, TooManyTokens or FieldErrors.
    """
    # The lock on the account keeps a token from being made while its older ones are revoked.
    owner = User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    _require_proved(owner)
    _require_room(owner, now)
    _check_token(name, scopes, days, owner)
    secret = new_secret()
    token = AccessToken.objects.create(
        user=owner,
        name=name.strip()[:80],
        hint=secret[:7],
        secret_hash=secret_hash(secret),
        scopes=sorted(set(scopes)),
        repo_ids=repo_ids,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    record(
        EventType.TOKEN_ISSUED,
        actor=owner,
        target=token,
        at=now,
        scopes=token.scopes,
        expires_at=token.expires_at.isoformat(),
    )
    mail_new_token(token, now)
    return token, secret


@transaction.atomic
def revoke_token(*, owner: User, token_id: int, now: datetime) -> AccessToken:
    """End a token at once. Revoking it again changes nothing."""
    token = (
        AccessToken.objects.select_for_update(no_key=True).filter(pk=token_id, user=owner).first()
    )
    if token is None:
        raise NoSuchToken(_("You have no such token. It may be another account’s."))
    if token.revoked_at is None:
        _end(token, now)
        record(EventType.TOKEN_REVOKED, actor=owner, target=token, at=now)
    return token


@transaction.atomic
def revoke_all_tokens(*, owner: User, now: datetime) -> int:
    """End every token of an account; return how many were live."""
    tokens = AccessToken.objects.select_for_update(no_key=True).filter(user=owner, revoked_at=None)
    for token in tokens:
        _end(token, now)
        record(EventType.TOKEN_REVOKED, actor=owner, target=token, at=now)
    return len(tokens)


def _end(token: AccessToken, now: datetime) -> None:
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])


def _require_room(owner: User, now: datetime) -> None:
    if AccessToken.objects.usable_at(now).filter(user=owner).count() >= MAX_LIVE_TOKENS:
        raise TooManyTokens(MAX_LIVE_TOKENS)


def _require_proved(owner: User) -> None:
    if not owner.has_verified_email:
        raise AddressNeeded(
            _(
                "Confirm your address first: follow the link in the letter that we sent you. "
                "Then you can make tokens."
            )
        )


def token_from_secret(secret: str, *, now: datetime) -> AccessToken:
    """Return the usable token that a program presented. Raises UnknownToken.

    Clients that take the Hub's tokens alone, such as its JavaScript library, put ``hf_`` before.
    """
    secret = secret.removeprefix(HUB_PREFIX)
    if not is_well_formed(secret):
        raise UnknownToken
    token = (
        AccessToken.objects.usable_at(now)
        .select_related("user")
        .filter(secret_hash__in=known_hashes(secret))
        .first()
    )
    if token is None:
        raise UnknownToken
    _note_use(token, secret_hash(secret), now)
    return token


def _note_use(token: AccessToken, hashed: str, now: datetime) -> None:
    """Keep when it was last used, and move it to today's pepper, so that a former one can go."""
    changed: dict[str, datetime | str] = {}
    if token.last_used_at is None or now - token.last_used_at > LAST_USE_RESOLUTION:
        changed["last_used_at"] = now
    if token.secret_hash != hashed:
        changed["secret_hash"] = hashed
    if changed:
        AccessToken.objects.filter(pk=token.pk).update(**changed)
