"""Names of the models that tokens are for: ``{% load tokens %}``."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.translation import gettext as _

from portal.accounts.models import AccessToken, Scope
from portal.catalog.models import ModelRepo

register = template.Library()


@register.simple_tag
def models_of(tokens: Iterable[AccessToken]) -> dict[int, str]:
    """Return the models' names of each token that is for some alone, by its key, in one query."""
    listed = {token.pk: token.repo_ids for token in tokens if token.repo_ids is not None}
    keys = {key for repo_ids in listed.values() for key in repo_ids}
    rows = ModelRepo.objects.filter(pk__in=keys).values_list("pk", "namespace__name", "name")
    names = {key: f"{namespace}/{name}" for key, namespace, name in rows}
    return {
        token: ", ".join(names.get(key, _("a deleted model")) for key in repo_ids) or _("none")
        for token, repo_ids in listed.items()
    }


@register.filter
def scopes_in_words(scopes: Iterable[str]) -> str:
    """Write what a token may do, in the words of the form that asks for it."""
    return Scope.in_words(scopes)


@register.filter
def of_token(names: dict[int, str], token: AccessToken) -> str:
    """Return one token’s models; "" for one that is for any."""
    return names.get(token.pk, "")
