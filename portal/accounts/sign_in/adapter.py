"""Adapt allauth: names share one space, attempts are counted, and mail goes by the outbox."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core.internal.ratelimit import get_ip
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from portal.accounts.affiliations import addresses_of
from portal.accounts.errors import AddressTaken, NameTaken
from portal.accounts.models import Namespace, User
from portal.accounts.names import validate_namespace
from portal.accounts.services import claim_username, keep_language
from portal.accounts.services.holding import address_confirmed, change_password
from portal.accounts.sign_in.login_attempts import (
    account_meant,
    count_anywhere,
    forget_anywhere,
    remember_network,
)
from portal.client_ip import client_ip
from portal.outbox.budget import is_spent_for
from portal.outbox.services import queue_mail
from portal.text.languages import ENGLISH, language_of
from portal.text.lines import as_line, line_fault

ADDRESS_CONSTRAINT = "address_any_case"
# Letters that go to whatever address a stranger types.
UNASKED = frozenset(
    {
        "email_confirmation_signup",
        "account_already_exists",
        "unknown_account",
        "password_reset_key",
    }
)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's hooks, each with the portal's own rule."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _(
            "That address and password don’t go together. Check both, or reset the password"
        ),
        "username_password_mismatch": _(
            "That name and password don’t go together. Check both, or reset the password"
        ),
        "username_taken": _("That name is taken. Choose another"),
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:
        username = super().clean_username(username, shallow=shallow)
        validate_namespace(username)
        if not shallow and Namespace.objects.filter(name__iexact=username).exists():
            raise ValidationError(self.error_messages["username_taken"])
        return username

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Save an account with its namespace, or neither, if another takes the name meanwhile."""
        user.name = form.cleaned_data["name"]
        user.language = get_language() or ENGLISH
        try:
            with transaction.atomic():
                saved: User = super().save_user(request, user, form, commit=commit)
                claim_username(user=saved, now=timezone.now())
        except ValidationError as error:
            raise NameTaken(user.username) from error
        except IntegrityError as error:
            if ADDRESS_CONSTRAINT in str(error):
                raise AddressTaken from error
            raise NameTaken(user.username) from error
        return saved

    def set_password(self, user: User, password: str) -> None:
        change_password(person=user, password=password, now=timezone.now())

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which attempts are counted; allauth knows no proxy on a socket."""
        return client_ip(request) or super().get_client_ip(request)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """Return the letter’s link, with the page that led to signing up for another browser."""
        url: str = super().get_email_confirmation_url(request, emailconfirmation)
        page = get_next_redirect_url(request)
        return f"{url}?{urlencode({'next': page})}" if page else url

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue a letter, within the rate limits of its address and its sender."""
        kind, now = template_prefix.rsplit("/", 1)[-1], timezone.now()
        if kind in UNASKED and is_spent_for(email, now):
            return  # the page looks the same, or it would show who has an account
        user = context.get("user")
        person = user if isinstance(user, User) else None
        language = language_of(person) if person and person.language else get_language() or ENGLISH
        with override(language):
            message = self.render_mail(template_prefix, email, context)
        queue_mail(
            key=f"account-{secrets.token_hex(12)}",
            kind=kind,
            recipient=person,
            address=email,
            subject=message.subject,
            text=str(message.body),
            language=language,
            is_secret=True,
            sender=person if kind == "email_confirmation" else None,
            now=now,
        )

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        with transaction.atomic():
            confirmed: bool = super().confirm_email(request, email_address)
            if confirmed:
                person = email_address.user
                address_confirmed(person=person, email=email_address.email, now=timezone.now())
        if confirmed and request.user == person:
            update_session_auth_hash(request, person)  # all other sessions end
        return confirmed

    def get_http_user_agent(self, request: HttpRequest) -> str:
        """Return the browser's name for a notice, if what the client sent is a proper line."""
        agent = as_line(str(super().get_http_user_agent(request)))
        return agent if not line_fault(agent) else "Unspecified"

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return f"{account_meant(credentials)}:{get_ip(request)}"

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        super()._delete_login_attempts_cached_email(request, **credentials)
        forget_anywhere(request, account_meant(credentials))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt in its network, as allauth does, and in all networks together."""
        super().pre_authenticate(request, **credentials)
        counted = count_anywhere(request, account_meant(credentials))
        if counted is None:
            raise self.validation_error("too_many_login_attempts")
        self._login_failed_rl_usage.usage += counted.usage  # taken back together, on success

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        person: User | None = super().authenticate(request, **credentials)
        if person is not None:
            remember_network(request, account_meant(credentials))
            keep_language(person=person, language=get_language() or ENGLISH)
        return person

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """Keep the last proved address, so that a lost password can still be reset."""
        proved = EmailAddress.objects.filter(user=email_address.user_id, verified=True)
        if email_address.verified and not proved.exclude(pk=email_address.pk).exists():
            return False
        return bool(super().can_delete_email(email_address))

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Send a notice to a proved address of the account; any other may be a stranger's."""
        proved = addresses_of(user)
        if proved:
            address = email if email in proved else proved[0]
            with_user = {"user": user, **(context or {})}
            super().send_notification_mail(template_prefix, user, with_user, address)
