"""The lab, its team and its models, among which the cases are spread."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import DomainError
from portal.synthetic.agenda import Act, Agenda


@dataclass
class SyntheticWorld:
    """Everybody and everything that cases draw on. ``refused`` counts acts that were refused."""

    seed: int
    begins: datetime
    ends: datetime
    agenda: Agenda
    operator: User
    heads: list[User]
    reviewers: list[User]
    gated: list[ModelRepo]
    licensed: ModelRepo
    refused: Counter[str] = field(default_factory=Counter)

    def draws(self, *names: object) -> random.Random:
        """Return draws of this name alone, which stay the same whatever else is drawn."""
        return random.Random(":".join(map(str, (self.seed, *names))))  # noqa: S311, no secret

    def attempt(self, act: Callable[..., Any], **arguments: Any) -> Any:
        """Call a service. A refusal is a part of life: it is counted, and changes nothing."""
        try:
            with transaction.atomic():
                return act(**arguments)
        except DomainError as error:
            self.refused[f"{act.__name__}: {error.code}"] += 1
            return None

    def later(
        self, draws: random.Random, act: Act, after: datetime, days: tuple[float, float]
    ) -> None:
        """Plan an act for a moment of a working day, so many days after another."""
        self.agenda.add(working_time(draws, after, days), act)


def working_time(draws: random.Random, after: datetime, days: tuple[float, float]) -> datetime:
    """Draw a moment of a working day, so many days after another."""
    at = after + timedelta(days=draws.uniform(*days))
    at += timedelta(days=max(0, 7 - at.weekday()) if at.weekday() >= 5 else 0)
    return max(after + timedelta(minutes=1), at.replace(hour=draws.randint(8, 17)))
