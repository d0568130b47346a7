"""The serializers of legal holds."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.holds.holds import lift_quorum
from portal.access.holds.impact import affected_by
from portal.access.holds.targets import subject_words
from portal.access.models import Hold
from portal.api.base.fields import (
    FreeTextField,
    SingleLineField,
    StrictBooleanField,
    StrictCharField,
)
from portal.api.base.serializers import Input, Output, PersonOutput
from portal.catalog.models import ModelRepo


class PlaceInput(Input):
    scope = serializers.ChoiceField(choices=Hold.Scope.choices)
    subject = StrictCharField(
        max_length=300,
        help_text="A username or confirmed address; an organization’s name or ROR id; a commit.",
    )
    repo = SingleLineField(
        required=False, help_text="namespace/name; without it the hold binds everywhere."
    )
    only_files = serializers.ListField(
        child=StrictCharField(max_length=300),
        max_length=50,
        default=list,
        help_text="Of a revision: patterns of the paths whose bytes are held in every revision "
        "that has them; empty for the weights.",
    )
    reason = FreeTextField()
    dry_run = StrictBooleanField(
        default=False, help_text="Report what it would stop, without placing it."
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
    id = serializers.IntegerField(source="pk", allow_null=True, help_text="Null in a dry run.")
    repo = serializers.CharField(source="repo.full_name", allow_null=True)
    subject = serializers.SerializerMethodField()
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

    def get_subject(self, hold: Hold) -> str:
        return subject_words(hold)


class LiftOutput(Output):
    person = PersonOutput()
    reason = serializers.CharField()
    given_at = serializers.DateTimeField()


class HoldDetailOutput(HoldOutput):
    """With what it stops, and who would lift it."""

    stops = serializers.SerializerMethodField()
    lifts = serializers.SerializerMethodField()
    lift_quorum = serializers.SerializerMethodField()

    class Meta(HoldOutput.Meta):
        fields = (*HoldOutput.Meta.fields, "stops", "lifts", "lift_quorum")

    @extend_schema_field(AffectedOutput)
    def get_stops(self, hold: Hold) -> Any:
        view = self.context["view"]
        visible = ModelRepo.objects.visible_through(view.caller)
        return AffectedOutput(affected_by(hold, view.now, visible=visible)).data

    @extend_schema_field(LiftOutput(many=True))
    def get_lifts(self, hold: Hold) -> Any:
        lifts = hold.lifts.select_related("person") if hold.pk else []
        return LiftOutput(lifts, many=True).data

    def get_lift_quorum(self, hold: Hold) -> int:
        return lift_quorum(hold)
