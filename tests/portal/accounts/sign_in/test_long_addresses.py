"""An address too long for mail servers is refused at its field, wherever one is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.access.grants.forms import InviteForm
from portal.accounts.forms import ReferenceAddressForm, ReferenceForm
from portal.accounts.models import User
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import PASSWORD, make_user

pytestmark = pytest.mark.django_db
PORTAL = Path(__file__).parents[4] / "portal"
TOO_LONG = f"{'a' * 200}@{'b' * 50}.example"
SIGNING_UP = {"username": "long-address", "name": "Long", "password1": PASSWORD}


@pytest.mark.parametrize(
    ("page", "values"),
    [
        ("/accounts/password/reset/", {}),
        ("/accounts/signup/", SIGNING_UP),
        ("/accounts/email/", {"action_add": ""}),
    ],
)
def test_on_a_page_the_field_says_so(client, page, values):
    client.force_login(make_user()) if page == "/accounts/email/" else None
    people = User.objects.count()
    answer = client.post(page, {"email": TOO_LONG, **values}, follow=True)
    assert answer.status_code in (200, 422)
    assert "at most 254 characters" in answer.text
    assert User.objects.count() == people
    assert not OutboxMessage.objects.filter(address__startswith="aaaa").exists()


@pytest.mark.parametrize("form", [InviteForm, ReferenceForm, ReferenceAddressForm])
def test_our_own_forms_say_so_too(form):
    assert "at most 254 characters" in str(form({"email": TOO_LONG}).errors["email"])


def test_no_form_asks_for_an_address_without_that_bound():
    fields = PORTAL / "forms" / "fields.py"
    sources = [path for path in PORTAL.rglob("*.py") if path != fields]
    assert [str(path) for path in sources if "forms.EmailField" in path.read_text()] == []
