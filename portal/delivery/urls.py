from __future__ import annotations

from django.urls import path

from portal.delivery import probes, views

app_name = "delivery"
urlpatterns = [
    path("-/probe", probes.probe, name="probe"),
    path("-/d/<str:signed>/<str:filename>", views.link, name="link"),
]
