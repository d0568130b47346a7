"""Single keys can be switched off, for who speaks to their machine (WCAG 2.1.4)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db
OFF = 'data-keys="off"'


def test_they_act_until_switched_off_and_again_when_switched_on(client):
    client.force_login(make_user())
    profile, keys = reverse("accounts:profile"), reverse("accounts:keys")
    assert OFF not in client.get(profile).text
    page = client.post(keys, {}, follow=True).text
    assert OFF in page
    assert "Keyboard shortcuts are off" in page
    assert OFF in client.get("/").text
    assert OFF not in client.post(keys, {"keys": "on"}, follow=True).text
