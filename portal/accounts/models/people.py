"""People, their namespaces and their access tokens. E-mail addresses are allauth's model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from portal.accounts.mailboxes import letter_address
from portal.accounts.managers import AccountManager
from portal.accounts.names import validate_name, validate_namespace
from portal.accounts.querysets import AccessTokenQuerySet, NamespaceQuerySet
from portal.text.lines import LineField

# Django's own, so that sessions from before the pepper go on.
SESSION_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


class User(AbstractUser):
    """A person. ``name`` is the name they sign with.

    ``proved_at``: when the person first proved an address, or reset the password since. Credentials
    that are older may be a stranger's, who signed up with their address, so they are void.
    ``language``: of pages and letters; "" until it is known.
    """

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    username = models.CharField(max_length=96, unique=True, validators=[validate_name])
    name = LineField(_("full name"), max_length=200)
    email = models.EmailField(_("e-mail address"), blank=True)
    proved_at = models.DateTimeField(null=True, editable=False)
    language = models.CharField(max_length=10, blank=True, default="", db_default="")

    REQUIRED_FIELDS = ["email", "name"]

    objects: ClassVar[AccountManager] = AccountManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="username_any_case"),
            models.UniqueConstraint(
                Lower("email"), name="address_any_case", condition=~models.Q(email="")
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.username

    def get_session_auth_hash(self) -> str:
        """Bind sessions to the password and to ``proved_at``, so that older ones end."""
        return self._session_hash(settings.TOKEN_PEPPER)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same hash under each former pepper."""
        yield from map(self._session_hash, settings.TOKEN_PEPPER_FALLBACKS)

    def _session_hash(self, pepper: str) -> str:
        """Hash the password under a pepper, which a rotation of the secret key leaves alone.

        Under the secret key, Django would give each session a new cookie at its first use after a
        rotation, and sign out whoever sends several requests with the old one at once.
        """
        hashed = salted_hmac(SESSION_SALT, self.password, secret=pepper, algorithm="sha256")
        proved = str(self.proved_at.timestamp()) if self.proved_at else ""
        return f"{hashed.hexdigest()}{proved}"

    @property
    def display_name(self) -> str:
        return self.name or self.username

    @property
    def is_operator(self) -> bool:
        return self.is_superuser and self.is_active

    @property
    def letter_address(self) -> str:
        """Return the address that mail goes to; see ``mailboxes``."""
        return letter_address(self)

    @property
    def has_verified_email(self) -> bool:
        return bool(EmailAddress.objects.filter(user=self, verified=True).exists())


class Namespace(models.Model):
    """The first part of ``namespace/name``; a person's own is their username."""

    name = models.CharField(max_length=96, validators=[validate_namespace])
    person = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="namespace",
    )
    title = LineField(max_length=200, blank=True)

    objects = NamespaceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="namespace_any_case")]

    def __str__(self) -> str:
        return self.name

    @property
    def display_name(self) -> str:
        return self.title or self.name


class NamespaceRole(models.Model):
    """The right to publish in a namespace. Nobody has it by merely having a username."""

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="namespace_roles"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "user"], name="one_role_each")]

    def __str__(self) -> str:
        return f"{self.user} publishes in {self.namespace}"


class Scope(models.TextChoices):
    """A scope of a token, which never allows more than its owner may do."""

    DOWNLOAD = "download", _("Download")
    INFER = "infer", _("Infer")
    PUBLISH = "publish", _("Publish")
    REVIEW = "review", _("Review")
    ADMIN = "admin", _("Administer")

    @property
    def words(self) -> str:
        """Its label, and the name by which programs know it, where the label doesn't say that."""
        label = str(self.label)
        return label if label.lower().startswith(self.value) else f"{label} ({self.value})"

    @classmethod
    def in_words(cls, scopes: Iterable[str]) -> str:
        return ", ".join(cls(scope).words for scope in scopes)


class AccessToken(models.Model):
    """A token by which a program acts for a person. Only a keyed hash of its secret is stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_tokens"
    )
    name = LineField(max_length=80)
    hint = models.CharField(max_length=12)
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope))
    repo_ids = ArrayField(models.BigIntegerField(), null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    def is_usable(self, now: datetime) -> bool:
        is_live = self.revoked_at is None and now < self.expires_at
        return is_live and self.user.is_active and self.user.proved_at is not None
