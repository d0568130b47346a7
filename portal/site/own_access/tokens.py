"""Make a token for one model, from its page: named, with the scopes that are of use there."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.policy.policy import Action, may
from portal.accounts.forms import TokenForm
from portal.accounts.models import Scope, User
from portal.accounts.services import issue_token
from portal.accounts.tokens.authentication import Caller
from portal.accounts.tokens.scopes import scopes_of
from portal.accounts.views import signed_in
from portal.accounts.views.tokens import show_once
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.forms.submitting import form_page, posted_data


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def model_token(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Make a token that is for this model alone; the page of tokens then shows it once."""
    owner, now = signed_in(request), timezone.now()
    repo = find_repo(f"{namespace}/{name}", caller=Caller(owner))
    initial = {"name": repo.name, "scopes": useful_scopes(owner, repo, now)}
    form = TokenForm(posted_data(request), scopes=scopes_of(owner), initial=initial)
    if request.method == "POST" and form.is_valid():
        token, secret = issue_token(owner=owner, now=now, repo_ids=[repo.pk], **form.cleaned_data)
        return show_once(redirect("accounts:tokens"), token, secret)
    context = {"form": form, "repo": repo, "proved": owner.has_verified_email}
    return form_page(request, "site/access/model_token.html", context)


def useful_scopes(owner: User, repo: ModelRepo, now: datetime) -> list[str]:
    """Return the scopes that open something of this model to its owner now."""
    scopes = {
        Scope.DOWNLOAD: may(owner, Action.DOWNLOAD, repo, now).allowed,
        Scope.INFER: repo.hosted and may(owner, Action.INFER, repo, now).allowed,
    }
    return [str(scope) for scope, is_useful in scopes.items() if is_useful]
