"""Pages of a repo's grants for its team: the list, revocation, notice, renewals."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.errors import GrantNotFound, RenewalNotFound
from portal.access.grants.collections.ending import end_coverage
from portal.access.grants.detail import grant_context, seen_by
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.ending.withdrawal import withdraw_notice, withdraw_proposal
from portal.access.grants.forms import DecideRenewalForm, EndGrantForm, NoticeForm
from portal.access.grants.listing import list_grants
from portal.access.grants.offer_votes import proposals_of, terms_of
from portal.access.grants.offers import offer_grant
from portal.access.grants.renewals import decide_renewal, reviews
from portal.access.lifecycle import is_revoked
from portal.access.models import Renewal
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors, Forbidden
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data


def _team_repo(person: User, namespace: str, name: str) -> ModelRepo:
    repo = find_repo(f"{namespace}/{name}", caller=Caller(person))
    if not reviews(person, repo):
        raise Forbidden("The grants of a model are for the people who run it.")
    return repo


@login_required
@require_safe
def granted(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """List a repo's grants, and the offers that wait for more votes."""
    person, now = signed_in(request), timezone.now()
    repo = _team_repo(person, namespace, name)
    grants = list_grants(repo, request.GET.dict(), now)
    administers = may(person, Action.ADMINISTER, repo, now).allowed
    context = {
        "repo": repo,
        "found": grants,
        "page": grants.page,
        "may_administer": administers,
        "proposals": proposals_of(repo, person, now) if administers else [],
        "now": now,
    }
    return render(request, "access/granted.html", context)


@posted_from("access:granted", "namespace", "name")
def second_offer(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Vote for an offer as a colleague proposed it; the vote that completes the quorum offers."""
    person, now = signed_in(request), timezone.now()
    repo = _team_repo(person, namespace, name)
    proposals = proposals_of(repo, person, now)
    by_name = {proposal.person.username: proposal for proposal in proposals}
    proposal = by_name.get(request.POST.get("user", ""))
    if proposal is None:
        raise GrantNotFound
    terms = terms_of(proposal.votes[0])
    offer = offer_grant(
        actor=person,
        person_id=proposal.person.pk,
        repo_id=repo.pk,
        modes=terms.modes,
        conditions=terms.conditions,
        expires_at=terms.expires_at,
        now=now,
    )
    voted = "Your vote is counted; more are needed."
    messages.success(request, voted if offer is None else "The offer is made.")
    return redirect("access:granted", namespace, name)


@posted_from("access:grant", "grant_id")
def revoke(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Revoke a grant, or propose that where the gate wants two people for it."""
    person, now = signed_in(request), timezone.now()
    seen = seen_by(person, grant_id, now)
    form = EndGrantForm(request.POST)
    try:
        # The form isn't asked first: whoever confirms a proposal may leave its reason as it is.
        reason = request.POST.get("reason", "")
        ended = revoke_grant(actor=person, grant_id=grant_id, reason=reason, now=now)
    except FieldErrors as error:
        form.is_valid()
        show_errors(form, error)
        context = grant_context(seen, now) | {"end_form": form, "failed": True}
        return render(request, "access/grant.html", context, status=422)
    if not is_revoked(ended):
        messages.success(request, "Proposed. Access ends once a second administrator confirms it.")
    else:
        messages.success(request, "Access ended. The holder gets a letter.")
    return redirect("access:grant", grant_id)


@posted_from("access:grant", "grant_id")
def end_model(request: HttpRequest, grant_id: int, repo_id: int) -> HttpResponse:
    """End one model of a grant through a collection; the others stay open."""
    person, now = signed_in(request), timezone.now()
    seen = seen_by(person, grant_id, now)
    form = EndGrantForm(request.POST)

    def end_it() -> None:
        reason = form.cleaned_data["reason"]
        end_coverage(actor=person, grant_id=grant_id, repo_id=repo_id, reason=reason, now=now)

    if not accepts(form, end_it):
        context = grant_context(seen, now) | {"end_form": form, "failed": True}
        return render(request, "access/grant.html", context, status=422)
    messages.success(request, "Ended for this model. The holder gets a letter.")
    return redirect("access:grant", grant_id)


@posted_from("access:grant", "grant_id")
def take_proposal_back(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Withdraw a proposed revocation."""
    person, now = signed_in(request), timezone.now()
    seen_by(person, grant_id, now)
    withdraw_proposal(actor=person, grant_id=grant_id, now=now)
    messages.success(request, "Proposal withdrawn. Only the team knew of it; no mail was sent.")
    return redirect("access:grant", grant_id)


@posted_from("access:grant", "grant_id")
def take_notice_back(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Withdraw the notice of one grant; its holder gets a letter."""
    person, now = signed_in(request), timezone.now()
    repo_id = seen_by(person, grant_id, now).grant.repo_id
    withdraw_notice(actor=person, repo_id=repo_id, grant_ids=[grant_id], now=now)
    messages.success(request, "Notice withdrawn. The holder gets a letter.")
    return redirect("access:grant", grant_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Give notice to the holders of all grants under one licence version."""
    person, now = signed_in(request), timezone.now()
    repo = _team_repo(person, namespace, name)
    if not may(person, Action.ADMINISTER, repo, now).allowed:
        raise Forbidden("Only the people who administer this model may give notice.")
    form = NoticeForm(posted_data(request), repo=repo)

    def give_notice() -> None:
        grants = end_by_notice(
            actor=person,
            repo_id=repo.pk,
            licence_version_id=form.cleaned_data["version"].pk,
            ends_at=form.ends_at(),
            reason=form.cleaned_data["reason"],
            now=now,
        )
        messages.success(request, f"Notice given to the holders of {len(grants)} grants.")

    if accepts(form, give_notice):
        return redirect("access:granted", repo.namespace.name, repo.name)
    return form_page(request, "access/notice.html", {"repo": repo, "form": form, "now": now})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, renewal_id: int) -> HttpResponse:
    """Show a holder's report, and take the team's decision on the renewal."""
    person, now = signed_in(request), timezone.now()
    renewal = _renewal(person, renewal_id)
    form = DecideRenewalForm(posted_data(request))

    def decide_it() -> None:
        granted, reason = form.cleaned_data["granted"] == "yes", form.cleaned_data["reason"]
        decide_renewal(actor=person, renewal_id=renewal_id, granted=granted, reason=reason, now=now)

    if accepts(form, decide_it):
        messages.success(request, "Renewal decided. The holder gets a letter.")
        return redirect("access:grant", renewal.grant_id)
    grant = renewal.grant
    context = {"renewal": renewal, "grant": grant, "repo": grant.repo, "form": form, "now": now}
    return form_page(request, "access/renewal.html", context)


def _renewal(person: User, renewal_id: int) -> Renewal:
    related = (
        "grant__repo__namespace",
        "grant__person",
        "grant__acceptance__licence_version__licence",
        "acceptance__licence_version__licence",
        "decided_by",
    )
    renewal = Renewal.objects.select_related(*related).filter(pk=renewal_id).first()
    if renewal is None or not reviews(person, renewal.grant.repo):
        raise RenewalNotFound
    return renewal
