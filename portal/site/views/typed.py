"""Give up what a person typed into a form that couldn't be taken."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from portal.forms.kept import discard_form
from portal.forms.pages import posted_from


@posted_from("accounts:profile")
def discard_typed(request: HttpRequest) -> HttpResponse:
    """Drop it, and go back to the page of its form."""
    return redirect(discard_form(request))
