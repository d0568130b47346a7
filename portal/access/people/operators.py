"""Say who operates the site, as long as somebody does and each team can lift its holds.

Operators do that.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portal.access.gate.settings import require_still_able, teams_of
from portal.access.letters.people import send_operator_role_given
from portal.access.models import GateSettings
from portal.accounts.models import User
from portal.accounts.services import make_operator, stop_operating
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors


def let_operate(*, actor: User, user: User, now: datetime) -> bool:
    """Make a person an operator, who gets a letter. Return False where they are one already."""
    if user.is_operator:
        return False
    make_operator(actor=actor, user=user, now=now)
    if user != actor:
        send_operator_role_given(user, now)
    return True


@transaction.atomic
def take_operator(*, actor: User, username: str, now: datetime) -> None:
    """Take an operator's role, unless they are the last or a team needs them to lift holds."""
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        raise FieldErrors({"username": "No account has that username."})
    teams = teams_of(_repos_that_need_operators(user))
    stop_operating(actor=actor, user=user, now=now)
    require_still_able(teams, field="username", now=now)


def _repos_that_need_operators(leaving: User) -> QuerySet[ModelRepo]:
    """Select the models whose holds need so many people that an operator less may be felt."""
    rest = User.objects.operators().exclude(pk=leaving.pk).count()
    standing = ModelRepo.objects.filter(deleted_at=None).select_related("namespace").order_by("pk")
    default: int = GateSettings._meta.get_field("lift_quorum").default
    if rest < max(default, 2):
        return standing
    return standing.filter(gate_settings__lift_quorum__gt=rest)
