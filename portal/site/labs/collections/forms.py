"""Forms of a lab's collections."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.access.requests.form.builder import PageForm
from portal.accounts.models import Namespace
from portal.catalog.models import Collection, CollectionMember, ModelRepo
from portal.text.lines import LineInput

LONGEST_NAME = 96
LONGEST_TITLE = 100
LONGEST_SUMMARY = 300


def models_of_lab(lab: Namespace) -> list[tuple[str, str]]:
    """Return the lab's models that are in no collection yet, as the choices of a field."""
    taken = CollectionMember.objects.standing().values("repo")
    free = ModelRepo.objects.filter(namespace=lab, deleted_at=None).exclude(pk__in=taken)
    return [(name, name) for name in free.order_by("name").values_list("name", flat=True)]


class CollectionForm(PageForm):
    """The title of a collection, its lead, and what a later model means to holders."""

    title = LineInput(
        label="Title",
        max_length=LONGEST_TITLE,
        help_text="What people read, as in “OPT family”.",
        error_messages={"required": "Give the collection a title."},
    )
    summary = LineInput(
        label="Summary",
        max_length=LONGEST_SUMMARY,
        required=False,
        help_text="One sentence for its page.",
    )
    lead = forms.ChoiceField(
        label="Lead",
        help_text="The model whose questions, review team and gate settings serve all.",
        error_messages={"required": "Choose the model that leads."},
    )
    on_add = forms.ChoiceField(
        label="When a model is added later",
        choices=Collection.OnAdd.choices,
        error_messages={"required": "Choose what a later model means to those who have access."},
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, models: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Choose a model"), *models]
        self.fields["lead"].choices = choices  # type: ignore[attr-defined]


class NewCollectionForm(CollectionForm):
    """A new collection, with the models that it begins with."""

    slug = LineInput(
        label="Name in addresses",
        max_length=LONGEST_NAME,
        help_text="As in “opt”. It stays.",
        error_messages={"required": "Give the collection a name for its address."},
    )
    models = forms.MultipleChoiceField(
        label="Models",
        help_text="In the order of the list; it can be changed later. The lead is one of them.",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, models: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, models=models, **kwargs)
        self.fields["models"].choices = models  # type: ignore[attr-defined]


class AddModelForm(PageForm):
    """A model that joins."""

    model = forms.ChoiceField(
        label="Model", error_messages={"required": "Choose the model that joins."}
    )

    def __init__(self, *args: Any, models: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Choose a model"), *models]
        self.fields["model"].choices = choices  # type: ignore[attr-defined]
