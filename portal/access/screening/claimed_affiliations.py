"""Compare where an applicant says that they work with where they have proved that they do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from portal.access.models import AccessRequest
from portal.access.screening.matching import normalised
from portal.accounts.models import Organization, OrganizationDomain

PARTS = re.compile(r"[,;()/|\u2013\u2014]| - ")
MOST_PARTS = 8  # of a claim; what comes after is compared with nothing
IN_BRACKETS = re.compile(r"\([^()]*\)\s*$")
ARTICLE = "the "


def names_agree(said: str, proved: str) -> bool:
    """Tell whether two names mean one organization, as far as words alone can tell.

    What is said may have a department or a place beside the name, and what is proved a country in
    brackets after it. A longer or a shorter name is another organization's: "University of
    California, Davis" isn't "University of California, Berkeley".
    """
    return bool(_names_in(said) & _names_of(proved))


def _names_in(said: str) -> set[str]:
    """Return each run of the parts that what is said falls into, as names are compared."""
    parts = [part for part in PARTS.split(_plain(said)) if normalised(part)][:MOST_PARTS]
    runs = (parts[i:j] for i in range(len(parts)) for j in range(i + 1, len(parts) + 1))
    return {_comparable(" ".join(run)) for run in runs} - {""}


def _names_of(proved: str) -> set[str]:
    plain = _plain(proved)
    return {_comparable(plain), _comparable(IN_BRACKETS.sub("", plain))} - {""}


def _plain(text: str) -> str:
    """Return a text without accents."""
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _comparable(text: str) -> str:
    return normalised(text).removeprefix(ARTICLE)


@dataclass(frozen=True)
class Register:
    """The registered organizations that some claims name, by whole name or ROR id, in lower case.

    Several organizations may have one name.
    """

    listed: Mapping[str, frozenset[Organization]]

    @classmethod
    def of(cls, claims: Iterable[str]) -> Register:
        """Look up all that these claims name, in one query."""
        names = {name for said in claims for name in _phrases(said)}
        if not names:
            return cls({})
        lowered = Organization.objects.annotate(lowered=Lower("name"))
        # A subquery and not a join, so that the index on names is read first.
        with_domains = Exists(OrganizationDomain.objects.filter(organization=OuterRef("pk")))
        in_register = lowered.filter(Q(ror_id__isnull=False) | Q(with_domains))
        listed: dict[str, set[Organization]] = {}
        for place in in_register.filter(Q(lowered__in=names) | Q(ror_id__in=names)):
            for name in (place.name.lower(), place.ror_id):
                if name:
                    listed.setdefault(name, set()).add(place)
        return cls({name: frozenset(places) for name, places in listed.items()})

    def named(self, words: str) -> frozenset[Organization]:
        return self.listed.get(_phrase(words), frozenset())


def _phrase(words: str) -> str:
    return " ".join(words.lower().split()).removeprefix("https://ror.org/")


def _phrases(said: str) -> list[str]:
    """Return the whole of a claim and each of its parts, which may be another organization's."""
    parts = PARTS.split(said)[:MOST_PARTS]
    return [phrase for phrase in map(_phrase, [said, *parts]) if phrase]


def means_one_of(
    said: str, proved: Collection[Organization], register: Register | None = None
) -> Organization | None:
    """Return the proved organization that the words mean, by a name or by the register."""
    by_name = [place for place in proved if names_agree(said, place.name)]
    if by_name or not proved:
        return by_name[0] if by_name else None
    listed = (register or Register.of([said])).named(said)
    place = next(iter(listed)) if len(listed) == 1 else None
    return place if place in proved else None


def unproved_in(said: str, proved: Collection[Organization], register: Register) -> bool:
    """Tell whether the words also name a registered organization that isn't proved.

    "Another Institute, Example University" claims both, and only one may be proved.
    """
    names = {name for place in proved for name in _names_of(place.name)}
    parts = [part for part in PARTS.split(said)[:MOST_PARTS] if part.strip()]
    named = [register.named(part) for part in parts if _comparable(_plain(part)) not in names]
    return any(places and not places & set(proved) for places in named)


@dataclass(frozen=True)
class Workplace:
    """The place where an applicant works: the proved one if there is one.

    ``said`` is what they say, if that is another place.
    """

    name: str
    said: str = ""


def workplace_of(access_request: AccessRequest) -> Workplace:
    """Return the workplace that the newest snapshot states; a proved organization comes first."""
    draft = access_request.draft
    said = access_request.organization_name or str(draft.get("organization") or "")
    proved = access_request.organization
    if proved is None or names_agree(said, proved.name):
        return Workplace(said)
    return Workplace(proved.name, said)
