"""The serializers that show grants, members, checks and renewals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.grants.status_badges import conditions_in_words, grant_state, member_state
from portal.access.models import Grant, Hold, Membership, Renewal, Screening
from portal.access.policy.covered import covered_models
from portal.access.policy.quotas import Quotas
from portal.api.base.fields import IdField
from portal.api.base.serializers import MarkOutput, Output, PersonOutput, QuotasOutput


class CoveredModelOutput(Output):
    """A model that a grant through a collection opens, and what is narrower there."""

    repo = serializers.CharField(source="repo.full_name")
    modes = serializers.ListField(child=serializers.CharField())
    narrower = serializers.ListField(child=serializers.CharField())


class GrantOutput(serializers.ModelSerializer[Grant]):
    """A grant. ``state`` is in words; the dates say the same for programs."""

    reference = serializers.CharField()
    repo = serializers.CharField(
        source="repo.full_name", help_text="Through a collection, the model that leads it."
    )
    collection = serializers.CharField(source="collection.full_name", default=None, allow_null=True)
    models = serializers.SerializerMethodField(
        help_text="What a grant through a collection opens; empty for a grant on one model."
    )
    holder = PersonOutput(source="person")
    state = serializers.SerializerMethodField()
    conditions_in_words = serializers.SerializerMethodField()
    quotas = serializers.SerializerMethodField(
        help_text="Its own quotas of hosted use; null where the gate’s hold."
    )
    licence = serializers.SerializerMethodField()
    parent_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Grant
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "repo",
            "collection",
            "models",
            "holder",
            "state",
            "modes",
            "conditions",
            "conditions_in_words",
            "quotas",
            "licence",
            "parent_id",
            "offered_at",
            "offer_expires_at",
            "held_at",
            "starts_at",
            "expires_at",
            "ends_by_notice_at",
            "revocation_proposed_at",
            "revoked_at",
            "closed_at",
        )

    @extend_schema_field(MarkOutput)
    def get_state(self, grant: Grant) -> Any:
        return MarkOutput(grant_state(grant, self.context["view"].now)).data

    def get_conditions_in_words(self, grant: Grant) -> list[str]:
        return conditions_in_words(grant)

    @extend_schema_field(QuotasOutput)
    def get_quotas(self, grant: Grant) -> Any:
        return QuotasOutput(Quotas.of(grant.quotas)).data

    @extend_schema_field(CoveredModelOutput(many=True))
    def get_models(self, grant: Grant) -> Any:
        return CoveredModelOutput(covered_models(grant), many=True).data

    def get_licence(self, grant: Grant) -> str:
        return str(grant.acceptance.licence_version) if grant.acceptance else ""


class FromPage:
    """A value of the grant's page, which the view has put into the serializer's context."""

    def get_attribute(self: Any, instance: Grant) -> Any:
        return self.context["page"][self.field_name]


class PageBoolean(FromPage, serializers.BooleanField):
    """A yes or no of the grant's page."""


class PageInteger(FromPage, serializers.IntegerField):
    """A number of the grant's page."""


class PageDateTime(FromPage, serializers.DateTimeField):
    """A moment of the grant's page."""


class GrantDetailOutput(GrantOutput):
    """With what its reader may do about it."""

    can_renew = PageBoolean()
    can_sign_newer = PageBoolean()
    can_close = PageBoolean()
    shareable = PageBoolean()
    member_count = PageInteger()
    member_cap = PageInteger()
    renewal_opens_at = PageDateTime()
    quotas_in_force = serializers.SerializerMethodField(
        help_text="With the gate’s numbers where the grant names none."
    )
    held_since = serializers.SerializerMethodField()
    surviving_duties = serializers.SerializerMethodField()

    class Meta(GrantOutput.Meta):
        fields = (
            *GrantOutput.Meta.fields,
            "can_renew",
            "can_sign_newer",
            "can_close",
            "shareable",
            "member_count",
            "member_cap",
            "renewal_opens_at",
            "quotas_in_force",
            "held_since",
            "surviving_duties",
            "revocation_reason",
            "notice_reason",
            "closeout",
        )

    @extend_schema_field(QuotasOutput)
    def get_quotas_in_force(self, grant: Grant) -> Any:
        return QuotasOutput(self.context["page"]["quotas_in_force"]).data

    def get_held_since(self, grant: Grant) -> datetime | None:
        hold: Hold | None = self.context["page"]["hold"]
        return hold.placed_at if hold else None

    def get_surviving_duties(self, grant: Grant) -> list[str]:
        return [duty for column in self.context["page"]["duties"] for duty in column.sentences]


class MemberOutput(serializers.ModelSerializer[Membership]):
    grant_id = serializers.IntegerField()
    person = PersonOutput(allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields: tuple[str, ...] = (
            "id",
            "grant_id",
            "email",
            "person",
            "state",
            "invited_at",
            "held_at",
            "joined_at",
            "ended_at",
            "end_reason",
        )

    @extend_schema_field(MarkOutput)
    def get_state(self, membership: Membership) -> Any:
        return MarkOutput(member_state(membership)).data


class HitOutput(Output):
    """A line of a list, and the words that are like it."""

    kind = serializers.CharField()
    value = serializers.CharField()
    found = serializers.CharField()


class MemberCheckOutput(MemberOutput):
    """A member with what the screening lists have, for who administers the model."""

    outcome = serializers.CharField(source="screening.outcome")
    hits = HitOutput(many=True, source="screening.hits")
    disposition = serializers.CharField(source="screening.disposition", allow_blank=True)
    disposed_at = serializers.DateTimeField(source="screening.disposed_at", allow_null=True)

    class Meta(MemberOutput.Meta):
        fields = (*MemberOutput.Meta.fields, "outcome", "hits", "disposition", "disposed_at")


class CheckOutput(serializers.ModelSerializer[Screening]):
    """A hit of the screening lists on the holder or a member of a grant.

    ``is_held``: the grant or membership gives no access until a person has cleared the hit.
    """

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


class RenewalOutput(serializers.ModelSerializer[Renewal]):
    grant_id = serializers.IntegerField()

    class Meta:
        model = Renewal
        fields = (
            "id",
            "grant_id",
            "report",
            "publications",
            "filed_at",
            "due_at",
            "outcome",
            "reason",
            "decided_at",
        )


class NoticeOutput(Output):
    grants = serializers.ListField(
        child=IdField(), help_text="The grants that notice was given on, or withdrawn from."
    )
