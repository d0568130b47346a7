"""Compare where an applicant says that they work with where they have proved that they do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from portal.access.models import AccessRequest
from portal.access.screening.matching import normalised
from portal.accounts.affiliations import organization_in_words
from portal.accounts.models import Organization

PARTS = re.compile(r"[,;()/|\u2013\u2014]| - ")
ARTICLE = "the "


def names_agree(said: str, proved: str) -> bool:
    """Tell whether two names mean one organization, as far as words alone can tell.

    A department before a comma or a country in brackets may stand beside the name; a longer or a
    shorter name is another organization's.
    """
    return bool(_names_in(said) & _names_in(proved))


def _names_in(text: str) -> set[str]:
    """Return the name and its parts, without case, accents, punctuation and a first article."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter)
    )
    words = {normalised(part).removeprefix(ARTICLE) for part in [plain, *PARTS.split(plain)]}
    return words - {""}


def means_one_of(said: str, proved: Collection[Organization]) -> Organization | None:
    """Return the proved organization that the words mean, by a name or by the register."""
    by_name = [place for place in proved if names_agree(said, place.name)]
    if by_name or not proved:
        return by_name[0] if by_name else None
    listed = organization_in_words(said)
    return listed if listed in proved else None


def is_contradicted(said: str, proved: Collection[Organization]) -> bool:
    """Tell whether something is proved, something is said, and they name different places.

    It is no offence, and mostly a second job or a lab by another name; but a person looks at it.
    """
    return bool(said.strip() and proved) and means_one_of(said, proved) is None


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
