"""The list of models: what may be chosen, and each row's figures, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from math import ceil, floor, log10
from operator import or_

from django import forms
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from inference.model_files.weight_formats import WEIGHT_SUFFIXES
from portal.catalog.models import CollectionMember, File, Gate, LicenceVersion, ModelRepo, Ref
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.text.languages import Words

BILLION = 10**9
SIZES = {
    "small": (_("Under 1 B"), Q(parameters__lt=BILLION)),
    "middle": (_("1 – 30 B"), Q(parameters__range=(BILLION, 30 * BILLION))),
    "large": (_("Over 30 B"), Q(parameters__gt=30 * BILLION)),
}
ANY = ("", _("Any"))
Licences = list[tuple[str, str]]
CALLED_WEIGHTS = reduce(or_, (Q(path__iendswith=suffix) for suffix in WEIGHT_SUFFIXES))
LEFT, WIDTH = 4.0, 104.0


class FilterForm(forms.Form):
    """The filters of the list of models; an unknown choice filters nothing."""

    q = forms.CharField(required=False, max_length=100, label=_("Search models"))
    family = forms.ChoiceField(required=False, label=_("Family"))
    size = forms.ChoiceField(required=False, label=_("Parameters"))
    gate = forms.ChoiceField(required=False, label=_("Gate"), choices=[ANY, *Gate.choices])
    licence = forms.ChoiceField(required=False, label=_("Licence"))

    def __init__(self, data: QueryDict, *, families: list[str], licences: Licences) -> None:
        super().__init__(data)
        self._choose_from("family", [(family, family) for family in families])
        self._choose_from("licence", licences)
        self._choose_from("size", [(key, label) for key, (label, _) in SIZES.items()])
        self.fields["q"].widget = forms.TextInput(
            attrs={"type": "search", "placeholder": _("Name, family or licence"), "data-key": "/"}
        )

    def _choose_from(self, name: str, choices: Sequence[tuple[str, Words]]) -> None:
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
        if wanted.get("licence"):
            repos = repos.filter(licence__slug=wanted["licence"])
        return repos

    @property
    def narrows(self) -> bool:
        return any(self.cleaned_data.values())

    @property
    def shows_opt(self) -> bool:
        """Tell whether the OPT family is looked for, whose release has a table of its own."""
        return str(self.cleaned_data.get("family") or "").upper() == "OPT"


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
        with_weights(repos)
        .select_related("namespace", "licence")
        .annotate(size_bytes=Subquery(size), licence_version=Subquery(signed.values("version")[:1]))
        .prefetch_related(Prefetch("collection_members", _standing(), to_attr="in_collections"))
        .order_by("namespace__name", "-parameters", "name")
    )


def _standing() -> QuerySet[CollectionMember]:
    members: QuerySet[CollectionMember] = CollectionMember.objects.standing()
    return members.select_related("collection__namespace")


def with_weights(repos: QuerySet[ModelRepo]) -> QuerySet[ModelRepo]:
    """Annotate each repo with ``has_weights``: whether ``main`` holds more than documents."""
    main = Ref.objects.filter(repo=OuterRef(OuterRef("pk")), kind="branch", name=DEFAULT_BRANCH)
    weights = File.objects.filter(CALLED_WEIGHTS, revision__in=main.values("revision"))
    return repos.annotate(has_weights=Exists(weights))


def licences_of(repos: QuerySet[ModelRepo]) -> Licences:
    """Return the licences of some models, for a filter: each its slug, and its name."""
    rows = repos.exclude(licence=None).order_by("licence__name", "licence__slug")
    return list(rows.values_list("licence__slug", "licence__name").distinct())


@dataclass(frozen=True)
class Scale:
    """A log scale of parameters that the listed models fit on, in whole powers of ten."""

    least: int
    most: int

    @property
    def ticks(self) -> str:
        """Return a mark at each power of ten, as an SVG path."""
        marks = [self._x(power) for power in range(self.least, self.most + 1)]
        return "".join(f"M{x} 7v5" for x in marks)

    @property
    def ends(self) -> tuple[int, int]:
        return 10**self.least, 10**self.most

    def x(self, parameters: int | None) -> float | None:
        """Return where a model's dot stands; None where its parameters aren't known."""
        return self._x(log10(parameters)) if parameters else None

    def _x(self, power: float) -> float:
        return round(LEFT + WIDTH * (power - self.least) / (self.most - self.least), 1)


def scale_of(counts: Iterable[int | None]) -> Scale | None:
    """Return the scale that encloses these counts of parameters; None where there are none."""
    powers = [log10(count) for count in counts if count]
    if not powers:
        return None
    least = floor(min(powers))
    return Scale(least, max(ceil(max(powers)), least + 1))
