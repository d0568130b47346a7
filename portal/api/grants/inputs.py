"""The serializers of what is sent about grants."""

from __future__ import annotations

from rest_framework import serializers

from portal.access.grants.listing import LONGEST_SEARCH, VIEWS
from portal.api.base.fields import (
    FreeTextField,
    IdField,
    LastDayField,
    SingleLineField,
    StrictBooleanField,
)
from portal.api.base.serializers import Input, QuotasChangeInput, SignatureInput


class RenewInput(Input):
    report = FreeTextField()
    publications = FreeTextField(default="")
    signature = SignatureInput()


class CloseInput(Input):
    statement = FreeTextField()
    deleted_copies = StrictBooleanField(default=False)


class InviteInput(Input):
    email = SingleLineField()


class EndMemberInput(Input):
    reason = SingleLineField(default="")


class EndModelInput(Input):
    model = SingleLineField(help_text="One of the grant’s models, as namespace/name.")
    reason = FreeTextField()


class ChangeQuotasInput(Input):
    quotas = QuotasChangeInput()
    reason = FreeTextField(help_text="The letter to those who work under the grant quotes it.")


class NoticeInput(Input):
    version = SingleLineField(
        required=False, help_text="A version of the model’s licence: ends the grants under it."
    )
    licence = SingleLineField(
        required=False,
        help_text="Of the version, by its slug, where it isn’t the model’s own: its collection has "
        "models under others.",
    )
    grants = serializers.ListField(child=IdField(), max_length=100, required=False)
    until = LastDayField(help_text="The last day, 30 days ahead or more.")
    reason = FreeTextField()


class WithdrawNoticeInput(Input):
    version = SingleLineField(
        required=False, help_text="A version of the model’s licence: the grants under it."
    )
    licence = SingleLineField(
        required=False,
        help_text="Of the version, by its slug, where it isn’t the model’s own: its collection has "
        "models under others.",
    )
    grants = serializers.ListField(child=IdField(), max_length=100, required=False)


class DecideRenewalInput(Input):
    granted = StrictBooleanField()
    reason = FreeTextField(default="")


class GrantFilters(Input):
    view = serializers.ChoiceField(choices=list(VIEWS), required=False)
    q = serializers.CharField(required=False, max_length=LONGEST_SEARCH)
    page = serializers.IntegerField(required=False, min_value=1)
