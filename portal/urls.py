"""Every address. First segments named here are reserved: no namespace may bear them."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("", include("portal.accounts.urls")),
    path("", include("portal.access.urls")),
    path("", include("portal.jobs.urls")),
    path("", include("portal.site.urls")),
    path("", include("portal.delivery.urls")),
    path("", include("portal.hub.urls")),  # last: /<namespace>/<name> is the widest
]
