"""A name with a typo would lock its owner out of every licence, so it can be corrected."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.accounts.services import change_name
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def test_a_corrected_name_is_kept_and_recorded(now):
    person = make_user()
    changed = change_name(person=person, name=" Ada Example ", now=now)
    assert changed.name == "Ada Example"
    event = AuditEvent.objects.get(type="account.name_changed")
    assert (event.target_id, event.data) == (str(person.pk), {})


def test_the_same_name_records_nothing(now):
    person = make_user()
    change_name(person=person, name=person.name, now=now)
    assert not AuditEvent.objects.filter(type="account.name_changed").exists()


def test_no_name_is_refused(now):
    with pytest.raises(FieldErrors):
        change_name(person=make_user(), name="  ", now=now)


def test_the_page_saves_and_names_what_is_missing(client):
    person = make_user()
    client.force_login(person)
    assert client.post(reverse("accounts:profile"), {"name": ""}).status_code == 422
    client.post(reverse("accounts:profile"), {"name": "Ada Example"})
    person.refresh_from_db()
    assert person.name == "Ada Example"
