"""List `manage.py setup` among the commands, and run it where settings are loaded."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.errors import DomainError
from portal.setup import command
from portal.setup.answering import Unanswered


class Command(BaseCommand):
    help = command.DESCRIPTION
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(command.run(options, os.environ, None))
        except (DomainError, Unanswered) as error:
            raise CommandError(str(error)) from error
