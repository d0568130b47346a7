"""The caller's affiliations: organizations, proofs, references."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.affiliations import organization_in_words
from portal.accounts.models import Affiliation, Organization, Reference
from portal.accounts.services import prove_by_email
from portal.accounts.services.references import (
    ask_reference,
    cancel_reference,
    readdress_reference,
    resend_reference,
    returned_reference,
)
from portal.accounts.services.renewal import ask_renewal
from portal.api.base.permissions import IsForAllModels
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiView
from portal.api.people.serializers import (
    AffiliationOutput,
    OrganizationFilters,
    OrganizationOutput,
    ProvedOutput,
    ReferenceAddressInput,
    ReferenceInput,
    ReferenceOutput,
    SentToOutput,
)


@extend_schema_view(get=extend_schema(operation_id="list_organizations"))
class OrganizationListView(ApiListView):
    """Find listed organizations by words of their name, or one by its ROR id."""

    serializer_class = OrganizationOutput
    filter_serializer_class = OrganizationFilters

    def get_queryset(self) -> QuerySet[Organization]:
        q = self.filters["q"].strip()
        is_listed = Q(ror_id__isnull=False) | Q(domains__isnull=False)
        matches = Q(name__icontains=q) | Q(ror_id=q.removeprefix("https://ror.org/"))
        return Organization.objects.filter(is_listed, matches).distinct().order_by("name", "pk")


@extend_schema_view(get=extend_schema(operation_id="list_affiliations"))
class AffiliationListView(ApiListView):
    """List the proofs of where the caller works, expired ones included."""

    permission_classes = [IsForAllModels]
    serializer_class = AffiliationOutput

    def get_queryset(self) -> QuerySet[Affiliation]:
        affiliations = Affiliation.objects.of(self.user).filter(ended_at=None)
        return affiliations.select_related("organization")


class AffiliationCheckView(ApiView):
    serializer_class = ProvedOutput

    @extend_schema(operation_id="check_affiliations")
    def post(self, request: Request) -> Response:
        """Compare the caller's addresses with the organizations again: the list may have grown."""
        proved = prove_by_email(person=self.user, now=self.now)
        return Response(self.get_serializer({"proved": proved}).data)


class AffiliationRenewalView(ApiView):
    serializer_class = SentToOutput

    @extend_schema(operation_id="renew_affiliation")
    def post(self, request: Request, affiliation_id: int) -> Response:
        """Send a letter to the address behind an expiring proof; its link renews the proof."""
        address = ask_renewal(person=self.user, affiliation_id=affiliation_id, now=self.now)
        return Response(self.get_serializer({"address": address}).data)


class ReferenceMixin(ApiView):
    """A view of references, each with what became of its letter."""

    permission_classes = [IsForAllModels]
    serializer_class = ReferenceOutput

    def shown(self, reference: Reference, status: int = 200) -> Response:
        """Answer with a reference as it is now."""
        read_again = Reference.objects.with_delivery().get(pk=reference.pk)
        return Response(self.get_serializer(read_again).data, status=status)


@extend_schema_view(get=extend_schema(operation_id="list_references"))
class ReferenceListView(ReferenceMixin, ApiListView):
    """List the references that the caller has named, the newest first."""

    input_serializer_class = ReferenceInput

    def get_queryset(self) -> QuerySet[Reference]:
        return Reference.objects.of(self.user).with_delivery().order_by("-asked_at", "-pk")

    @extend_schema(
        operation_id="ask_for_reference",
        responses={201: ReferenceOutput},
        examples=example(
            organization="Example University",
            name="Head of Department",
            email="head@university.example",
            relation="Leads the group I work in",
        ),
    )
    def post(self, request: Request) -> Response:
        """Ask somebody by mail to confirm where the caller works."""
        answers = dict(self.validated_data)
        name = answers.pop("organization")
        organization = organization_in_words(name)
        reference = ask_reference(
            person=self.user,
            organization_id=organization.pk if organization else None,
            organization_name="" if organization else name,
            now=self.now,
            **answers,
        )
        return self.shown(reference, status=201)


class ReferenceResendView(ReferenceMixin):
    @extend_schema(operation_id="resend_question")
    def post(self, request: Request, reference_id: int) -> Response:
        """Send the question again, with a new link. Once a day at most."""
        reference = resend_reference(person=self.user, reference_id=reference_id, now=self.now)
        return self.shown(reference)


class ReferenceAddressView(ReferenceMixin):
    input_serializer_class = ReferenceAddressInput

    @extend_schema(
        operation_id="mend_reference_address", examples=example(email="head@university.example")
    )
    def post(self, request: Request, reference_id: int) -> Response:
        """Send the question to another address of the reference, where the letter came back."""
        returned_reference(person=self.user, reference_id=reference_id)
        reference = readdress_reference(
            person=self.user, reference_id=reference_id, now=self.now, **self.validated_data
        )
        return self.shown(reference)


class ReferenceCancelView(ReferenceMixin):
    @extend_schema(operation_id="cancel_question")
    def post(self, request: Request, reference_id: int) -> Response:
        """Withdraw the question; its link ends at once."""
        reference = cancel_reference(person=self.user, reference_id=reference_id, now=self.now)
        return self.shown(reference)
