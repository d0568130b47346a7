from __future__ import annotations

from django.urls import path

from portal.delivery import views

app_name = "delivery"
urlpatterns = [
    path("-/d/<str:signed>/<str:filename>", views.link, name="link"),
]
