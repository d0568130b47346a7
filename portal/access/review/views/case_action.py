"""Carry out a reviewer’s action on a case: guards, form, service, and the page that answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views import View

from portal.access.errors import ConflictOfInterest
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, require_action
from portal.access.requests.asked_models import chosen_models
from portal.access.review.forms import DIALOGS
from portal.access.review.queue.position import next_to_decide
from portal.access.review.views.common import (
    carried_filters,
    case_page,
    readable_request,
    reviewer_of,
)
from portal.accounts.models import User
from portal.errors import Conflict, DomainError, FieldErrors
from portal.forms.fields import show_errors
from portal.forms.pages import View as ViewFunction
from portal.forms.pages import posted_from


class CaseAction(View):
    """A POST from the page of a case. A subclass says what it does in ``perform``.

    ``dialog`` names the form of the page that it is sent from, where it has one; ``action`` is its
    row in the table of who may do what. ``opens_next``: a success leads to the next case of the
    list, not back to this one.
    """

    dialog: ClassVar[str] = ""
    action: RequestAction | None = None
    opens_next: ClassVar[bool] = False

    reviewer: User
    request_id: int
    access_request: AccessRequest
    form: forms.Form | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """Return what the valid form holds, by the names of its fields."""
        return self.form.cleaned_data if self.form else {}

    def perform(self, now: datetime) -> None:
        """Call the service. What it raises is shown on the page of the case."""
        raise NotImplementedError

    def message(self) -> str:
        """Say what came of it; "" where the page shows that by itself."""
        return ""

    def require_allowed(self, now: datetime) -> None:
        """Raise what the service would, had the form been valid."""
        if self.action is not None:
            require_action(self.reviewer, self.access_request, self.action, now)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> ViewFunction:
        """Return the view; by GET its address leads to the case, with the dialog open."""
        view = super().as_view(**initkwargs)
        return posted_from("access:case", "request_id", part=cls.dialog)(view)

    def post(self, request: HttpRequest, request_id: int) -> HttpResponse:
        self.reviewer, self.request_id = reviewer_of(request), request_id
        self.access_request = readable_request(self.reviewer, request_id)
        if self.dialog:
            form_class = DIALOGS[self.dialog].form
            self.form = form_class(
                request.POST,
                repo=self.access_request.repo,
                models=chosen_models(self.access_request),
            )
        return self._refusal() or self._success()

    def _refusal(self) -> HttpResponse | None:
        """Perform the action. Return None once it is done, else the case with what is wrong."""
        try:
            if self.form is None or self.form.is_valid():
                self.perform(timezone.now())
                return None
            # A case that has moved on says so before its form's own errors, which are moot then.
            self.require_allowed(timezone.now())
        except FieldErrors as error:
            if self.form is None:
                return self._refused(error)
            show_errors(self.form, error)
        except (Conflict, ConflictOfInterest) as error:
            return self._refused(error)
        failed = (self.dialog, self.form)
        return case_page(
            self.request, self.reviewer, self.access_request, status=422, failed=failed
        )

    def _refused(self, error: DomainError) -> HttpResponse:
        """Show the case as it is now, since somebody else may have changed it meanwhile."""
        fresh = readable_request(self.reviewer, self.request_id)
        return case_page(
            self.request,
            self.reviewer,
            fresh,
            status=error.status,
            notice=error.message,
            unsent=self._typed(),
        )

    def _typed(self) -> list[tuple[str, str]]:
        """Return the texts of the form, which nobody should have to write again."""
        texts = [
            field for field in self.form or () if isinstance(field.field.widget, forms.Textarea)
        ]
        return [(str(field.label), field.value()) for field in texts if field.value()]

    def _success(self) -> HttpResponse:
        """Redirect to the next undecided case of the list, to the list, or back to this case."""
        if text := self.message():
            messages.success(self.request, text)
        filters, request_id = carried_filters(self.request), self.request_id
        if (listed := self.request.POST.get("list")) is not None:  # sent from a row of the list
            query = QueryDict(listed)
            address = f"{reverse('access:queue')}?{query.urlencode()}".removesuffix("?")
            return redirect(f"{address}#case-{request_id}")
        if self.opens_next:
            following = next_to_decide(self.access_request, self.reviewer, filters, timezone.now())
            if following is None:
                return redirect(reverse("access:queue") + filters.query)
            request_id = following
        return redirect(reverse("access:case", args=[request_id]) + filters.query)
