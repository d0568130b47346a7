"""The page on which a publisher agrees to what a revision in quarantine waits for."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.tokens.authentication import session_caller
from portal.accounts.views import signed_in
from portal.catalog.models import Revision
from portal.catalog.quarantine.consenting import give_consent
from portal.catalog.quarantine.questions import questions_of
from portal.catalog.services.lookup import find_revision
from portal.forms.submitting import accepts, form_page, posted_data
from portal.site.labs.repos.forms import ConsentForm
from portal.site.labs.repos.views import published


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, namespace: str, name: str, commit: str) -> HttpResponse:
    """Show the words that are to be agreed to, and take the consent."""
    person, now = signed_in(request), timezone.now()
    repo = published(person, namespace, name)
    revision = find_revision(repo, commit, caller=session_caller(request))
    if not revision.is_quarantined:
        messages.info(request, "Everybody sees this revision. Nothing is asked of you.")
        return redirect(page_of_revision(revision))
    questions = questions_of(revision)
    form = ConsentForm(posted_data(request), questions=questions)

    def agree() -> None:
        give_consent(actor=person, revision=revision, consent=form.consent_given(), now=now)

    if accepts(form, agree):
        after = find_revision(repo, commit, caller=session_caller(request))
        seen = NOT_YET if after.is_quarantined else SEEN
        messages.success(request, f"Your consent is on record. {seen}")
        return redirect(page_of_revision(revision))
    context = {"repo": repo, "revision": revision, "form": form, "questions": questions}
    context["page"] = page_of_revision(revision)
    return form_page(request, "site/labs/consent.html", context)


NOT_YET = "Others see the revision once its check has passed."
SEEN = "Everybody sees this revision now."


def page_of_revision(revision: Revision) -> str:
    """Return the address of the model's page at a revision."""
    page = reverse("site:model", args=[revision.repo.namespace.name, revision.repo.name])
    return f"{page}?revision={revision.commit}"
