"""The serializers of what reviewers send."""

from __future__ import annotations

from typing import Any

from django_countries import countries
from rest_framework import serializers

from portal.access.models import Decision
from portal.access.review.queue.filters import DECIDED, FLAGS, GROUPINGS, VIEWS
from portal.accounts.models import Sector
from portal.api.base.fields import (
    FreeTextField,
    IdField,
    IdFilter,
    LastDayField,
    ModesField,
    SingleLineField,
    StrictBooleanField,
    StrictCharField,
)
from portal.api.base.serializers import ConditionsInput, Input, QuotasInput
from portal.catalog.collections.changes import MOST_MODELS
from portal.parsing.texts import LONGEST_TEXT


class ModelTermsInput(Input):
    """A model of a collection that is given, and what limits it beyond the rest."""

    model = SingleLineField(help_text="namespace/name")
    modes = ModesField(required=False)
    conditions = ConditionsInput(required=False)


class GivenModels(serializers.ListField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            child=ModelTermsInput(),
            max_length=MOST_MODELS,
            required=False,
            help_text="Of a collection, those that are given; by default all that were asked for.",
            **options,
        )


class ApproveInput(Input):
    modes = ModesField()
    until = LastDayField(help_text="The last day of the grant.")
    conditions = ConditionsInput(required=False)
    quotas = QuotasInput(required=False)
    models = GivenModels()


class DeclineInput(Input):
    reason_code = serializers.ChoiceField(choices=Decision.Reason.choices)
    reason_text = FreeTextField()


class OverrideInput(Input):
    """The terms of an approval, or the reason of a decline."""

    verdict = serializers.ChoiceField(choices=Decision.Verdict.choices)
    modes = ModesField(required=False)
    until = LastDayField(required=False)
    conditions = ConditionsInput(required=False)
    quotas = QuotasInput(required=False)
    models = GivenModels()
    reason_code = serializers.ChoiceField(choices=Decision.Reason.choices, required=False)
    reason_text = FreeTextField(required=False)


class SettleInput(OverrideInput):
    """The chair’s verdict, with its terms or its reason, and why they decide between the votes."""

    chair_reason = FreeTextField(help_text="The team reads it, the applicant doesn’t.")


class BulkInput(Input):
    requests = serializers.ListField(child=IdField(), min_length=1, max_length=50)
    verdict = serializers.ChoiceField(choices=Decision.Verdict.choices)
    modes = ModesField(required=False)
    until = LastDayField(required=False)
    quotas = QuotasInput(required=False)
    reason_code = serializers.ChoiceField(choices=Decision.Reason.choices, required=False)
    reason_text = FreeTextField(required=False)
    dry_run = StrictBooleanField(
        default=False, help_text="Report what would happen, without changing anything."
    )


class AssignInput(Input):
    assignee = SingleLineField(help_text="The username of a member of the model’s team.")


class DeclareInput(Input):
    has_conflict = StrictBooleanField()
    statement = FreeTextField(default="")


class NoteInput(Input):
    text = StrictCharField(max_length=LONGEST_TEXT, allow_blank=True)


class VouchInput(Input):
    evidence = FreeTextField()


class NarrowedBy(Input):
    view = serializers.ChoiceField(choices=[*VIEWS, DECIDED], required=False)
    repo = IdFilter(required=False, help_text="The model’s id.")
    who = serializers.RegexField(
        r"^(mine|nobody|[0-9]{1,18})$",
        required=False,
        help_text="Whose cases: mine, nobody, or a colleague’s id.",
        error_messages={"invalid": "Send mine, nobody, or a colleague’s id."},
    )
    flag = serializers.ChoiceField(choices=list(FLAGS), required=False)
    sector = serializers.ChoiceField(choices=Sector.choices, required=False)
    country = serializers.ChoiceField(choices=list(dict(countries)), required=False)
    organization = serializers.CharField(max_length=200, required=False)
    q = serializers.CharField(max_length=200, required=False)


class QueueFilters(NarrowedBy):
    before = IdFilter(required=False, help_text="Turns to the page before; see `previous`.")
    after = IdFilter(required=False, help_text="Turns to the page after; see `next`.")


class GroupFilters(NarrowedBy):
    """The column to group by; the rest narrows what is grouped."""

    group = serializers.ChoiceField(choices=list(GROUPINGS), default="organization")
