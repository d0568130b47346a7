"""The API’s documentation is pages in our look, made of its own description."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.api.docs.operations import operation_groups

pytestmark = pytest.mark.django_db


def group_page(client, slug):
    return client.get(reverse("api:docs_group", args=[slug])).text


def operation(slug, name):
    group = next(group for group in operation_groups() if group.slug == slug)
    return next(it for it in group.operations if it.name == name)


def test_every_operation_is_on_the_first_page_and_on_its_groups(client):
    page = client.get(reverse("api:docs")).text
    for group in operation_groups():
        of_group = group_page(client, group.slug)
        for it in group.operations:
            assert f"#{it.name}" in page
            assert f'<h2 id="{it.name}">' in of_group
            assert it.path in page


def test_the_search_asks_for_all_words(client):
    found = client.get(reverse("api:docs"), {"q": "QUEUE approve"}).context["groups"]
    names = {it.name for group in found for it in group.operations}
    assert "approve" in names
    assert "list_models" not in names


def test_a_search_without_a_hit_leads_back(client):
    assert "No operation has all of these words" in client.get("/api/v1/docs/?q=zebra").text


def test_what_is_sent_is_told_field_by_field():
    fields = {it.name: it for it in operation("queue", "approve").sent}
    assert fields["modes"].is_required
    assert fields["modes"].choices == ["download", "inference"]
    assert fields["until"].kind.startswith("date")
    assert {it.name for it in fields["quotas"].fields} >= {"tokens_per_day", "has_floor"}


def test_the_command_fills_in_what_it_can(settings):
    settings.BASE_URL = "https://gate.example"
    assert operation("queue", "approve").curl.startswith(
        "curl -X POST https://gate.example/api/v1/queue/REQUEST_ID/approve/ \\\n"
    )
    assert "-d '{" in operation("queue", "approve").curl
    assert "-d" not in operation("models", "list_models").curl


def test_a_list_is_told_by_one_of_its_results():
    listed = operation("models", "list_models")
    assert listed.is_list
    assert "count" not in {it.name for it in listed.answered}


def test_refusals_are_told_by_their_status(client):
    assert "Its state has changed" in group_page(client, "queue")


def test_an_unknown_group_leads_to_all_of_them(client):
    assert client.get(reverse("api:docs_group", args=["nothing"])).url == reverse("api:docs")


def test_what_must_be_asked_stands_in_the_command():
    assert "organizations/?q=Q" in operation("organizations", "list_organizations").curl
