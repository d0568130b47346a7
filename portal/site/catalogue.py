"""The list of models: what may be chosen, and each row's figures, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import log10

from django import forms
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.http import QueryDict

from portal.catalog.models import CollectionMember, File, Gate, LicenceVersion, ModelRepo, Ref
from portal.catalog.services.lookup import DEFAULT_BRANCH

BILLION = 10**9
SIZES = {
    "small": ("Under 1 B", Q(parameters__lt=BILLION)),
    "middle": ("1 – 30 B", Q(parameters__range=(BILLION, 30 * BILLION))),
    "large": ("Over 30 B", Q(parameters__gt=30 * BILLION)),
}
ANY = ("", "Any")
SMALLEST, DECADES = 6, 6  # the scale runs from a million to a trillion parameters
LEFT, WIDTH = 4.0, 104.0


class FilterForm(forms.Form):
    """The filters of the list of models; an unknown choice filters nothing."""

    q = forms.CharField(required=False, max_length=100, label="Search models")
    family = forms.ChoiceField(required=False, label="Family")
    size = forms.ChoiceField(required=False, label="Parameters")
    gate = forms.ChoiceField(required=False, label="Gate", choices=[ANY, *Gate.choices])

    def __init__(self, data: QueryDict, *, families: list[str]) -> None:
        super().__init__(data)
        self._choose_from("family", [(family, family) for family in families])
        self._choose_from("size", [(key, label) for key, (label, _) in SIZES.items()])
        self.fields["q"].widget = forms.TextInput(
            attrs={"type": "search", "placeholder": "Name, family or licence", "data-key": "/"}
        )

    def _choose_from(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = [ANY, *choices]

    def narrow(self, repos: QuerySet[ModelRepo]) -> QuerySet[ModelRepo]:
        self.is_valid()
        wanted = self.cleaned_data
        for word in (wanted.get("q") or "").split():
            repos = repos.filter(_mentions(word))
        if wanted.get("family"):
            repos = repos.filter(family=wanted["family"])
        if wanted.get("size"):
            repos = repos.filter(SIZES[wanted["size"]][1])
        if wanted.get("gate"):
            repos = repos.filter(download_gate=wanted["gate"])
        return repos

    @property
    def narrows(self) -> bool:
        return any(self.cleaned_data.values())


def _mentions(word: str) -> Q:
    """Match a word in names, titles, summaries and licences; ``lab/name`` by its two parts."""
    namespace, slash, name = word.partition("/")
    if slash:
        return Q(namespace__name__icontains=namespace, name__icontains=name)
    fields = ("namespace__name", "namespace__title", "name", "summary", "family", "licence__name")
    matches = Q()
    for field in fields:
        matches |= Q(**{f"{field}__icontains": word})
    return matches


def with_figures(repos: QuerySet[ModelRepo], now: datetime) -> QuerySet[ModelRepo]:
    """Annotate each repo with the size of ``main`` and the licence version in force, in order."""
    head = Ref.objects.filter(repo=OuterRef(OuterRef("pk")), kind="branch", name=DEFAULT_BRANCH)
    size = (
        File.objects.filter(revision__in=head.values("revision"))
        .order_by()
        .values("revision")
        .annotate(total=Sum("blob__size_bytes"))
        .values("total")
    )
    signed = LicenceVersion.objects.filter(licence=OuterRef("licence")).in_force_at(now)
    return (
        repos.select_related("namespace", "licence")
        .annotate(size_bytes=Subquery(size), licence_version=Subquery(signed.values("version")[:1]))
        .prefetch_related(Prefetch("collection_members", _standing(), to_attr="in_collections"))
        .order_by("namespace__name", "-parameters", "name")
    )


def _standing() -> QuerySet[CollectionMember]:
    members: QuerySet[CollectionMember] = CollectionMember.objects.standing()
    return members.select_related("collection__namespace")


@dataclass(frozen=True)
class Scale:
    """A dot on a scale from a million to a trillion parameters, as SVG geometry."""

    ticks: str
    x: float


TICKS = "".join(f"M{LEFT + WIDTH * step / DECADES:.4g} 7v5" for step in range(DECADES + 1))


def scale(parameters: int | None) -> Scale | None:
    if not parameters:
        return None
    decades = min(max(log10(parameters) - SMALLEST, 0.0), float(DECADES))
    return Scale(TICKS, round(LEFT + WIDTH * decades / DECADES, 1))
