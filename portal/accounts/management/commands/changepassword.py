"""Set a password on the machine, as Django does, and record it."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record


class Command(changepassword.Command):
    help = "Set the password of an account; it is asked for twice."

    def handle(self, *args: Any, **options: Any) -> str:
        username = options["username"] or getpass.getuser()
        with transaction.atomic():
            answer = str(super().handle(*args, **options))
            person = User.objects.get(username=username)
            record(EventType.PASSWORD_CHANGED, actor=None, target=person, at=timezone.now())
        return answer
