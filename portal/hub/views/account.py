"""Say who a token belongs to."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from portal.accounts.models import Namespace
from portal.accounts.tokens.authentication import Caller
from portal.hub import serializers
from portal.hub.errors import TokenNeeded
from portal.hub.http import hub_view


@hub_view("GET")
def whoami(request: HttpRequest, caller: Caller) -> JsonResponse:
    if caller.token is None:
        raise TokenNeeded
    labs = Namespace.objects.labs().filter(roles__user=caller.token.user)
    return JsonResponse(serializers.person(caller.token.user, caller.token, list(labs)))
