"""Forms of the settings of a lab."""

from __future__ import annotations

from django import forms

from portal.access.people.roles import LabRole
from portal.access.requests.form.builder import PageForm
from portal.text.lines import LineInput


class NewLabForm(PageForm):
    """The name and title of a new lab."""

    name = LineInput(
        label="Name",
        max_length=96,
        help_text="The first part of its models’ addresses, as in “name/opt-30b”. It stays.",
        error_messages={"required": "Give the lab a name."},
    )
    title = LineInput(
        label="Title",
        max_length=200,
        help_text="What people read, as in “Example Research Lab”.",
        error_messages={"required": "Give the lab a title."},
    )


class RoleForm(PageForm):
    """The person to give a role in a lab, or to invite to it."""

    person = forms.CharField(
        label="Username or e-mail address",
        max_length=254,
        help_text="Somebody without an account gets a letter with a link, good for 14 days.",
        error_messages={"required": "Say whom to invite."},
    )
    role = forms.ChoiceField(
        label="Role",
        choices=LabRole.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose publisher, reviewer or administrator."},
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choice_hints = {  # type: ignore[attr-defined]
            LabRole.PUBLISHER: "Publishes models here, and says who works here",
            LabRole.REVIEWER: "Decides requests for every model here, those to come included",
            LabRole.ADMINISTRATOR: "Decides requests, and runs the gate of every model here",
        }


class OperatorForm(PageForm):
    person = forms.CharField(
        label="Username or e-mail address",
        max_length=254,
        help_text="Somebody without an account gets a letter with a link, good for 14 days.",
        error_messages={"required": "Say whom to make an operator."},
    )
