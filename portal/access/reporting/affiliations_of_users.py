"""Where the people who use a model work, as their requests for it say."""

from __future__ import annotations

from collections.abc import Collection

from portal.access.models import AccessRequest, Grant, Membership
from portal.catalog.models import ModelRepo


def workplaces_of(repo: ModelRepo, people: Collection[int]) -> dict[int, str]:
    """The organization of each person's newest request, or what they signed for; a member's is
    their holder's.

    Whoever did neither, as on an open gate, is left out. Three queries.
    """
    joined = Membership.objects.joined().filter(grant__repo=repo, person__in=people)
    holders = dict(joined.values_list("person", "grant__person"))
    every = {*people, *holders.values()}
    named = _signed_for(repo, every) | _asked(repo, every)
    found = {person: named.get(person) or named.get(holders.get(person, 0)) for person in people}
    return {person: name for person, name in found.items() if name}


def _signed_for(repo: ModelRepo, people: Collection[int]) -> dict[int, str]:
    """``entity``: the organization that somebody signed for, and their office in it."""
    grants = Grant.objects.filter(repo=repo, person__in=people).exclude(acceptance__entity="")
    signed = grants.filter(acceptance__isnull=False).order_by("pk")
    return dict(signed.values_list("person", "acceptance__entity"))


def _asked(repo: ModelRepo, people: Collection[int]) -> dict[int, str]:
    asked = AccessRequest.objects.submitted().filter(repo=repo, applicant__in=people)
    rows = asked.order_by("pk").values_list("applicant", "organization__name", "organization_name")
    return {person: listed or said for person, listed, said in rows if listed or said}
