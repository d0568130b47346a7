"""A model’s grants, for those who run it: the list, ending them, renewals."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.access.errors import RenewalNotFound
from portal.access.grants.detail import Seen
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.ending.withdrawal import withdraw_notice, withdraw_proposal
from portal.access.grants.listing import list_grants
from portal.access.grants.renewals import decide_renewal
from portal.access.models import Grant, Renewal
from portal.accounts.models import Scope
from portal.api.base.fields import ReasonInput
from portal.api.base.operations import Call, Slice, listing, operation
from portal.api.base.repos import administered, team_repo
from portal.api.grants.serializers import (
    DecideRenewalInput,
    GrantDetailOutput,
    GrantFilters,
    GrantOutput,
    NoticeInput,
    NoticeOutput,
    RenewalOutput,
    WithdrawNoticeInput,
)
from portal.api.grants.views import as_seen, seen_grant, with_states
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.errors import FieldErrors


@listing(Scope.ADMIN, GrantOutput, filters=GrantFilters, prepare=with_states, has_own_pages=True)
def list_granted(call: Call, namespace: str, name: str) -> Slice:
    """A model's grants, filtered as on the page, the earliest end first."""
    repo = team_repo(call, namespace, name)
    asked = {name: str(value) for name, value in call.queries.items()}
    found = list_grants(repo, asked, call.now)
    page = found.page
    return Slice(
        [_of(repo, row.grant) for row in found.rows],
        next={"page": page.next_page_number()} if page.has_next() else None,
        previous={"page": page.previous_page_number()} if page.has_previous() else None,
        count=page.paginator.count,
    )


def _of(repo: ModelRepo, grant: Grant) -> Grant:
    grant.repo = repo
    return grant


@operation(
    Scope.ADMIN,
    gives=GrantDetailOutput,
    takes=ReasonInput,
    prepare=as_seen,
    example={"reason": "The weights were passed on."},
)
def revoke(call: Call, grant_id: int) -> Seen:
    """End a grant at once, with notice. Where two people are wanted, the first call proposes it:
    then `revocation_proposed_at` is set and `revoked_at` is not."""
    seen_grant(call, grant_id)
    revoke_grant(actor=call.person, grant_id=grant_id, reason=call.data["reason"], now=call.now)
    return seen_grant(call, grant_id)


@operation(
    Scope.ADMIN,
    gives=NoticeOutput,
    takes=NoticeInput,
    example={"version": "1.0", "until": "2027-12-31", "reason": "Its successor replaces it."},
)
def give_notice(call: Call, namespace: str, name: str) -> dict[str, list[int]]:
    """End grants by notice: those under one version of the licence, or those named."""
    repo = administered(call, namespace, name)
    given = call.data
    noticed = end_by_notice(
        actor=call.person,
        repo_id=repo.pk,
        licence_version_id=_version_id(repo, given.get("version", "")),
        grant_ids=given.get("grants", ()),
        ends_at=given["until"],
        reason=given["reason"],
        now=call.now,
    )
    return {"grants": [grant.pk for grant in noticed]}


@operation(
    Scope.ADMIN,
    gives=NoticeOutput,
    takes=WithdrawNoticeInput,
    example={"version": "1.0"},
)
def take_notice_back(call: Call, namespace: str, name: str) -> dict[str, list[int]]:
    """Withdraw a notice before its day, under one version of the licence or of grants named."""
    repo = administered(call, namespace, name)
    withdrawn = withdraw_notice(
        actor=call.person,
        repo_id=repo.pk,
        licence_version_id=_version_id(repo, call.data.get("version", "")),
        grant_ids=call.data.get("grants", ()),
        now=call.now,
    )
    return {"grants": [grant.pk for grant in withdrawn]}


@operation(Scope.ADMIN, gives=GrantDetailOutput, prepare=as_seen)
def take_proposal_back(call: Call, grant_id: int) -> Seen:
    """Withdraw a proposed revocation: by who proposed it, or who administers the model."""
    seen_grant(call, grant_id)
    withdraw_proposal(actor=call.person, grant_id=grant_id, now=call.now)
    return seen_grant(call, grant_id)


def _version_id(repo: ModelRepo, version: str) -> int | None:
    if not version:
        return None
    found = LicenceVersion.objects.filter(licence=repo.licence, version=version).first()
    if found is None:
        raise FieldErrors({"version": "Choose a version of this model’s licence."})
    return found.pk


@listing(Scope.ADMIN, RenewalOutput)
def list_renewals(call: Call, namespace: str, name: str) -> QuerySet[Renewal]:
    """The reports that were filed on a model's grants, the newest first."""
    repo = team_repo(call, namespace, name)
    return Renewal.objects.filter(grant__repo=repo).order_by("-filed_at", "-pk")


@operation(
    Scope.REVIEW,
    gives=RenewalOutput,
    takes=DecideRenewalInput,
    example={"granted": False, "reason": "The report doesn’t say what was released."},
)
def decide(call: Call, renewal_id: int) -> Renewal:
    """The team's word on a renewal."""
    if not call.within(Renewal.objects.filter(pk=renewal_id), "grant__repo").exists():
        raise RenewalNotFound
    return decide_renewal(actor=call.person, renewal_id=renewal_id, now=call.now, **call.data)
