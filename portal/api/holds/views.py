"""Holds: who is held back from what, for those who may place and lift them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from portal.access.errors import HoldNotFound
from portal.access.holds.holds import lift_hold, lift_quorum, place_hold, proposed
from portal.access.holds.impact import affected_by
from portal.access.holds.targets import subject_id, subject_words
from portal.access.models import Hold
from portal.accounts.models import Scope
from portal.api.base.fields import Input, Line, Output, PersonOutput, ReasonInput, Words
from portal.api.base.operations import Call, listing, operation
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors, Forbidden

RELATED = ("person", "organization", "revision__repo__namespace", "repo__namespace", "placed_by")


class PlaceInput(Input):
    scope = serializers.ChoiceField(choices=Hold.Scope.choices)
    subject = serializers.CharField(
        max_length=300,
        help_text="A username or confirmed address; an organization’s name or ROR id; a commit.",
    )
    repo = Line(required=False, help_text="namespace/name; without it the hold binds everywhere.")
    only_files = serializers.ListField(
        child=serializers.CharField(max_length=300),
        max_length=50,
        default=list,
        help_text="Of a revision: patterns of the paths whose bytes are held in every revision "
        "that has them; empty for the weights.",
    )
    reason = Words()
    dry_run = serializers.BooleanField(
        default=False, help_text="Tell what it would stop; place nothing."
    )


class HoldFilters(Input):
    view = serializers.ChoiceField(choices=["standing", "lifted"], default="standing")


class HeldRevisionOutput(Output):
    repo = serializers.CharField()
    commit = serializers.CharField()
    title = serializers.CharField()
    refs = serializers.ListField(child=serializers.CharField())


class ReachOutput(Output):
    files = serializers.IntegerField(help_text="How many files’ bytes it covers.")
    revisions = HeldRevisionOutput(many=True, help_text="The held ones that the caller may see.")
    revision_count = serializers.IntegerField()
    elsewhere = serializers.ListField(
        child=serializers.CharField(),
        help_text="Models that serve the same bytes, and aren’t held.",
    )


class AffectedOutput(Output):
    grants = serializers.IntegerField()
    people = serializers.IntegerField()
    jobs = serializers.IntegerField()
    reach = ReachOutput(allow_null=True, help_text="Of a hold on a revision.")


class HoldOutput(serializers.ModelSerializer[Hold]):
    id = serializers.IntegerField(allow_null=True, help_text="Null in a dry run.")
    repo = serializers.CharField(allow_null=True)
    subject = serializers.CharField()
    placed_by = PersonOutput(allow_null=True)
    placed_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Hold
        fields: tuple[str, ...] = (
            "id",
            "scope",
            "subject",
            "repo",
            "reason",
            "placed_by",
            "placed_at",
            "lifted_at",
        )


class LiftOutput(Output):
    person = PersonOutput()
    reason = serializers.CharField()
    given_at = serializers.DateTimeField()


class HoldDetailOutput(HoldOutput):
    """With what it stops, and who would lift it."""

    stops = AffectedOutput()
    lifts = LiftOutput(many=True)
    lift_quorum = serializers.IntegerField()

    class Meta(HoldOutput.Meta):
        fields = (*HoldOutput.Meta.fields, "stops", "lifts", "lift_quorum")


def _shown(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.pk,
        "scope": hold.scope,
        "subject": subject_words(hold),
        "repo": hold.repo.full_name if hold.repo else None,
        "reason": hold.reason,
        "placed_by": hold.placed_by if hold.placed_at else None,
        "placed_at": hold.placed_at,
        "lifted_at": hold.lifted_at,
    }


def shown(call: Call, rows: Sequence[Hold]) -> Sequence[dict[str, Any]]:
    return [_shown(each) for each in rows]


def in_full(call: Call, rows: Sequence[Hold]) -> Sequence[dict[str, Any]]:
    visible = ModelRepo.objects.visible_through(call.caller)
    return [
        {
            **_shown(each),
            "stops": affected_by(each, call.now, visible=visible),
            "lifts": each.lifts.select_related("person") if each.pk else [],
            "lift_quorum": lift_quorum(each),
        }
        for each in rows
    ]


def _manageable(call: Call) -> QuerySet[Hold]:
    if not ModelRepo.objects.administered_by(call.person).exists():
        raise Forbidden("Holds are for the people who administer a model.")
    mine = Hold.objects.manageable_by(call.person).select_related(*RELATED)
    return call.within(mine)


def _hold(call: Call, hold_id: int) -> Hold:
    found = _manageable(call).filter(pk=hold_id).first()
    if found is None:
        raise HoldNotFound
    return found


@listing(Scope.ADMIN, HoldOutput, filters=HoldFilters, prepare=shown)
def list_holds(call: Call) -> QuerySet[Hold]:
    """The holds that the caller manages, the newest first."""
    return _manageable(call).filter(lifted_at__isnull=call.queries["view"] == "standing")


@operation(Scope.ADMIN, gives=HoldDetailOutput, prepare=in_full)
def show_hold(call: Call, hold_id: int) -> Hold:
    """A hold, what it stops, and who would lift it."""
    return _hold(call, hold_id)


@operation(
    Scope.ADMIN,
    gives=HoldDetailOutput,
    takes=PlaceInput,
    prepare=in_full,
    errors=(404,),
    example={
        "scope": "person",
        "subject": "researcher",
        "repo": "lab/model",
        "reason": "A leak is looked into.",
        "dry_run": True,
    },
)
def place(call: Call) -> Hold:
    """Hold back a person, an organization or a revision, at once. A dry run tells what it stops."""
    _manageable(call)
    repo = _repo(call)
    asked = {
        "actor": call.person,
        "scope": call.data["scope"],
        "subject_id": subject_id(call.data["scope"], call.data["subject"], repo),
        "repo_id": repo.pk if repo else None,
        "only_files": call.data["only_files"],
        "now": call.now,
    }
    if not call.data["dry_run"]:
        return place_hold(**asked, reason=call.data["reason"])
    would = proposed(**asked)
    would.reason = call.data["reason"]
    return would


def _repo(call: Call) -> ModelRepo | None:
    """The named one; none for a hold on all models, which a token for some can’t place."""
    if "repo" not in call.data:
        if call.token is not None and call.token.repo_ids is not None:
            raise FieldErrors({"repo": "This token is for some models. Name one of them."})
        return None
    repo = find_repo(call.data["repo"], caller=call.caller)
    if not call.within(ModelRepo.objects.filter(pk=repo.pk), "pk").exists():
        raise FieldErrors({"repo": "This token is for other models. Name one of those."})
    return repo


@operation(
    Scope.ADMIN,
    gives=HoldDetailOutput,
    takes=ReasonInput,
    prepare=in_full,
    example={"reason": "Nothing was found."},
)
def lift(call: Call, hold_id: int) -> Hold:
    """Give one's word that a hold may end; at the quorum it does."""
    _hold(call, hold_id)
    lift_hold(actor=call.person, hold_id=hold_id, reason=call.data["reason"], now=call.now)
    return _hold(call, hold_id)
