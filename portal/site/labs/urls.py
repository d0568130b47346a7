"""Addresses of the settings of labs; they belong to ``site``'s names."""

from __future__ import annotations

from django.urls import include, path

from portal.site.labs import people, views
from portal.site.labs.licences import views as licences
from portal.site.labs.repos import consent_views, settings_views
from portal.site.labs.repos import views as repos

MODEL = "<namespace:namespace>/<repo_name:name>"
urlpatterns = [
    path("operators/people", people.operators, name="operators"),
    path("operators/<str:username>/take", people.operator_take, name="operator_take"),
    path("", include("portal.site.labs.collections.urls")),
    path("labs", views.labs, name="labs"),
    path("labs/", views.unslashed, name="labs_slash"),
    path("labs/new", views.new_lab, name="lab_new"),
    path("labs/<namespace:namespace>", people.people, name="lab"),
    path(
        "labs/<namespace:namespace>/people/<str:username>/<slug:role>",
        people.role,
        name="lab_role",
    ),
    path("labs/<namespace:namespace>/", views.unslashed, name="lab_slash"),
    path("labs/<namespace:namespace>/models", repos.models, name="lab_models"),
    path("labs/<namespace:namespace>/models/new", repos.new_model, name="lab_model_new"),
    path("labs/<namespace:namespace>/licences", licences.licences, name="lab_licences"),
    path("labs/<namespace:namespace>/licences/new", licences.new_licence, name="lab_licence_new"),
    path(
        "labs/<namespace:namespace>/licences/<slug:slug>/new",
        licences.new_version,
        name="lab_licence_version",
    ),
    path(f"{MODEL}/settings", settings_views.settings, name="model_settings"),
    path(f"{MODEL}/consent/<str:commit>", consent_views.consent, name="consent"),
    path(f"{MODEL}/settings/files", repos.files, name="model_files"),
    path(f"{MODEL}/settings/rename", settings_views.rename, name="model_rename"),
    path(
        f"{MODEL}/settings/names/<int:former_id>/give-up",
        settings_views.give_up,
        name="model_name_give_up",
    ),
    path(f"{MODEL}/settings/delete", settings_views.delete, name="model_delete"),
]
