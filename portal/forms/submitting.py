"""Steps of a view that shows a form, and calls a service with what was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from portal.errors import FieldErrors
from portal.forms.fields import show_errors


def posted_data(request: HttpRequest) -> QueryDict | None:
    """Return what was posted; None where the form is only shown, so that it has no errors yet."""
    return request.POST if request.method == "POST" else None


def accepts(form: forms.BaseForm, service: Callable[[], object]) -> bool:
    """Call the service if the form is valid. Where either refuses, show why on the form."""
    if not form.is_valid():
        return False
    try:
        service()
    except FieldErrors as error:
        show_errors(form, error)
        return False
    return True


def form_page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page with its ``form``, as unprocessable (422) where the form has errors."""
    status = 422 if context["form"].errors else 200
    return render(request, template, context, status=status)
