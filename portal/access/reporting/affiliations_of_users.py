"""Find where the people who use a model work, as their requests and signatures say."""

from __future__ import annotations

from collections.abc import Collection

from portal.access.models import AccessRequest, Grant, Membership
from portal.catalog.models import ModelRepo


def workplaces_of(repo: ModelRepo, people: Collection[int]) -> dict[int, str]:
    """Return the organization of each person's newest request, or else the one they signed for.

    A member without either has that of the grant's holder. People without any, as on an open gate,
    are left out. This takes three queries, however many people there are.
    """
    under = Grant.objects.concerning(repo).order_by().values("pk")
    joined = Membership.objects.joined().filter(grant__in=under, person__in=people)
    holders = dict(joined.values_list("person", "grant__person"))
    everybody = {*people, *holders.values()}
    names = _signed_for(repo, everybody) | _in_requests(repo, everybody)
    own_or_holders = {
        person: names.get(person) or names.get(holders.get(person, 0)) for person in people
    }
    return {person: name for person, name in own_or_holders.items() if name}


def _signed_for(repo: ModelRepo, people: Collection[int]) -> dict[int, str]:
    """Return the organization that each person signed for, which includes their office in it."""
    grants = Grant.objects.concerning(repo).filter(person__in=people).exclude(acceptance__entity="")
    signed = grants.filter(acceptance__isnull=False).order_by("pk")
    return dict(signed.values_list("person", "acceptance__entity"))


def _in_requests(repo: ModelRepo, people: Collection[int]) -> dict[int, str]:
    requests = AccessRequest.objects.submitted().asking_for(repo).filter(applicant__in=people)
    columns = ("applicant", "organization__name", "organization_name")
    rows = requests.order_by("pk").values_list(*columns)
    return {person: listed or typed for person, listed, typed in rows if listed or typed}
