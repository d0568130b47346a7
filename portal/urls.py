"""The URLconf. Its first segments are reserved: no namespace may bear them."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path
from django.views.generic import RedirectView

from portal.accounts.views.confirming import ConfirmAddress
from portal.site.operators.records import records
from portal.site.views import operations
from portal.surfaces import indexing
from portal.surfaces.assets import stylesheet

handler400 = "portal.surfaces.handlers.bad_request"
handler404 = "portal.surfaces.handlers.not_found"
handler500 = "portal.surfaces.handlers.server_error"
urlpatterns = [
    # Browsers ask here on pages that name no icon: JSON, CSV and plain text.
    path(
        "favicon.ico",
        RedirectView.as_view(url=f"{settings.STATIC_URL}weightgate/favicon.svg"),
        name="favicon",
    ),
    path(stylesheet.STYLESHEET, stylesheet.stylesheet, name="stylesheet"),
    path("robots.txt", indexing.robots, name="robots"),
    path("healthz", operations.healthz, name="healthz"),
    path("readyz", operations.readyz, name="readyz"),
    path("metrics", operations.metrics, name="metrics"),
    path(
        "accounts/confirm-email/<str:key>/",
        ConfirmAddress.as_view(),
        name="account_confirm_email",
    ),
    path("accounts/", include("allauth.account.urls")),
    path("api/v1/", include("portal.api.urls")),
    path("operators/records", records.urls),
    path("", include("portal.accounts.urls")),
    path("", include("portal.access.urls")),
    path("", include("portal.jobs.urls")),
    path("", include("portal.delivery.urls")),
    path("", include("portal.hub.urls")),
    path("", include("portal.site.urls")),  # last: /<namespace>/<name> is the widest
]
