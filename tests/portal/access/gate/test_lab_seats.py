"""People with a seat in the whole lab are on the team of each model, wherever it is listed."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.gate.chair import choose_chair
from portal.access.policy.gate_settings import settings_of
from portal.catalog.models import ModelRepo, NamespaceSeat
from portal.errors import FieldErrors
from portal.outbox.services.bounces import mark_bounced
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator, make_gate
from tests.portal.api.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> ModelRepo:
    return make_repo()


@pytest.fixture
def head(repo):
    return make_administrator(repo)


@pytest.fixture
def colleague(repo):
    """Somebody who reviews all models of the lab, and has no seat on any single one."""
    person = make_user("lab-reviewer")
    NamespaceSeat.objects.create(namespace=repo.namespace, user=person, role="reviewer")
    return person


def test_the_chair_may_be_one_of_them(client, repo, head, colleague):
    make_gate(repo)
    client.force_login(head)
    gate = f"/gates/{repo.full_name}"
    assert f'value="{colleague.username}"' in client.get(gate).text
    assert client.post(f"{gate}/chair", {"chair": colleague.username})["Location"] == gate
    assert settings_of(repo).chair == colleague


def test_who_closed_their_account_is_not_offered_as_the_chair(client, repo, head):
    person = make_reviewer(repo)
    person.is_active = False
    person.save(update_fields=["is_active"])
    client.force_login(head)
    assert f'value="{person.username}"' not in client.get(f"/gates/{repo.full_name}").text
    with pytest.raises(FieldErrors):
        choose_chair(actor=head, repo_id=repo.pk, person=person.username, now=timezone.now())


def test_the_gate_says_whose_letters_come_back(client, repo, head, colleague):
    mark_bounced(address=colleague.email, reason="no such mailbox", now=timezone.now())
    client.force_login(head)
    page = client.get(f"/gates/{repo.full_name}").text
    row = page.split(f'<span class="sub">{colleague.username}</span>')[1].split("</tr>")[0]
    assert "Letters come back" in row
    assert "In the whole lab" in row


def test_the_api_lists_each_person_of_the_team_once_with_their_seats(repo, head, colleague):
    api, path = by_token(head, "admin"), f"models/{repo.full_name}/team"
    rows = {row["person"]["username"]: row for row in api.get(path).json()["results"]}
    assert (rows[colleague.username]["model_role"], rows[colleague.username]["lab_role"]) == (
        None,
        "reviewer",
    )
    row = api.put(path, person=colleague.username, role="administrator").json()
    assert (row["role"], row["model_role"], row["lab_role"]) == (
        "administrator",
        "administrator",
        "reviewer",
    )
    assert api.get(path).json()["count"] == 2


def test_a_seat_in_the_lab_is_not_taken_from_a_model(repo, head, colleague):
    api, path = by_token(head, "admin"), f"models/{repo.full_name}/team/{colleague.username}"
    assert fields_of(api.delete(path)) == {"username"}
    assert NamespaceSeat.objects.filter(user=colleague).exists()
