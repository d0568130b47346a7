"""The page on which a publisher drags a folder in, and the commands that do the same."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.tokens.authentication import session_caller
from portal.catalog.folder_checks import LARGEST_FILE_BYTES
from portal.catalog.licensing.hosting import standing_right
from portal.catalog.models import ModelRepo
from portal.catalog.quarantine.questions import Questions
from portal.catalog.services.lookup import find_repo
from portal.hub.rights import require_publisher
from portal.site.labs.repos.forms import ConsentForm


@login_required
@require_safe
def upload(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show where a model's files are dropped. The script brings them by the API, one by one."""
    caller = session_caller(request)
    repo = find_repo(f"{namespace}/{name}", caller=caller)
    require_publisher(caller, repo, timezone.now())
    context = {
        "repo": repo,
        "base_url": settings.BASE_URL,
        "largest_bytes": LARGEST_FILE_BYTES,
        "right": _form_of_right(repo),
        "nav_section": "models",
    }
    return render(request, "site/upload.html", context)


def _form_of_right(repo: ModelRepo) -> ConsentForm | None:
    """Return the form that asks by what right weights are hosted; None where that is known."""
    return None if standing_right(repo) else ConsentForm(questions=Questions(hosting=True))
