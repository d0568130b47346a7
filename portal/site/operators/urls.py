"""Addresses of the operators' home and figures; they belong to ``site``'s names."""

from __future__ import annotations

from django.urls import path

from portal.site.operators import views

urlpatterns = [
    path("operators", views.home, name="operators_home"),
    path("operators/gate", views.gate, name="operators_gate"),
    path("operators/mail", views.mail, name="operators_mail"),
    path("operators/mail/<int:message_id>/again", views.mail_again, name="operators_mail_again"),
]
