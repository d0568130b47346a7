"""A lab is made by an operator, and shown to those who publish or administer in it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.accounts.models import Namespace
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    person = make_user(superuser=True)
    client.force_login(person)
    return person


def test_an_operator_makes_a_lab_on_a_page(client, operator):
    response = client.post(reverse("site:lab_new"), {"name": "deep-lab", "title": "Deep Lab"})
    assert response["Location"] == reverse("site:lab", args=["deep-lab"])
    assert Namespace.objects.publishable_by(operator).filter(name="deep-lab").exists()
    assert AuditEvent.objects.filter(type="lab.created").exists()
    assert "Deep Lab" in client.get(response["Location"]).text


@pytest.mark.parametrize("name", ["queue", "new", "a--b", "-", ""])
def test_an_unfit_name_is_named(client, operator, name):
    response = client.post(reverse("site:lab_new"), {"name": name, "title": "A lab"})
    assert response.status_code == 422
    assert 'href="#name"' in response.text


def test_a_taken_name_is_named_in_any_case(client, operator):
    make_lab("taken-lab")
    response = client.post(reverse("site:lab_new"), {"name": "Taken-Lab", "title": "A lab"})
    assert response.status_code == 422
    assert "The name Taken-Lab is taken. Choose another." in response.text


def test_who_runs_no_lab_is_told_what_to_do(client):
    client.force_login(make_user())
    page = client.get(reverse("site:labs")).text
    assert "You run no lab here" in page
    assert f'href="{reverse("site:labs")}"' not in page


def test_administrators_and_publishers_have_an_entry_and_a_list(client):
    repo = make_repo()
    publisher = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    for person in (publisher, make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)):
        client.force_login(person)
        assert f'href="{reverse("site:labs")}"' in client.get("/").text
        assert reverse("site:lab", args=[repo.namespace.name]) in client.get("/labs").text


def test_a_reviewer_has_neither(client):
    repo = make_repo()
    client.force_login(make_reviewer(repo))
    assert f'href="{reverse("site:labs")}"' not in client.get("/").text
    assert client.get(reverse("site:lab", args=[repo.namespace.name])).status_code == 404
