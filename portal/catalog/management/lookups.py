"""Find what a command's arguments name, and read the files among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import Invalid


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
            f"`manage.py model create {full_name} --as USERNAME`, or "
            f"`HF_ENDPOINT={settings.BASE_URL} hf repos create {full_name}`, then try again."
        )
    return repo


@contextmanager
def reading(file: Path, *, form: str) -> Iterator[None]:
    """Raise CommandError for a file that isn't there, can't be opened, or isn't of this form."""
    try:
        yield
    except FileNotFoundError:
        raise CommandError(f"There is no file {file}. Check its path.") from None
    except OSError as error:
        raise CommandError(f"{file} can’t be opened: {error.strerror}.") from error
    except (UnicodeDecodeError, Invalid) as error:
        raise CommandError(f"{file} can’t be read as {form}: {error}") from error
