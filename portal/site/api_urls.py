from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from portal.site import api

app_name = "api"
docs = SpectacularSwaggerView.as_view(url_name="api:schema", http_method_names=["get", "head"])
urlpatterns = [
    path("models/", api.ModelList.as_view(), name="models"),
    path("models/<str:namespace>/<str:name>/", api.ModelDetail.as_view(), name="model"),
    path("requests/", api.RequestList.as_view(), name="requests"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
]
