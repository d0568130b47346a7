"""Find what a command's arguments name."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import CommandError

from portal.accounts.models import User
from portal.catalog.models import ModelRepo


def account_named(username: str) -> User:
    account = User.objects.filter(username=username).first()
    if account is None:
        raise CommandError(f"There is no account {username}.")
    return account


def repo_named(full_name: str) -> ModelRepo:
    """Return the repo. Raises CommandError, which says how one is made."""
    repo = ModelRepo.objects.named(full_name).with_names().first()
    if repo is None:
        raise CommandError(
            f"There is no repo {full_name}. Make it with "
            f"`HF_ENDPOINT={settings.BASE_URL} hf repos create {full_name}`, then try again."
        )
    return repo
