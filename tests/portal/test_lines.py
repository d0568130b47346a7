"""A name is one line that hides nothing and leads nowhere, whichever surface it comes from."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.urls import reverse

from portal.accounts.models import AccessToken, Organization, User
from portal.accounts.services import change_name, issue_token
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from portal.text.lines import as_line, line_fault, plain_line
from tests.factories.accounts import make_user
from tests.networks import browser_elsewhere

LURES = [
    "customer\r\n\r\nYour licence is locked. Unlock it",
    "Ada https://evil.example/x",
    "Ada www.evil.example",
    "Ada\u202egnp.exe",
    "Ada\u200b\u200bExample",
    "Ada\x00",
    "Ada\u2028Example",
]


@pytest.mark.parametrize("text", LURES)
def test_what_breaks_hides_turns_or_leads_is_no_line(text):
    assert line_fault(text)


@pytest.mark.parametrize(
    "text",
    ["Ada Example", "Zoë O’Neill-Łukasz", "محمّد رضا", "می\u200cخواهم", "李 明", "A. www Example"],
)
def test_names_as_people_write_them_are(text):
    assert not line_fault(text)


def test_it_is_composed_and_trimmed():
    assert as_line("  Zoe\u0308 ") == "Zo\u00eb"


def test_a_register_is_not_ours_to_refuse():
    assert plain_line("Institute\u200b of\nExamples\u00ad ") == "Institute of Examples"


@pytest.mark.django_db
class TestEachSurface:
    @pytest.mark.parametrize("name", [lure for lure in LURES if "\x00" not in lure])
    def test_signing_up_sends_no_strangers_words(self, name):
        changes = {
            "name": name,
            "email": "stranger@victim.example",
            "username": "stranger",
            "password1": "a few plain words, by Ada",
        }
        assert browser_elsewhere().post("/accounts/signup/", changes).context["form"].errors["name"]
        assert not User.objects.exists()
        assert not OutboxMessage.objects.exists()

    @pytest.mark.parametrize("name", LURES)
    def test_services_refuse_it_and_change_nothing(self, now, name):
        person = make_user()
        with pytest.raises(FieldErrors) as refused:
            change_name(person=person, name=name, now=now)
        assert list(refused.value.errors) == ["name"]
        assert User.objects.get(pk=person.pk).name == person.name
        with pytest.raises(FieldErrors):
            issue_token(owner=person, name=name, scopes=["download"], days=1, now=now)
        assert not AccessToken.objects.exists()

    def test_the_pages_tell_beside_the_field(self, client):
        client.force_login(make_user())
        answer = client.post(reverse("accounts:profile"), {"name": LURES[1]})
        assert answer.status_code == 422
        assert "Write it without a link." in answer.text

    def test_saving_refuses_it_whoever_calls(self, now):
        faulty = Organization(name=LURES[0], created_at=now)
        for save in (faulty.save, lambda: Organization.objects.bulk_create([faulty])):
            with pytest.raises(FieldErrors), transaction.atomic():
                save()
        organization = Organization.objects.create(name=" Zoe\u0308 ", created_at=now)
        assert organization.name == "Zo\u00eb"
