"""Error pages that Django asks for by name."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or cookies are off; what was typed is one step back."""
    return render(request, "errors/csrf.html", status=403)
