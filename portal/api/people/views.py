"""Where one works: organizations, proofs, references."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from rest_framework import serializers

from portal.accounts.affiliations import organization_in_words
from portal.accounts.models import Affiliation, Organization, Reference
from portal.accounts.services import prove_by_email
from portal.accounts.services.references import (
    ask_reference,
    cancel_reference,
    resend_reference,
)
from portal.accounts.services.renewal import ask_renewal
from portal.api.base.fields import Input, Line, Output
from portal.api.base.operations import Call, Who, listing, operation

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
    organization = serializers.CharField(max_length=300, help_text="Its whole name, or its ROR id.")
    name = Line()
    email = serializers.CharField(max_length=254)
    relation = Line()


class ReferenceOutput(serializers.ModelSerializer[Reference]):
    """Without the comment: that is for the reviewers."""

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
        )


@listing(Who.PERSON, OrganizationOutput, filters=OrganizationFilters)
def list_organizations(call: Call) -> QuerySet[Organization]:
    """Listed organizations whose name has these words; a ROR id finds its own."""
    q = call.queries["q"].strip()
    listed = Q(ror_id__isnull=False) | Q(domains__isnull=False)
    meant = Q(name__icontains=q) | Q(ror_id=q.removeprefix("https://ror.org/"))
    return Organization.objects.filter(listed, meant).distinct().order_by("name", "pk")


@listing(Who.PERSON, AffiliationOutput)
def list_affiliations(call: Call) -> QuerySet[Affiliation]:
    """The proofs of where the caller works, run-out ones included."""
    kept = Affiliation.objects.of(call.person).filter(ended_at=None)
    return kept.select_related("organization")


@operation(Who.SESSION, gives=ProvedOutput)
def check_affiliations(call: Call) -> dict[str, list[Affiliation]]:
    """Compare one's addresses with the organizations again: the list may have grown."""
    return {"proved": prove_by_email(person=call.person, now=call.now)}


@operation(Who.SESSION, gives=SentToOutput)
def renew_affiliation(call: Call, affiliation_id: int) -> dict[str, str]:
    """Have a letter sent to the address behind a proof that runs out; its link renews the proof."""
    address = ask_renewal(person=call.person, affiliation_id=affiliation_id, now=call.now)
    return {"address": address}


@listing(Who.PERSON, ReferenceOutput)
def list_references(call: Call) -> QuerySet[Reference]:
    """Whom the caller has named, the newest first."""
    return Reference.objects.of(call.person).order_by("-asked_at", "-pk")


@operation(
    Who.SESSION,
    gives=ReferenceOutput,
    takes=ReferenceInput,
    status=201,
    example={
        "organization": "Example University",
        "name": "Head of Department",
        "email": "head@university.example",
        "relation": "Leads the group I work in",
    },
)
def ask_for_reference(call: Call) -> Reference:
    """Ask somebody by mail whether one works where one says."""
    given = dict(call.data)
    words = given.pop("organization")
    listed = organization_in_words(words)
    return ask_reference(
        person=call.person,
        organization_id=listed.pk if listed else None,
        organization_name="" if listed else words,
        now=call.now,
        **given,
    )


@operation(Who.SESSION, gives=ReferenceOutput)
def resend_question(call: Call, reference_id: int) -> Reference:
    """Send the question again, with a new link. Once a day at most."""
    return resend_reference(person=call.person, reference_id=reference_id, now=call.now)


@operation(Who.SESSION, gives=ReferenceOutput)
def cancel_question(call: Call, reference_id: int) -> Reference:
    """Take the question back; its link ends at once."""
    return cancel_reference(person=call.person, reference_id=reference_id, now=call.now)
