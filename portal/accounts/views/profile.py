"""What a person may correct about themselves, and the ways to the rest of their account."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.forms import ProfileForm
from portal.accounts.services import change_name
from portal.accounts.views import signed_in


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """The name that a person signs with, and the ways to the rest of their account."""
    person = signed_in(request)
    form = ProfileForm(request.POST or None, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        change_name(person=person, name=form.cleaned_data["name"], now=timezone.now())
        messages.success(request, "Your name is kept.")
        return redirect("accounts:profile")
    status = 422 if form.errors else 200
    return render(request, "accounts/profile.html", {"form": form}, status=status)
