"""The serializers of labs, their people and invitations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.access.models import Invitation
from portal.access.people.listing import LabPerson
from portal.access.people.roles import LabRole
from portal.accounts.models import Namespace
from portal.api.base.fields import SingleLineField
from portal.api.base.serializers import Input, Output, PersonOutput
from portal.catalog.models import TeamMember

PERSON = "A username, or an e-mail address; one without an account gets a letter."


class LabInput(Input):
    name = SingleLineField(max_length=96)
    title = SingleLineField(max_length=200)


class LabOutput(serializers.ModelSerializer[Namespace]):
    title = serializers.CharField(source="display_name")

    class Meta:
        model = Namespace
        fields = ("name", "title")


class LabRoleInput(Input):
    person = SingleLineField(help_text=PERSON)
    role = serializers.ChoiceField(choices=LabRole.choices)


class TeamInvitationInput(Input):
    person = SingleLineField(help_text=PERSON)
    role = serializers.ChoiceField(choices=TeamMember.Role.choices)


class GuestInput(Input):
    person = SingleLineField(help_text=PERSON)


class OperatorInput(Input):
    person = SingleLineField(help_text=PERSON)


class SingleSeatOutput(Output):
    model = serializers.CharField(source="repo.full_name")
    role = serializers.CharField()


class LabPersonOutput(Output):
    """A person with their roles in the lab, and their seats on single models."""

    person = PersonOutput(source="user")
    roles = serializers.ListField(child=serializers.CharField())
    seats = SingleSeatOutput(many=True)


class InvitationOutput(serializers.ModelSerializer[Invitation]):
    """An invitation; ``bounced`` says why the address refused the letter, where it did."""

    invited_by = PersonOutput()
    bounced = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (
            "id",
            "email",
            "role",
            "invited_by",
            "invited_at",
            "sent_at",
            "expires_at",
            "bounced",
        )

    def get_bounced(self, invitation: Invitation) -> str:
        """Return the mail server's reason, or an empty text."""
        return getattr(invitation, "bounced", None) or ""


class OwnInvitationOutput(serializers.ModelSerializer[Invitation]):
    """An invitation to the caller; ``place`` names the lab, model, request or site it is to."""

    invited_by = PersonOutput()
    place = serializers.CharField()

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "place", "invited_by", "invited_at", "expires_at")


class InvitedOutput(Output):
    """The outcome of inviting: a person who has the role now, or an invitation by mail."""

    person = PersonOutput(source="user", allow_null=True)
    invitation = InvitationOutput(allow_null=True)
    is_new = serializers.BooleanField(help_text="False where the person had the role already.")


def shown(person: LabPerson) -> dict[str, Any]:
    """Return a person of a lab as their serializer reads them."""
    return {"user": person.user, "roles": person.roles, "seats": person.seats}
