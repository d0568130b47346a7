"""List and clear what the screening lists have on holders and members of grants."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from rest_framework import serializers

from portal.access.errors import CheckNotFound
from portal.access.grants.checks.clearing import check_for, checks_of, clear_check
from portal.access.models import Screening
from portal.accounts.models import Scope
from portal.api.base.fields import PersonOutput, TextInput
from portal.api.base.operations import Call, listing, operation
from portal.api.grants.serializers import HitOutput


class CheckOutput(serializers.ModelSerializer[Screening]):
    """A hit of the lists on the holder or a member of a grant. ``is_held``: it opens nothing until
    a person has given their word."""

    person = PersonOutput()
    repo = serializers.CharField(source="under.repo.full_name")
    grant_id = serializers.IntegerField(source="under.pk")
    membership_id = serializers.IntegerField(allow_null=True)
    is_held = serializers.BooleanField(source="right.is_held")
    hits = HitOutput(many=True)

    class Meta:
        model = Screening
        fields = (
            "id",
            "person",
            "repo",
            "grant_id",
            "membership_id",
            "is_held",
            "outcome",
            "hits",
            "screened_at",
            "due_at",
            "disposition",
            "disposed_at",
        )


def _within(call: Call, found: QuerySet[Screening]) -> QuerySet[Screening]:
    """Narrow to the repos that the token is for: a check hangs on its grant or its membership."""
    if call.token is None or call.token.repo_ids is None:
        return found
    repos = call.token.repo_ids
    return found.filter(Q(grant__repo__in=repos) | Q(membership__grant__repo__in=repos))


def _check(call: Call, screening_id: int) -> Screening:
    if not _within(call, Screening.objects.filter(pk=screening_id)).exists():
        raise CheckNotFound
    return check_for(call.person, screening_id, call.now)


@listing(Scope.REVIEW, CheckOutput)
def list_checks(call: Call) -> QuerySet[Screening]:
    """List the open checks of the models that one administers, the earliest due first."""
    return _within(call, checks_of(call.person, call.now))


@operation(Scope.REVIEW, gives=CheckOutput)
def show_check(call: Call, screening_id: int) -> Screening:
    """Show what the lists have on somebody who signed."""
    return _check(call, screening_id)


@operation(
    Scope.REVIEW,
    gives=CheckOutput,
    takes=TextInput,
    example={"text": "Another person of the same name; the birth year differs."},
)
def clear(call: Call, screening_id: int) -> Screening:
    """Clear a check: what was held begins, or opens again. What can’t be cleared is ended."""
    _check(call, screening_id)
    clear_check(actor=call.person, screening_id=screening_id, text=call.data["text"], now=call.now)
    return _check(call, screening_id)
