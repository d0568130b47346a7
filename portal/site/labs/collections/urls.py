"""Addresses of a lab's collections; they belong to ``site``'s names."""

from __future__ import annotations

from django.urls import path

from portal.site.labs.collections import views

LAB = "labs/<namespace:namespace>/collections"
urlpatterns = [
    path(LAB, views.collections, name="lab_collections"),
    path(f"{LAB}/new", views.new_collection, name="lab_collection_new"),
    path(f"{LAB}/<repo_name:slug>/settings", views.collection, name="lab_collection"),
    path(f"{LAB}/<repo_name:slug>/add", views.collection_add, name="lab_collection_add"),
    path(f"{LAB}/<repo_name:slug>/remove", views.collection_remove, name="lab_collection_remove"),
    path(f"{LAB}/<repo_name:slug>/delete", views.collection_delete, name="lab_collection_delete"),
    path(f"{LAB}/<repo_name:slug>/move", views.collection_move, name="lab_collection_move"),
]
