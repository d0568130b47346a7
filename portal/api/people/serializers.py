"""The serializers of affiliations and references."""

from __future__ import annotations

from rest_framework import serializers

from portal.accounts.models import Affiliation, Organization, Reference
from portal.api.base.fields import SingleLineField, StrictCharField
from portal.api.base.serializers import Input, Output
from portal.outbox.models import OutboxMessage

SHORTEST_SEARCH = 2


class OrganizationFilters(Input):
    q = serializers.CharField(min_length=SHORTEST_SEARCH, max_length=100)


class OrganizationOutput(serializers.ModelSerializer[Organization]):
    country = serializers.CharField()

    class Meta:
        model = Organization
        fields = ("id", "name", "ror_id", "country", "sector")


class AffiliationOutput(serializers.ModelSerializer[Affiliation]):
    organization = OrganizationOutput()

    class Meta:
        model = Affiliation
        fields = ("id", "organization", "method", "evidence", "proved_at", "expires_at")


class ProvedOutput(Output):
    proved = AffiliationOutput(many=True)


class SentToOutput(Output):
    address = serializers.EmailField()


class ReferenceInput(Input):
    organization = StrictCharField(max_length=300, help_text="Its whole name, or its ROR id.")
    name = SingleLineField()
    email = StrictCharField(max_length=254)
    relation = SingleLineField()


class ReferenceAddressInput(Input):
    email = StrictCharField(max_length=254)


class ReferenceOutput(serializers.ModelSerializer[Reference]):
    """Without the comment: that is for the reviewers.

    ``delivery`` is what became of the newest letter, ``delivery_error`` why it didn't arrive.
    """

    delivery = serializers.ChoiceField(
        choices=OutboxMessage.State.choices, allow_blank=True, read_only=True
    )
    delivery_error = serializers.CharField(read_only=True)

    class Meta:
        model = Reference
        fields = (
            "id",
            "organization_name",
            "name",
            "email",
            "relation",
            "asked_at",
            "sent_at",
            "expires_at",
            "cancelled_at",
            "answered_at",
            "verdict",
            "delivery",
            "delivery_error",
        )
