"""Confirm an address by its letter's link, in the session of its account."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import ConfirmEmailView
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from portal.accounts.sign_in.sign_up import signed_up_here, where_to_go

SIGN_IN = _("Sign in, so that we know that the address and the account are one person’s.")


class ConfirmAddress(ConfirmEmailView):  # type: ignore[misc]  # allauth has no types
    """A page to confirm an address, for a person signed in to its account or just signed up.

    Otherwise a stranger could get another's address confirmed for their own account: they would
    add it, and wait for its owner to follow the link.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if refusal := self._refusal(request):
            return refusal
        shown: HttpResponse = super().dispatch(request, *args, **kwargs)
        return shown

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        """Send others than the account's holder to sign in; return None for the holder."""
        try:
            address = self.get_object().email_address
        except Http404:
            return None  # its own page says that the link is used up
        if request.user.is_authenticated and request.user.pk != address.user_id:
            return render(request, "account/email_confirm.html", {"elsewhere": True}, status=403)
        if not request.user.is_authenticated and not signed_up_here(request, address):
            messages.info(request, SIGN_IN)
            return redirect_to_login(request.get_full_path())
        return None

    def respond(self, success: bool) -> HttpResponse:
        """Sign in a person who signed up in this browser, and send them to where they came from."""
        page = where_to_go(self.request) or get_next_redirect_url(self.request)
        if success and not self.request.user.is_authenticated:
            get_adapter().login(self.request, self.object.email_address.user)
        return redirect(page) if success and page else super().respond(success)
