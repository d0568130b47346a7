"""What the operations on grants, members and renewals take and give."""

from __future__ import annotations

from rest_framework import serializers

from portal.access.grants.listing import LONGEST_SEARCH, VIEWS
from portal.access.models import Grant, Membership, Renewal
from portal.api.base.fields import (
    Id,
    Input,
    LastDay,
    Line,
    MarkOutput,
    Output,
    PersonOutput,
    SignatureInput,
    Words,
)


class RenewInput(Input):
    report = Words()
    publications = Words(default="")
    signature = SignatureInput()


class CloseInput(Input):
    statement = Words()
    deleted_copies = serializers.BooleanField(default=False)


class InviteInput(Input):
    email = Line()


class EndMemberInput(Input):
    reason = Line(default="")


class NoticeInput(Input):
    version = Line(required=False, help_text="Of the model’s licence; ends the grants under it.")
    grants = serializers.ListField(child=Id(), max_length=100, required=False)
    until = LastDay(help_text="The last day, 30 days ahead or more.")
    reason = Words()


class WithdrawNoticeInput(Input):
    version = Line(required=False, help_text="Of the model’s licence: the grants under it.")
    grants = serializers.ListField(child=Id(), max_length=100, required=False)


class DecideRenewalInput(Input):
    granted = serializers.BooleanField()
    reason = Words(default="")


class GrantFilters(Input):
    view = serializers.ChoiceField(choices=list(VIEWS), required=False)
    q = serializers.CharField(required=False, max_length=LONGEST_SEARCH)
    page = serializers.IntegerField(required=False, min_value=1)


class GrantOutput(serializers.ModelSerializer[Grant]):
    """A grant. ``state`` is in words; the dates say the same for programs."""

    reference = serializers.CharField()
    repo = serializers.CharField(source="repo.full_name")
    holder = PersonOutput(source="person")
    state = MarkOutput()
    conditions_in_words = serializers.ListField(child=serializers.CharField())
    licence = serializers.CharField(allow_blank=True)
    parent_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Grant
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "repo",
            "holder",
            "state",
            "modes",
            "conditions",
            "conditions_in_words",
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


class GrantDetailOutput(GrantOutput):
    """With what its reader may do about it."""

    can_renew = serializers.BooleanField()
    can_sign_newer = serializers.BooleanField()
    can_close = serializers.BooleanField()
    shareable = serializers.BooleanField()
    member_count = serializers.IntegerField()
    member_cap = serializers.IntegerField()
    renewal_opens_at = serializers.DateTimeField()
    held_since = serializers.DateTimeField(allow_null=True)
    surviving_duties = serializers.ListField(child=serializers.CharField())

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
            "held_since",
            "surviving_duties",
            "revocation_reason",
            "notice_reason",
            "closeout",
        )


class MemberOutput(serializers.ModelSerializer[Membership]):
    grant_id = serializers.IntegerField()
    person = PersonOutput(allow_null=True)
    state = MarkOutput()

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
    grants = serializers.ListField(child=Id(), help_text="Given of these, or withdrawn.")
