"""The lab that a page is about."""

from __future__ import annotations

from django.http import HttpRequest

from portal.accounts.models import Namespace, User
from portal.accounts.views import signed_in
from portal.catalog.labs.lookup import lab_named
from portal.catalog.services.repos import require_may_publish
from portal.errors import NotFound


def lab_of_page(request: HttpRequest, namespace: str) -> Namespace:
    """Return the lab to somebody who runs it; raise NotFound to anybody else."""
    lab = lab_named(signed_in(request), namespace)
    if lab is None:
        raise NotFound("There’s no such lab, or none that you publish or administer in.")
    return lab


def lab_to_publish_in(request: HttpRequest, namespace: str) -> Namespace:
    """Return the lab to somebody who publishes in it.

    Raise MayNotPublish to others who run it, before they fill in a form, and NotFound to the rest.
    """
    lab = lab_of_page(request, namespace)
    require_may_publish(signed_in(request), lab)
    return lab


def publishes_in(person: User, lab: Namespace) -> bool:
    return Namespace.objects.publishable_by(person).filter(pk=lab.pk).exists()
